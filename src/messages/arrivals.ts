import { rows, type Tx } from '../db.ts'
import { newId } from '../ids.ts'
import { sealFor } from '../keys.ts'
import type { Resources } from '../resources.ts'
import type { Placed } from './people.ts'
import { cut } from './storable.ts'
import type { MessageUpdate } from './updates.ts'

/** A message with everything its row needs. */
export type Arrival = {
  id: string
  conversation: string
  update: MessageUpdate
  raw: string | null
}
type Pair = { id: string; connection: string; contact: string }
/** Messages with their conversations; how many of these are new. */
export type Seated = { arrivals: { update: MessageUpdate; conversation: string }[]; opened: number }

const PREVIEW = 120
const DAY_MS = 86_400_000

/**
 * The conversation of each message, one for ever per contact and connection, made where there is none.
 * Undefined when somebody else is making one of them: the caller runs again and finds it.
 */
export async function seat(tx: Tx, org: string, placed: Placed[]): Promise<Seated | undefined> {
  const wanted = new Map<string, Pair>()
  for (const { connection, contact, conversation } of placed)
    if (conversation === null)
      wanted.set(`${connection} ${contact}`, { id: newId(), connection, contact })
  const found = wanted.size > 0 ? await seatMissing(tx, org, [...wanted.values()]) : []
  if (found.length < wanted.size) return undefined
  const ids = new Map(found.map((row) => [`${row.connection} ${row.contact}`, row.id]))
  return {
    arrivals: placed.map(({ update, contact, connection, conversation }) => ({
      update,
      conversation: conversation ?? ids.get(`${connection} ${contact}`) ?? '',
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
    select * from jsonb_to_recordset(:wanted::jsonb) as w (id uuid, connection uuid, contact uuid)
  ), known as materialized (
    select c.id, c.connection_id as connection, c.contact_id as contact
      from wanted w join conversations c on c.org_id = :org and c.connection_id = w.connection and c.contact_id = w.contact
  ), opened as (
    insert into conversations (org_id, id, contact_id, connection_id, last_message_at)
    select :org, w.id, w.contact, w.connection, '-infinity' from wanted w
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
    `insert into messages (org_id, id, conversation_id, direction, kind, text, payload, raw, wamid, status, context_wamid, created_at)
     select :org, i.id, i.conversation, 'in', i.kind, i.text, i.payload, i.raw, i.wamid, 'received', i.context, i.at
       from jsonb_to_recordset(:input::jsonb) as i (id uuid, conversation uuid, kind text, text text, payload jsonb,
              raw text, wamid text, context text, at timestamptz)
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
  kind: update.kind,
  text: update.text,
  payload: update.payload,
  wamid: update.wamid,
  context: update.contextWamid,
  at: update.at,
})

/** What the list shows of a conversation, as far as the new messages change it. */
type Sum = {
  id: string
  unread: number
  last_id: string
  last_at: Date
  preview: string
  window: Date | null
}

/**
 * Bring the conversations up to their new messages: unread, preview and order by WhatsApp's time, the 24 hours
 * for free-form answers, and open again what was resolved. Source: WhatsApp Cloud API, customer service windows.
 */
export async function touchConversations(tx: Tx, org: string, added: Arrival[]): Promise<string[]> {
  const sums = new Map<string, Sum>()
  for (const sum of added.map(sumOf)) {
    const before = sums.get(sum.id)
    sums.set(sum.id, before ? together(before, sum) : sum)
  }
  await tx.raw(
    `with locked as materialized (
       select id from conversations where org_id = :org and id = any(:ids) order by id for no key update
     )
     update conversations c
        set unread = c.unread + s.unread, window_expires_at = greatest(c.window_expires_at, s."window"),
            status = case when s.unread > 0 then 'open' else c.status end,
            snoozed_until = case when s.unread > 0 then null else c.snoozed_until end,
            last_message_at = greatest(c.last_message_at, s.last_at),
            last_message_id = case when ${IS_LATER} then s.last_id else c.last_message_id end,
            last_message_preview = case when ${IS_LATER} then s.preview else c.last_message_preview end,
            last_message_direction = case when ${IS_LATER} then 'in' else c.last_message_direction end
       from locked l join jsonb_to_recordset(:sums::jsonb)
              as s (id uuid, unread int, last_id uuid, last_at timestamptz, preview text, "window" timestamptz) on s.id = l.id
      where c.org_id = :org and c.id = l.id`,
    { org, ids: [...sums.keys()], sums: JSON.stringify([...sums.values()]) },
  )
  return [...sums.keys()]
}

const IS_LATER = `(s.last_at, s.last_id) > (c.last_message_at, coalesce(c.last_message_id, '00000000-0000-0000-0000-000000000000'))`

const sumOf = ({ id, conversation, update }: Arrival): Sum => ({
  id: conversation,
  unread: update.isQuiet ? 0 : 1,
  last_id: id,
  last_at: update.at,
  preview: cut(update.text ?? `[${update.kind}]`, PREVIEW),
  window: update.opensWindow ? new Date(update.at.getTime() + DAY_MS) : null,
})

function together(a: Sum, b: Sum): Sum {
  const isLater = [+b.last_at - +a.last_at, b.last_id > a.last_id ? 1 : -1].find((n) => n !== 0)
  const latest = (isLater ?? 0) > 0 ? b : a
  const windows = [a.window, b.window].filter((end) => end !== null)
  const window = windows.length > 0 ? new Date(Math.max(...windows.map(Number))) : null
  return { ...latest, window, unread: a.unread + b.unread }
}
