import { randomBytes } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { SYSTEM } from '../audit/audit.ts'
import { rows } from '../db.ts'
import { advanceDue } from '../deletions/advance.ts'
import { begin } from '../deletions/request.ts'
import type { Finding } from '../deletions/search.ts'
import { newId } from '../ids.ts'
import { clearAlarms, raiseAlarm } from '../ops/alarms.ts'
import { DAY_MS } from '../privacy/limits.ts'
import type { Resources } from '../resources.ts'
import { searchEverywhere } from './everywhere.ts'
import { plantEverywhere } from './plant.ts'
import { settleCanary } from './settle.ts'

/** `clean`: nothing was left; `found`: something was; `blind`: what was planted was not even found before, so it proves nothing. */
export type Outcome = 'clean' | 'found' | 'blind'
export type Canary = {
  at: Date
  outcome: Outcome
  /** Tables in which it lay. */
  planted: number
  findings: Finding[]
  /** Places that this installation does not let us look into. */
  unsearched: string[]
}

const EVERY_DAYS = 7
/** One that was begun and not ended was killed, or somebody is at it. */
const UNDER_WAY_MS = 3_600_000
const PATIENCE_MS = 300_000

/**
 * Make an organization, plant a value of its own wherever it takes one, delete it by the same steps as any other, and look for the
 * value everywhere. The result is kept; anything but `clean` raises an alarm. Source: promise P45.
 */
export async function runCanary(on: Resources, signal?: AbortSignal): Promise<Canary> {
  const [id, at] = [newId(), on.now()]
  await on.db.withSystem((tx) =>
    rows(tx, 'insert into canary_runs (id, at) values (?, ?)', [id, at]),
  )
  const stem = `canary${randomBytes(9).toString('hex')}`
  const settled = await settleCanary(on, stem)
  const planted = await plantEverywhere(on, settled, stem)
  const before = await searchEverywhere(on, [stem])
  const seen = new Set(before.findings.map(({ place }) => place.split('.')[0] ?? ''))
  await deleteIt(on, settled.org, signal)
  const { findings, unsearched } = await searchEverywhere(on, [stem])
  const isBlind = planted.size === 0 || [...planted].some((table) => !seen.has(table))
  const outcome = findings.length > 0 ? 'found' : isBlind ? 'blind' : 'clean'
  const canary: Canary = { at, outcome, planted: planted.size, findings, unsearched }
  await keep(on, id, canary)
  return canary
}

/** The scheduler's look: once a week, and not in the first day of an installation. */
export async function canaryWhenDue(on: Resources, signal?: AbortSignal): Promise<void> {
  const now = on.now()
  const [seen] = await on.db.withSystem((tx) =>
    rows<{ due: boolean }>(
      tx,
      `select not exists (select from canary_runs
                where (outcome is not null and at > :week) or (outcome is null and at > :hour))
          and exists (select from organizations where created_at < :day) as due`,
      {
        week: new Date(now.getTime() - EVERY_DAYS * DAY_MS),
        hour: new Date(now.getTime() - UNDER_WAY_MS),
        day: new Date(now.getTime() - DAY_MS),
      },
    ),
  )
  if (!seen?.due || signal?.aborted) return
  const { outcome, planted } = await runCanary(on, signal)
  on.log.info({ outcome, planted }, 'canary organization deleted')
}

/** The latest result, for whoever wants to see that deletions reach everything; undefined before the first. */
export async function lastCanary(on: Resources): Promise<Canary | undefined> {
  const [last] = await on.db.withSystem((tx) =>
    rows<Canary>(
      tx,
      `select at, outcome, planted, findings, unsearched from canary_runs
        where outcome is not null order by at desc, id desc limit 1`,
    ),
  )
  return last
}

/** Without a grace and without letters: nobody lives there. Whichever process is at it, it is waited for. */
async function deleteIt(on: Resources, org: string, signal?: AbortSignal): Promise<void> {
  const until = performance.now() + PATIENCE_MS
  const { id } = await on.db.withSystem((tx) =>
    begin(on, tx, { kind: 'org', subject: org, road: 'operator', by: SYSTEM, until: on.now() }),
  )
  while (!(await isPurged(on, id))) {
    await advanceDue(on, { now: on.now(), signal })
    if (await isPurged(on, id)) return
    if (signal?.aborted || performance.now() > until) throw new Error('the canary is not deleted')
    await pause(1_000)
  }
}

const isPurged = async (on: Resources, id: string): Promise<boolean> => {
  const found = await on.db.withSystem((tx) =>
    rows(tx, `select 1 from deletions where id = ? and state = 'purged'`, [id]),
  )
  return found.length > 0
}

async function keep(on: Resources, id: string, canary: Canary): Promise<void> {
  const { outcome, planted, findings, unsearched } = canary
  await on.db.withSystem((tx) =>
    rows(
      tx,
      `update canary_runs set ended_at = ?, outcome = ?, planted = ?, findings = ?::jsonb, unsearched = ?::jsonb where id = ?`,
      [on.now(), outcome, planted, JSON.stringify(findings), JSON.stringify(unsearched), id],
    ),
  )
  if (outcome !== 'clean') await raiseAlarm(on, alarmOf(id, canary), on.now())
  await clearAlarms(on, { kind: 'canary', except: outcome === 'clean' ? [] : [id], now: on.now() })
}

const alarmOf = (id: string, { outcome, findings }: Canary) => ({
  kind: 'canary',
  ref: id,
  stage: outcome,
  subject:
    outcome === 'found'
      ? 'Something is left of the canary organization'
      : 'The search for the canary organization saw nothing, even before it was deleted',
  lines: [
    'Each week an organization is made, deleted like any other and looked for.',
    ...findings.map(({ place }) => `Left: ${place}`),
  ],
})
