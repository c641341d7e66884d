import { rows, type Tx } from '../db.ts'
import { appendFeed } from '../feed/feed.ts'
import { applyStatuses } from '../messages/status.ts'
import type { Resources } from '../resources.ts'
import { doubt } from './record.ts'

const CONNECTIONS = 1_000
const LEASES = 1_000
const STATUSES = 2_000
/** Statuses applied in one transaction. */
const SET = 500

/**
 * The net below everything that is only a hint: rings for what is due, ends leases whose process died, and applies
 * statuses that found no message. Any number of processes may run it at once; each row decides for itself.
 */
export async function sweep(on: Resources): Promise<void> {
  const { leases, parked } = await on.db.withSystem(async (tx) => ({
    leases: await rows<Lease>(tx, 'select * from expired_leases(?)', [LEASES]),
    parked: await rows<Parked>(tx, 'select * from parked_events(?)', [STATUSES]),
  }))
  await eachOrg(on, leases, (org, own) => endLeases(on, org, own))
  await eachOrg(on, parked, (org, own) => applyParked(on, org, own))
  const due = await on.db.withSystem((tx) =>
    rows<Due>(tx, 'select * from due_connections(?)', [CONNECTIONS]),
  )
  await Promise.all(due.map((d) => on.queues.ring({ org: d.org_id, connection: d.connection_id })))
}

type Lease = { org_id: string; message_id: string }
type Parked = { org_id: string; wamid: string }
type Due = { org_id: string; connection_id: string }

/** One organization's trouble, such as being erased just now, is not its neighbours'. */
async function eachOrg<T extends { org_id: string }>(
  on: Resources,
  found: T[],
  run: (org: string, own: T[]) => Promise<void>,
): Promise<void> {
  for (const org of new Set(found.map((row) => row.org_id))) {
    const own = found.filter((row) => row.org_id === org)
    await run(org, own).catch((error: unknown) => on.log.error({ err: error, org }, 'not swept'))
  }
}

async function applyParked(on: Resources, org: string, parked: Parked[]): Promise<void> {
  const wamids = [...new Set(parked.map((event) => event.wamid))]
  for (let at = 0; at < wamids.length; at += SET)
    await applyStatuses(on, org, wamids.slice(at, at + SET))
}

/** `claimed` was never posted and goes back; `posting` may have been, so nobody but a person repeats it. */
async function endLeases(on: Resources, org: string, leases: Lease[]): Promise<void> {
  const ids = leases.map((lease) => lease.message_id)
  const doubted = await on.db.withTenant(org, async (tx) => {
    await tx.raw(
      `update outbox set state = 'pending', lease_until = null
        where org_id = ? and message_id = any(?) and state = 'claimed' and lease_until < now()`,
      [org, ids],
    )
    const unsure = await doubtAll(tx, org, ids)
    if (unsure.length > 0)
      await appendFeed(
        tx,
        org,
        unsure.map((ref) => ({ kind: 'message.updated', ref })),
      )
    return unsure
  })
  if (doubted.length === 0) return
  for (const _ of doubted) on.tally.count('message', 'unknown', { reason: 'lease_over' })
  on.log.warn({ org, messages: doubted }, 'posts without an outcome')
  on.events.publish({ kind: 'feed', org })
}

async function doubtAll(tx: Tx, org: string, ids: string[]): Promise<string[]> {
  const open = await rows<{ message_id: string; fence: number }>(
    tx,
    `select message_id, fence from outbox where org_id = ? and message_id = any(?) and state = 'posting'
        and lease_until < now() order by message_id`,
    [org, ids],
  )
  const unsure: string[] = []
  for (const { message_id: message, fence } of open)
    if (await doubt(tx, { org, message, fence }, 'lease_over')) unsure.push(message)
  return unsure
}
