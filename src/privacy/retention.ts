import { underLock } from '../advisory-lock.ts'
import { expireBackups } from '../backups/shelf.ts'
import { advanceDue } from '../deletions/advance.ts'
import { noteTraffic, tendDormant } from '../deletions/dormant.ts'
import { tendLedger } from '../deletions/ledger-file.ts'
import { tellOrganizations } from '../disclosures/telling.ts'
import { watchIncidents } from '../incidents/clock.ts'
import { QUEUE_NAMES } from '../queues.ts'
import { Refusal } from '../refusal.ts'
import { tendKeys } from '../ops/due-keys.ts'
import { checkSealed } from '../ops/unsealed.ts'
import { announceProcessors } from '../processors/notices.ts'
import type { Resources } from '../resources.ts'
import { foldUsage } from '../usage/days.ts'
import { countHeld, listDueRows, removeDue, type DueRows, type Moment } from './due-rows.ts'
import { readHeld, type Held } from './held.ts'
import { DAY_MS, LIMITS } from './limits.ts'
import { countHeldMessages, removeOldMessages } from './message-retention.ts'
import { readOwnRules } from './own-rules.ts'
import { beginRun, isSweepDue, listSwept, noteRun } from './sweep-runs.ts'

/** Any number will do, as long as every sweep takes the same one. */
const LOCK = 1_128_679_002

export type Swept = {
  now: Date
  /** Tables and queues something left. */
  purged: string[]
  /** Tables and queues that could not be swept: what is due there stays until somebody looks. */
  overdue: string[]
  /** Rows or jobs removed, by table or queue. */
  counts: Record<string, number>
  /** Rows over their time that stay because somebody needs them for a claim, by table. */
  held: Record<string, number>
}

/** What a sweep adds to while it goes on. */
type Tally = {
  counts: Record<string, number>
  held: Record<string, number>
  overdue: Set<string>
}

/**
 * Removes everything whose time is over at `now`, in batches with short locks. Twice with the same `now` removes
 * nothing the second time; killed at any point and begun again it ends the same. Throws Refusal 409 `sweep_running`
 * while another one runs anywhere. `signal` ends it between two batches; the run then counts as not finished.
 */
export async function sweepRetention(
  on: Resources,
  now: Date,
  signal?: AbortSignal,
): Promise<Swept> {
  return alone(on, () => sweep(on, { now, signal }))
}

/** A connection that breaks meanwhile frees the lock: a second sweep does no harm. */
const alone = <T>(on: Resources, run: () => Promise<T>): Promise<T> =>
  underLock(on, LOCK, {
    async enter(take) {
      if (!(await take())) throw new Refusal(409, 'sweep_running', 'A sweep is running already.')
    },
    run,
  })

/** The scheduler's look: sweeps when it is time and nobody else does. */
export async function sweepWhenDue(on: Resources, signal?: AbortSignal): Promise<void> {
  const now = on.now()
  if (!(await isSweepDue(on, now))) return
  try {
    await sweepRetention(on, now, signal)
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
  }
}

async function sweep(on: Resources, at: Moment): Promise<Swept> {
  const { now, signal } = at
  const started = performance.now()
  const tally: Tally = { counts: {}, held: {}, overdue: new Set() }
  const id = await beginRun(on, now)
  const soFar = () => ({
    counts: tally.counts,
    held: tally.held,
    overdue: [...tally.overdue].toSorted(),
  })
  await sweepQueues(on, now, tally)
  const deletions = await advanceDue(on, { now, signal })
  tally.counts['deletions'] = deletions.purged.length
  if (deletions.failed.length + deletions.overdue.length > 0) tally.overdue.add('deletions')
  await sweepBackups(on, now, tally)
  await attempt(on, tally, 'incidents', () => watchIncidents(on, now))
  await attempt(on, tally, 'disclosures', () => tellOrganizations(on, now))
  const due = await listDueRows(on)
  for (const rule of due.filter(({ isSystem }) => isSystem))
    await count(on, tally, rule.table, () => removeDue(on, rule, at))
  await noteRun(on, id, { ...soFar(), finished: false })
  const tenant = due.filter(({ isSystem }) => !isSystem)
  for (const org of await listSwept(on)) await sweepOrganization(on, tally, tenant, { ...at, org })
  const result = soFar()
  await noteRun(on, id, { ...result, finished: !signal?.aborted })
  const ms = Math.round(performance.now() - started)
  on.log.info({ sweep: id, ...result, ms }, 'retention sweep')
  const purged = Object.keys(result.counts).filter((name) => (result.counts[name] ?? 0) > 0)
  return { now, purged, ...result }
}

