import { erasingConversationsSql } from '../contacts/erasing.ts'
import { rows, type Tx } from '../db.ts'
import type { Arrival } from './arrivals.ts'
import { Collision } from './collision.ts'
import { cut } from './storable.ts'

const PREVIEW = 120
const DAY_MS = 86_400_000

/** What the list shows of a conversation, as far as the new messages change it. */
type Sum = {
  id: string
  unread: number
  last_id: string
  last_at: Date
  preview: string
  direction: 'in' | 'out'
  window: Date | null
}

/**
 * Bring the conversations up to their new messages: unread, preview and order by WhatsApp's time, the 24 hours
 * for free-form answers, and open again what was resolved. Throws Collision when the contact of one of them is being
 * erased: another look finds nobody, and whoever writes is somebody new. Source: WhatsApp Cloud API, customer service windows.
 */
export async function touchConversations(tx: Tx, org: string, added: Arrival[]): Promise<string[]> {
  const sums = new Map<string, Sum>()
  for (const sum of added.map(sumOf)) {
    const before = sums.get(sum.id)
    sums.set(sum.id, before ? together(before, sum) : sum)
  }
  const [late] = await rows(
    tx,
    `with locked as materialized (
       select id from conversations where org_id = :org and id = any(:ids) order by id for no key update
     ), touched as (
     update conversations c
        set unread = c.unread + s.unread, window_expires_at = greatest(c.window_expires_at, s."window"),
            status = case when s.unread > 0 then 'open' else c.status end,
            snoozed_until = case when s.unread > 0 then null else c.snoozed_until end,
            last_message_at = greatest(c.last_message_at, s.last_at),
            last_message_id = case when ${IS_LATER} then s.last_id else c.last_message_id end,
            last_message_preview = case when ${IS_LATER} then s.preview else c.last_message_preview end,
            last_message_direction = case when ${IS_LATER} then s.direction else c.last_message_direction end
       from locked l join jsonb_to_recordset(:sums::jsonb)
              as s (id uuid, unread int, last_id uuid, last_at timestamptz, preview text, direction text,
                    "window" timestamptz) on s.id = l.id
      where c.org_id = :org and c.id = l.id
     )
     select from locked where id in (${erasingConversationsSql(':org')}) limit 1`,
    { org, ids: [...sums.keys()], sums: JSON.stringify([...sums.values()]) },
  )
  if (late) throw new Collision()
  return [...sums.keys()]
}

const IS_LATER = `(s.last_at, s.last_id) > (c.last_message_at, coalesce(c.last_message_id, '00000000-0000-0000-0000-000000000000'))`

const sumOf = ({ id, conversation, update }: Arrival): Sum => ({
  id: conversation,
  unread: update.isQuiet ? 0 : 1,
  last_id: id,
  last_at: update.at,
  preview: cut(update.text ?? `[${update.kind}]`, PREVIEW),
  direction: update.direction,
  window: update.opensWindow ? new Date(update.at.getTime() + DAY_MS) : null,
})

function together(a: Sum, b: Sum): Sum {
  const isLater = [+b.last_at - +a.last_at, b.last_id > a.last_id ? 1 : -1].find((n) => n !== 0)
  const latest = (isLater ?? 0) > 0 ? b : a
  const windows = [a.window, b.window].filter((end) => end !== null)
  const window = windows.length > 0 ? new Date(Math.max(...windows.map(Number))) : null
  return { ...latest, window, unread: a.unread + b.unread }
}
