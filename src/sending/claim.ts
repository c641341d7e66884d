import { erasingConversationsSql } from '../contacts/erasing.ts'
import { constraintOf, isRetriable, rows, type Tx } from '../db.ts'
import type { Doorbell } from '../queues.ts'
import type { Resources } from '../resources.ts'
import { allowance } from './hold.ts'

/** An outbox entry that this process may post; every write about it names `fence`, so that a lost lease writes nothing. */
export type Entry = Doorbell & {
  message: string
  conversation: string
  fence: number
  body: object
  /** Seconds since it was queued, by the database's clock. */
  ageS: number
  /** It finds out whether a held connection can send again. */
  trial: boolean
  /** How many messages a second WhatsApp takes from this number. */
  perSecond: number
}

type Row = {
  message_id: string
  conversation_id: string
  fence: number
  body: object
  age_s: number
}

/**
 * One head per conversation, agents before campaigns, then by age. An entry in flight stops its conversation;
 * one that waits (`retry`, `unknown`) stops it until `hold_until`. Rows another process holds are passed over, and
 * those to somebody who is being erased.
 */
const CLAIM = `
  with head as materialized (
    select o.message_id from outbox o
     where o.org_id = :org and o.connection_id = :connection and o.state in ('pending', 'retry') and o.due_at <= now()
       and o.conversation_id not in (${erasingConversationsSql(':org')})
       and not exists (
         select from outbox p
          where p.org_id = :org and p.conversation_id = o.conversation_id and p.finished_at is null and p.ord <> o.ord
            and (p.state in ('claimed', 'posting')
              or ((p.lane, p.ord) < (o.lane, o.ord)
                and (p.hold_until is null or p.hold_until > now()
                  or (p.state in ('pending', 'retry') and p.due_at <= now())))))
     order by o.lane, o.ord limit :limit for update of o skip locked)
  update outbox o
     set state = 'claimed', fence = o.fence + 1, lease_until = now() + interval '30 seconds', worker = :worker
    from head h
   where o.org_id = :org and o.message_id = h.message_id and o.state in ('pending', 'retry')
  returning o.message_id, o.conversation_id, o.fence, o.body, extract(epoch from now() - o.created_at)::float8 as age_s`

const RACES = 5

/** Up to `limit` entries of a connection that are due now, leased for 30 seconds by the database's clock. */
export async function claim(
  on: Resources,
  at: Doorbell,
  limit: number,
  worker: string,
): Promise<Entry[]> {
  for (let race = 1; ; race += 1) {
    try {
      return await on.db.withTenant(at.org, (tx) => claimHeads(tx, at, limit, worker))
    } catch (error) {
      // Two processes saw the same head: the other one has it, and the next look shows that.
      const lost = constraintOf(error) === 'outbox_one_in_flight' || isDeadlock(error)
      if (!lost || race === RACES) throw error
    }
  }
}

async function claimHeads(tx: Tx, at: Doorbell, limit: number, worker: string): Promise<Entry[]> {
  const allowed = await allowance(tx, at)
  if (allowed.limit < 1) return []
  const most = Math.min(limit, allowed.limit)
  const found = await rows<Row>(tx, CLAIM, { ...at, limit: most, worker })
  return found.map((row) => ({
    org: at.org,
    connection: at.connection,
    message: row.message_id,
    conversation: row.conversation_id,
    fence: row.fence,
    body: row.body,
    ageS: row.age_s,
    trial: allowed.trial,
    perSecond: allowed.perSecond,
  }))
}

const isDeadlock = (error: unknown): boolean =>
  isRetriable(error) && (error as { code?: string }).code?.startsWith('40') === true

/** Whether anything of a connection is due; what is held back by its conversation counts too. */
export async function isMoreDue(tx: Tx, { org, connection }: Doorbell): Promise<boolean> {
  const [found] = await rows<{ more: boolean }>(
    tx,
    `select exists (select from outbox where org_id = ? and connection_id = ? and state in ('pending', 'retry')
        and due_at <= now()) as more`,
    [org, connection],
  )
  return found?.more ?? false
}
