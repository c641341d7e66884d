import { rows, type Tx } from '../db.ts'
import { appendFeed } from '../feed/feed.ts'
import type { Resources } from '../resources.ts'
import { BATCH, inBatches, type Moment } from './due-rows.ts'
import { DAY_MS } from './limits.ts'
import { readOwnRules, type OwnRules } from './own-rules.ts'

/** Messages that carry a file; their captions go with them. */
const MEDIA = ['image', 'video', 'audio', 'voice', 'document', 'sticker']

type At = { org: string; now: Date }

/** Older than what the organization set; a message that is on the wire this moment is left for the next sweep. */
const DUE = `(m.created_at < :messages or (m.created_at < :media and m.kind = any(:kinds)))
  and not exists (select from outbox o where o.org_id = :org and o.message_id = m.id and o.state in ('claimed', 'posting'))`

/** Removes messages older than the organization wants to keep them, oldest first; 0 where it set nothing. */
export async function removeOldMessages(on: Resources, at: At & Moment): Promise<number> {
  const rules = await on.db.withTenant(at.org, (tx) => readOwnRules(tx, at.org))
  if (rules.messages === undefined && rules.media === undefined) return 0
  return inBatches(at.signal, async () => {
    const { removed, changed } = await on.db.withTenant(at.org, (tx) => removeBatch(tx, at, rules))
    if (changed) on.events.publish({ kind: 'feed', org: at.org })
    return removed
  })
}

/** How many messages a sweep at `now` would remove under these rules. */
export async function countOldMessages(tx: Tx, at: At, rules: OwnRules): Promise<number> {
  const [found] = await rows<{ n: number }>(
    tx,
    `select count(*)::int as n from messages m where m.org_id = :org and ${DUE}`,
    valuesFor(at, rules),
  )
  return found?.n ?? 0
}

type Gone = { conversation_id: string; wamid: string | null }

async function removeBatch(
  tx: Tx,
  at: At,
  rules: OwnRules,
): Promise<{ removed: number; changed: boolean }> {
  const gone = await rows<Gone>(
    tx,
    `with due as (
       select m.id from messages m where m.org_id = :org and ${DUE} order by m.created_at limit :batch for update of m skip locked
     ) delete from messages m using due where m.org_id = :org and m.id = due.id returning m.conversation_id, m.wamid`,
    { ...valuesFor(at, rules), batch: BATCH },
  )
  if (gone.length === 0) return { removed: 0, changed: false }
  const wamids = gone.map(({ wamid }) => wamid).filter((wamid) => wamid !== null)
  await tx.raw(`delete from message_events where org_id = ? and wamid = any(?)`, [at.org, wamids])
  const changed = await forgetPreviews(tx, at.org, [
    ...new Set(gone.map(({ conversation_id }) => conversation_id)),
  ])
  await appendFeed(
    tx,
    at.org,
    changed.map((ref) => ({ kind: 'conversation.updated', ref })),
  )
  return { removed: gone.length, changed: changed.length > 0 }
}

/** The list must not go on showing the words of a message that is gone: it shows the newest that is left, or nothing. */
async function forgetPreviews(tx: Tx, org: string, ids: string[]): Promise<string[]> {
  const found = await rows<{ id: string }>(
    tx,
    `with locked as materialized (
       select id, last_message_id from conversations where org_id = :org and id = any(:ids) order by id for no key update
     )
     update conversations c
        set last_message_id = n.id, last_message_preview = n.preview, last_message_direction = n.direction,
            unread = case when n.id is null then 0 else c.unread end
       from locked l left join lateral (
              select m.id, m.direction, coalesce(left(m.text, 120), '[' || m.kind || ']') as preview from messages m
               where m.org_id = :org and m.conversation_id = l.id and m.kind not in ('edit', 'revoke')
               order by m.created_at desc, m.id desc limit 1) n on true
      where c.org_id = :org and c.id = l.id and not exists (
              select from messages m where m.org_id = :org and m.id = l.last_message_id)
     returning c.id`,
    { org, ids },
  )
  return found.map(({ id }) => id)
}

const valuesFor = ({ org, now }: At, { messages, media }: OwnRules) => ({
  org,
  messages: before(now, messages),
  media: before(now, media),
  kinds: MEDIA,
})

/** What is not set removes nothing: no message is older than the beginning of time. */
const before = (now: Date, days: number | undefined): Date =>
  days === undefined ? new Date(0) : new Date(now.getTime() - days * DAY_MS)
