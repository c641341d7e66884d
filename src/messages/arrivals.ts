import { rows, type Tx } from '../db.ts'
import { newId } from '../ids.ts'
import { sealFor } from '../keys.ts'
import type { Resources } from '../resources.ts'
import type { Incoming, Placed } from './people.ts'
import { RANKS, type MessageUpdate } from './updates.ts'

/** A message with everything its row needs. */
export type Arrival = {
  id: string
  conversation: string
  update: MessageUpdate
  raw: string | null
}
type Pair = { id: string; connection: string; contact: string; status: 'open' | 'resolved' }
/** Messages with their conversations; how many of these are new. */
export type Seated = { arrivals: { update: MessageUpdate; conversation: string }[]; opened: number }

/**
 * The conversation of each message, one for ever per contact and connection, made where there is none: open when
 * there is something to answer. Undefined when somebody else is making one of them: the caller runs again and finds it.
 */
export async function seat(
  tx: Tx,
  org: string,
  placed: Placed<Incoming>[],
): Promise<Seated | undefined> {
  const wanted = new Map<string, Pair>()
  for (const { who, contact, conversation } of placed) {
    const { connection, isQuiet } = who
    const key = `${connection} ${contact}`
    const isOpen = !isQuiet || wanted.get(key)?.status === 'open'
    if (conversation === null)
      wanted.set(key, { id: newId(), connection, contact, status: isOpen ? 'open' : 'resolved' })
  }
  const found = wanted.size > 0 ? await seatMissing(tx, org, [...wanted.values()]) : []
  if (found.length < wanted.size) return undefined
  const ids = new Map(found.map((row) => [`${row.connection} ${row.contact}`, row.id]))
  return {
    arrivals: placed.map(({ who, contact, conversation }) => ({
      update: who,
      conversation: conversation ?? ids.get(`${who.connection} ${contact}`) ?? '',
    })),
    opened: found.filter((row) => row.opened).length,
  }
}

type Opened = Pair & { opened: boolean }
const seatMissing = (tx: Tx, org: string, wanted: Pair[]): Promise<Opened[]> =>
  rows<Opened>(tx, SEAT, { org, wanted: JSON.stringify(wanted) })

/** A new conversation has no time of its own yet; its first message sets it in the same transaction. */
const SEAT = `
  with wanted as materialized (
    select * from jsonb_to_recordset(:wanted::jsonb) as w (id uuid, connection uuid, contact uuid, status text)
  ), known as materialized (
    select c.id, c.connection_id as connection, c.contact_id as contact
      from wanted w join conversations c on c.org_id = :org and c.connection_id = w.connection and c.contact_id = w.contact
  ), opened as (
    insert into conversations (org_id, id, contact_id, connection_id, status, last_message_at)
    select :org, w.id, w.contact, w.connection, w.status, '-infinity' from wanted w
     where not exists (select from known k where k.connection = w.connection and k.contact = w.contact)
     order by w.connection, w.contact
    on conflict do nothing returning id, connection_id as connection, contact_id as contact
  ) select *, false as opened from known union all select *, true from opened`

/** Insert what is not there yet, in the order of wamids; returns the messages that are new. */
export async function addMessages(
  on: Resources,
  tx: Tx,
  org: string,
  arrivals: Seated['arrivals'],
): Promise<Arrival[]> {
  const wanted: Arrival[] = []
  for (const { update, conversation } of arrivals) {
    const id = newId()
    const place = { purpose: 'messages|raw', org, row: id }
    const raw = update.raw === null ? null : await sealFor(on, tx, place, update.raw)
    wanted.push({ id, conversation, update, raw })
  }
  const added = await rows<{ id: string }>(
    tx,
    `insert into messages (org_id, id, conversation_id, direction, via, kind, text, payload, raw, wamid, status, rank,
            context_wamid, created_at, sent_at)
     select :org, i.id, i.conversation, i.direction, i.via, i.kind, i.text, i.payload, i.raw, i.wamid, i.status, i.rank,
            i.context, i.at, case when i.rank >= 30 and i.rank <> 40 then i.at end
       from jsonb_to_recordset(:input::jsonb) as i (id uuid, conversation uuid, direction text, via text, kind text,
              text text, payload jsonb, raw text, wamid text, status text, rank smallint, context text, at timestamptz)
      order by i.wamid
     on conflict (org_id, wamid) do nothing returning id`,
    { org, input: JSON.stringify(wanted.map(rowOf)) },
  )
  const ids = new Set(added.map(({ id }) => id))
  return wanted.filter(({ id }) => ids.has(id))
}

const rowOf = ({ id, conversation, update, raw }: Arrival): object => ({
  id,
  conversation,
  raw,
  direction: update.direction,
  via: update.via,
  status: update.status,
  rank: rankOf(update),
  kind: update.kind,
  text: update.text,
  payload: update.payload,
  wamid: update.wamid,
  context: update.contextWamid,
  at: update.at,
})

const rankOf = ({ direction, status }: MessageUpdate): number | null => {
  if (direction === 'in' || status === 'received') return null
  return status === 'accepted' ? 20 : RANKS[status]
}
