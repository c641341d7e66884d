import { rows } from '../db.ts'
import type { Resources } from '../resources.ts'
import type { Advance } from './advance.ts'
import {
  COLUMNS,
  readHandles,
  sealHandles,
  type Deletion,
  type Handles,
  type StepNote,
} from './deletion.ts'
import { startOver } from './again.ts'
import { countRetained, isHeld, type Retained } from './retained.ts'
import { endOf } from './statement.ts'
import { noteState } from './states.ts'
import { writeLedgerFile } from './ledger-file.ts'
import { NotReleased } from './release.ts'
import { NotClean, STEPS, subjectOf, type Counts, type Step } from './steps.ts'

const LEASE_MS = 60_000
const RENEW_MS = 10_000
const REST_MS = 30_000
/** Of these a second run removes what the first one could not. */
const ADDED = new Set(['queues', 'files', 'rows', 'people'])

/** Another process took the deletion over, or this one was told to stop: nothing more is written by this run. */
class Stopped extends Error {}

type Lease = { id: string; fence: number; renewed: number }

/** All steps that are left, then the certificate. True when it is done; false when somebody else is at it. */
export async function purge(on: Resources, deletion: Deletion, at: Advance): Promise<boolean> {
  const lease = await take(on, deletion.id)
  if (!lease) return false
  try {
    // What is destroyed from here on a restored backup must not bring back.
    await writeLedgerFile(on)
    for (const step of STEPS[deletion.kind]) await runStep(on, lease, step, at)
    if (await retain(on, lease)) return false
    at.observe?.('certificate')
    await certify(on, lease)
    return true
  } catch (error) {
    if (error instanceof Stopped) return false
    // Something was left: the steps that remove run once more before it is looked for again.
    if (error instanceof NotClean) await on.db.withSystem((tx) => startOver(tx, lease))
    await rest(on, lease, error).catch(() => undefined)
    throw error
  }
}

async function take(on: Resources, id: string): Promise<Lease | undefined> {
  const now = on.now()
  const [taken] = await on.db.withSystem((tx) =>
    rows<{ fence: number }>(
      tx,
      `update deletions set fence = fence + 1, lease_until = ? where id = ? and state = 'purging'
          and (lease_until is null or lease_until < ?) returning fence`,
      [new Date(now.getTime() + LEASE_MS), id, now],
    ),
  )
  return taken && { id, fence: taken.fence, renewed: now.getTime() }
}

/** What failed is not tried again at once: whatever is away needs a moment, and Meta a longer one at each try. */
function rest(on: Resources, { id, fence }: Lease, error: unknown): Promise<unknown> {
  const times = error instanceof NotReleased ? 2 ** Math.min(fence - 1, 7) : 1
  const until = new Date(on.now().getTime() + REST_MS * times)
  return on.db.withSystem((tx) =>
    rows(tx, 'update deletions set lease_until = ? where id = ? and fence = ?', [until, id, fence]),
  )
}

/** Only the holder of the lease writes; throws Stopped when it is lost. */
async function write(on: Resources, { id, fence }: Lease, change: object): Promise<void> {
  const changed = await on.db.withSystem((tx) =>
    tx('deletions').where({ id, fence, state: 'purging' }).update(change),
  )
  if (changed === 0) throw new Stopped()
}

async function runStep(on: Resources, lease: Lease, step: Step, at: Advance): Promise<void> {
  const deletion = await read(on, lease.id)
  if (deletion.steps[step.name]?.done) return
  const beat = async (where: string): Promise<void> => {
    if (at.signal?.aborted) throw new Stopped()
    at.observe?.(`${step.name} ${where}`)
    if (on.now().getTime() - lease.renewed < RENEW_MS) return
    lease.renewed = on.now().getTime()
    await write(on, lease, { lease_until: new Date(lease.renewed + LEASE_MS) })
  }
  await beat('begins')
  const { counts, notes } = await step.run({
    on,
    deletion,
    handles: await on.db.withSystem((tx) => readHandles(on, tx, lease.id)),
    beat,
    keep: (handles: Handles) => write(on, lease, { handles: sealHandles(on, lease.id, handles) }),
  })
  const before = ADDED.has(step.name) ? deletion.steps[step.name]?.counts : undefined
  const all = before ? sum(before, counts) : counts
  await noteStep(on, lease, step.name, { done: true, counts: all, ...(notes ? { notes } : {}) })
  at.observe?.(`${step.name} ended`)
}

const sum = (before: Counts, now: Counts): Counts =>
  Object.fromEntries(
    [...new Set([...Object.keys(before), ...Object.keys(now)])].map((name) => [
      name,
      (before[name] ?? 0) + (now[name] ?? 0),
    ]),
  )

/**
 * All is gone but what an order keeps: the deletion stays open without a certificate, and rests until the order ends.
 * Source: promise P36.
 */
async function retain(on: Resources, lease: Lease): Promise<boolean> {
  const deletion = await read(on, lease.id)
  if (!(await isHeld(on, deletion))) return false
  const counts = await countRetained(on, await subjectOf(on, deletion))
  if (!counts) return false
  const now = on.now()
  const retained: Retained = { since: deletion.retained?.since ?? now.toISOString(), counts }
  await write(on, lease, { retained_at: now, retained, lease_until: null })
  on.log.info({ deletion: lease.id, kind: deletion.kind, counts }, 'deletion rests')
  return true
}

const noteStep = (on: Resources, lease: Lease, name: string, note: StepNote): Promise<void> =>
  on.db.withSystem(async (tx) => {
    const noted = await rows(
      tx,
      `update deletions set steps = steps || jsonb_build_object(?::text, ?::jsonb)
        where id = ? and fence = ? and state = 'purging' returning id`,
      [name, JSON.stringify(note), lease.id, lease.fence],
    )
    if (noted.length === 0) throw new Stopped()
  })

async function read(on: Resources, id: string): Promise<Deletion> {
  const [found] = await on.db.withSystem((tx) =>
    rows<Deletion>(tx, `select ${COLUMNS} from deletions where id = ?`, [id]),
  )
  if (!found) throw new Stopped()
  return found
}

/** The last write of a deletion: what was kept aside goes, and a signed statement stays. */
async function certify(on: Resources, lease: Lease): Promise<void> {
  const deletion = await read(on, lease.id)
  const now = on.now()
  await on.db.withSystem(async (tx) => {
    const { purged, clear, certificate, signature } = await endOf(on, tx, deletion)
    const ended = await rows(
      tx,
      `update deletions set state = 'purged', purged_at = ?, backups_clear_at = ?, handles = null, lease_until = null,
              certificate = ?::jsonb, signature = ?
        where id = ? and fence = ? and state = 'purging' returning id`,
      [purged, clear, JSON.stringify(certificate), signature, lease.id, lease.fence],
    )
    if (ended.length === 0) throw new Stopped()
    await noteState(on, tx, { id: lease.id, state: 'purged', at: now, by: 'system' })
  })
  on.log.info({ deletion: lease.id, kind: deletion.kind }, 'deletion done')
}
