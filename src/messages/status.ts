import { isRetriable, rows, type Tx } from '../db.ts'
import { appendFeed } from '../feed/feed.ts'
import type { Resources } from '../resources.ts'
import { absorbEcho, unnamed } from './echoes.ts'
import { RANKS } from './updates.ts'

/** A status as WhatsApp reported it. `ref` is our message id where it was echoed. */
export type StatusEvent = {
  wamid: string
  status: keyof typeof RANKS
  at: Date
  connection: string
  ref: string | null
  error: Record<string, unknown> | null
  billing: Record<string, unknown> | null
}

const MAX_TRIES = 3

/**
 * Keep statuses until their message is known. Of several reports of one status the earliest counts, whatever
 * order they come in. Commit before `applyStatuses`: whoever commits second, this or the sender that learns
 * the wamid, sees the other.
 */
export async function parkStatuses(tx: Tx, org: string, events: StatusEvent[]): Promise<void> {
  if (events.length === 0) return
  await tx.raw(
    `insert into message_events as e (org_id, wamid, status, rank, at, connection_id, ref, error, billing)
     select :org, i.wamid, i.status, (:ranks::jsonb ->> i.status)::smallint, i.at, i.connection, i.ref, i.error, i.billing
       from jsonb_to_recordset(:events::jsonb) as i (wamid text, status text, at timestamptz,
              connection uuid, ref uuid, error jsonb, billing jsonb)
      order by i.wamid, i.status
     on conflict (org_id, wamid, status) do update
       set at = least(e.at, excluded.at), ref = coalesce(e.ref, excluded.ref),
           error = case when excluded.at < e.at then coalesce(excluded.error, e.error)
                        else coalesce(e.error, excluded.error) end,
           billing = coalesce(e.billing, excluded.billing), applied_at = null
     where excluded.at < e.at or (e.ref is null and excluded.ref is not null)`,
    { org, ranks: JSON.stringify(RANKS), events: JSON.stringify(merged(events)) },
  )
}

/** One event for each wamid and status: a statement may not touch a row twice. */
function merged(events: StatusEvent[]): StatusEvent[] {
  const found = new Map<string, StatusEvent>()
  for (const event of events.toSorted((a, b) => a.at.getTime() - b.at.getTime())) {
    const key = `${event.status} ${event.wamid}`
    const { ref, error, billing } = found.get(key) ?? event
    found.set(key, {
      ...(found.get(key) ?? event),
      ref: ref ?? event.ref,
      error: error ?? event.error,
      billing: billing ?? event.billing,
    })
  }
  return [...found.values()]
}

/**
 * Bring our messages to what all their parked statuses say, in a transaction of its own, and tell the feed.
 *
 * The result depends on the set of statuses alone: ranks only grow, first times are the earliest, `delivered`
 * and `read` win over `failed`. A message is found by its wamid, or by our own id while the wamid is unknown.
 * A status proves that the message left, so its outbox entry needs no worker any more.
 */
export async function applyStatuses(on: Resources, org: string, wamids: string[]): Promise<void> {
  if (wamids.length === 0) return
  const moved = await patiently(() => on.db.withTenant(org, (tx) => apply(tx, org, wamids)))
  if (moved) on.events.publish({ kind: 'feed', org })
}

async function apply(tx: Tx, org: string, wamids: string[]): Promise<boolean> {
  const echoed = await absorbEcho(tx, org, await unnamed(tx, org, wamids))
  const targets = await moveMessages(tx, org, wamids)
  if (targets.length === 0) return false
  await settleOutbox(
    tx,
    org,
    targets.map((target) => target.id),
  )
  const moved = targets.filter((target) => target.moved)
  if (moved.length === 0) return false
  await appendFeed(tx, org, [
    ...moved.map(({ id }) => ({ kind: 'message.updated' as const, ref: id })),
    ...echoed.map((ref) => ({ kind: 'conversation.updated' as const, ref })),
  ])
  return true
}

