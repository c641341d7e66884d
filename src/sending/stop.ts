import { rows, type Tx } from '../db.ts'
import { codeOf, type Kind } from '../restrictions/gate.ts'

/** What of a contact's waiting messages each kind stops; a restriction stops all. Campaigns go by the second lane. */
const WAITING: Readonly<Record<Kind, string | undefined>> = {
  restricted: 'true',
  no_marketing: 'o.lane = 1',
  no_automation: `d.kind in ('api_key', 'rule')`,
  no_personalisation: undefined,
  no_usage: undefined,
}

/**
 * End what waits to be sent to a contact and what a new restriction forbids; returns the messages that failed by it.
 * The rows of everything unfinished are locked first: a worker about to post holds one of them, so it has either
 * committed its post before the restriction, or sees the restriction.
 */
export async function stopQueued(
  tx: Tx,
  org: string,
  { contact, kind, at }: { contact: string; kind: Kind; at: Date },
): Promise<string[]> {
  const condition = WAITING[kind]
  if (condition === undefined) return []
  const stopped = await rows<{ id: string }>(
    tx,
    `with open as materialized (
       select m.id from outbox o
         join conversations c on c.org_id = :org and c.id = o.conversation_id and c.contact_id = :contact
         join messages m on m.org_id = :org and m.id = o.message_id
         join routing_decisions d on d.org_id = :org and d.message_id = m.id
        where o.org_id = :org and o.finished_at is null and ${condition}
        order by m.id for no key update of m
     ), ended as (
       update outbox o set state = 'done', finished_at = now(), lease_until = null, error_class = 'recipient', error_code = :code
         from open where o.org_id = :org and o.message_id = open.id and o.state in ('pending', 'retry') returning o.message_id
     )
     update messages m set rank = greatest(m.rank, 40), status = status_of(greatest(m.rank, 40)::smallint),
            failed_at = least(m.failed_at, :at), error_code = :code, error_title = null
       from ended where m.org_id = :org and m.id = ended.message_id returning m.id`,
    { org, contact, at, code: codeOf(kind) },
  )
  return stopped.map(({ id }) => id)
}