/** What lies beside the database: backups whose time is over, and the ledger that a restore goes by. */
async function sweepBackups(on: Resources, now: Date, tally: Tally): Promise<void> {
  const expired = await attempt(on, tally, 'backups', () => expireBackups(on, now))
  tally.counts['backup files'] = expired?.removed ?? 0
  if (expired && expired.late.length > 0) tally.overdue.add('backups')
  const isWhole = await attempt(on, tally, 'deletion ledger', () => tendLedger(on, now))
  if (isWhole === false) tally.overdue.add('deletion ledger')
}

async function sweepOrganization(
  on: Resources,
  tally: Tally,
  due: DueRows[],
  at: Moment & { org: string },
): Promise<void> {
  await attempt(on, tally, 'activity', () => noteTraffic(on, at.org))
  // Counted before the events go; it removes nothing, so it stands under no table's name.
  await attempt(on, tally, 'usage', () => foldUsage(on, at.org, at.now))
  await attempt(on, tally, 'claims', () => sweepRows(on, tally, due, at))
  await attempt(on, tally, 'dormancy', () => tendDormant(on, at))
  await attempt(on, tally, 'keys', () => tendKeys(on, at.org, at.now))
  await attempt(on, tally, 'sealed', () => checkSealed(on, at.org))
  await attempt(on, tally, 'processors', () => announceProcessors(on, at.org))
}

/** Nothing is removed where it cannot be told who needs what. */
async function sweepRows(
  on: Resources,
  tally: Tally,
  due: DueRows[],
  at: Moment & { org: string },
): Promise<void> {
  const held = await readHeld(on, at.org)
  const part = { ...at, held }
  await count(on, tally, 'messages', () => removeOldMessages(on, part))
  for (const rule of due) await count(on, tally, rule.table, () => removeDue(on, rule, part))
  if (held) await noteHeld(on, tally, due, { ...at, held })
}

async function noteHeld(
  on: Resources,
  { held: noted }: Tally,
  due: DueRows[],
  at: { org: string; now: Date; held: Held },
): Promise<void> {
  const messages = await on.db.withTenant(at.org, async (tx) =>
    countHeldMessages(tx, at, await readOwnRules(tx, at.org)),
  )
  if (messages > 0) noted['messages'] = (noted['messages'] ?? 0) + messages
  for (const rule of due) {
    const n = await countHeld(on, rule, at)
    if (n > 0) noted[rule.table] = (noted[rule.table] ?? 0) + n
  }
}

/** Jobs that ended, and what was told of them, in every queue of whichever back end. */
async function sweepQueues(on: Resources, now: Date, tally: Tally): Promise<void> {
  const done = new Date(now.getTime() - LIMITS.JOB_DONE_MINUTES.is * 60_000)
  const failed = new Date(now.getTime() - LIMITS.JOB_FAILED_DAYS.is * DAY_MS)
  for (const name of QUEUE_NAMES) {
    await count(on, tally, `queue ${name}`, () => on.queues.clean(name, 'completed', done))
    await count(on, tally, `queue ${name}`, () => on.queues.clean(name, 'failed', failed))
    await count(on, tally, `events of queue ${name}`, () => on.queues.trimEvents(name, done))
  }
}

/** One table's or one organization's trouble is written down and holds up nobody else. */
async function count(
  on: Resources,
  tally: Tally,
  name: string,
  remove: () => Promise<number>,
): Promise<void> {
  tally.counts[name] ??= 0
  const removed = await attempt(on, tally, name, remove)
  tally.counts[name] += removed ?? 0
}

async function attempt<T>(
  on: Resources,
  tally: Tally,
  name: string,
  work: () => Promise<T>,
): Promise<T | undefined> {
  try {
    const done = await work()
    return done
  } catch (error) {
    tally.overdue.add(name)
    on.log.error({ err: error, part: name }, 'not swept')
    return undefined
  }
}