type Target = { id: string; moved: boolean }

/** Locks in the order of ids, as every writer of messages does. A cancelled message stays so unless it was sent after all. */
const MOVE = `
with facts as materialized (
   select e.wamid, max(e.rank) as rank, (array_agg(e.ref order by e.status) filter (where e.ref is not null))[1] as ref,
          min(e.at) filter (where e.status = 'sent') as sent_at, min(e.at) filter (where e.status = 'delivered') as delivered_at,
          min(e.at) filter (where e.status = 'read') as read_at, min(e.at) filter (where e.status = 'failed') as failed_at,
          min(e.at) filter (where e.status = 'deleted') as deleted_at,
          (array_agg(e.error) filter (where e.status = 'failed'))[1] as error
     from message_events e where e.org_id = :org and e.wamid = any(:wamids) group by e.wamid
 ), target as materialized (
   select coalesce(m.id, r.id) as id, f.* from facts f
     left join messages m on m.org_id = :org and m.wamid = f.wamid
     left join messages r on r.org_id = :org and r.id = f.ref and r.wamid is null
    where coalesce(m.id, r.id) is not null
 ), locked as materialized (
   select m.id from messages m where m.org_id = :org and m.id in (select id from target) and m.direction = 'out'
    order by m.id for no key update
 ), moved as (
   update messages m set wamid = coalesce(m.wamid, t.wamid), rank = greatest(m.rank, t.rank),
          status = case when m.status = 'cancelled' and t.rank = 0 then m.status
                        else status_of(greatest(m.rank, t.rank)) end,
          sent_at = least(m.sent_at, t.sent_at), delivered_at = least(m.delivered_at, t.delivered_at),
          read_at = least(m.read_at, t.read_at), failed_at = least(m.failed_at, t.failed_at),
          deleted_at = least(m.deleted_at, t.deleted_at),
          error_code = coalesce(t.error ->> 'code', m.error_code), error_title = coalesce(t.error ->> 'title', m.error_title)
     from target t join locked l on l.id = t.id
    where m.org_id = :org and m.id = t.id
      and ((m.wamid is null, m.rank, m.sent_at, m.delivered_at, m.read_at, m.failed_at, m.deleted_at, m.error_code)
           is distinct from (false, greatest(m.rank, t.rank), least(m.sent_at, t.sent_at),
             least(m.delivered_at, t.delivered_at), least(m.read_at, t.read_at), least(m.failed_at, t.failed_at),
             least(m.deleted_at, t.deleted_at), coalesce(t.error ->> 'code', m.error_code)))
   returning m.id
 ), due as materialized (
   select e.wamid, e.status from message_events e join target t on t.wamid = e.wamid
    where e.org_id = :org and e.applied_at is null order by e.wamid, e.status for no key update of e
 ), marked as (
   update message_events e set applied_at = now() from due d
    where e.org_id = :org and e.wamid = d.wamid and e.status = d.status
 )
 select t.id, t.id in (select id from moved) as moved from target t join locked l on l.id = t.id order by t.id`

const moveMessages = (tx: Tx, org: string, wamids: string[]): Promise<Target[]> =>
  rows<Target>(tx, MOVE, { org, wamids })

async function settleOutbox(tx: Tx, org: string, messages: string[]): Promise<void> {
  await tx.raw(
    `update outbox set state = 'done', finished_at = now(), lease_until = null
      where org_id = ? and message_id = any(?) and finished_at is null`,
    [org, messages],
  )
}

/** A deadlock with, or a wamid stored by, somebody else a moment ago is gone on another try. */
async function patiently<T>(run: () => Promise<T>, tries = MAX_TRIES): Promise<T> {
  try {
    return await run()
  } catch (error) {
    const { code = '' } = error as { code?: string }
    const mayPass = ['40P01', '40001', '23505'].includes(code) || isRetriable(error)
    if (!mayPass || tries <= 1) throw error
    return patiently(run, tries - 1)
  }
}
