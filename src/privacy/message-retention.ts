import { rows, type Tx } from '../db.ts'
import { butKept, keptSql } from '../disclosures/scope.ts'
import { appendFeed } from '../feed/feed.ts'
import { removeUnused } from '../media/removal.ts'
import type { Resources } from '../resources.ts'
import { BATCH, inBatches, type Moment } from './due-rows.ts'
import type { Held } from './held.ts'
import { DAY_MS, type OwnRule } from './limits.ts'
import { readOwnRules, type OwnRules } from './own-rules.ts'

type At = { org: string; now: Date; held?: Held | undefined }

/**
 * Which messages a rule is about: all of them, or those that carry a file, with their captions. The list stands in the
 * index `messages_media` too.
 */
const ABOUT: Readonly<Record<OwnRule, string>> = {
  messages: '',
  media: `and m.kind in ('image', 'video', 'audio', 'voice', 'document', 'sticker')`,
}
/** A message that is on the wire this moment is left for the next sweep. */
const AT_REST = `and not exists (
  select from outbox o where o.org_id = m.org_id and o.message_id = m.id and o.state in ('claimed', 'posting'))`

/** Those of whoever needs them for a claim stay, and those that an order keeps; nearly always there is nobody. */
const notHeld = (held: Held | undefined): string =>
  held ? `and m.conversation_id <> all(:held) ${ordered(held, 'messages', 'm')}` : ''
const ordered = ({ isOrdered }: Held, table: string, row?: string): string =>
  isOrdered ? butKept(table, row) : ''
const HELD = `and (m.conversation_id = any(:held) or ${keptSql('messages', 'm') ?? 'false'})`
const heldIn = (held: Held | undefined) => (held ? { held: held.conversations } : {})

/** Removes messages older than the organization wants to keep them, oldest first; 0 where it set nothing. */
export async function removeOldMessages(on: Resources, at: At & Moment): Promise<number> {
  const rules = await on.db.withTenant(at.org, (tx) => readOwnRules(tx, at.org))
  let removed = 0
  for (const rule of ['messages', 'media'] as const) {
    const days = rules[rule]
    if (days === undefined) continue
    const due = { org: at.org, rule, before: before(at.now, days), held: at.held }
    removed += await inBatches(at.signal, async () => {
      const batch = await on.db.withTenant(at.org, (tx) => removeBatch(tx, due))
      if (batch.changed) on.events.publish({ kind: 'feed', org: at.org })
      return batch.removed
    })
  }
  await removeUnused(on, at.org)
  if (rules.messages !== undefined)
    removed += await removeWithheld(on, at, before(at.now, rules.messages))
  return removed
}

/** What lies sealed until a restriction is lifted grows old like what was said before it. */
const removeWithheld = (on: Resources, { org, held }: At, moment: Date): Promise<number> =>
  on.db.withTenant(org, async (tx) => {
    const gone = await rows(
      tx,
      `delete from withheld_messages where org_id = :org and at < :moment
          ${held ? `and contact_id <> all(:contacts) ${ordered(held, 'withheld_messages')}` : ''} returning 1`,
      { org, moment, ...(held ? { contacts: held.contacts } : {}) },
    )
    return gone.length
  })

/** How many messages a sweep at `now` would remove under these rules. */
export const countOldMessages = (tx: Tx, at: At, rules: OwnRules): Promise<number> =>
  countOld(tx, at, rules, notHeld(at.held))

/** How many are older than these rules allow and stay all the same. */
export const countHeldMessages = (tx: Tx, at: At, rules: OwnRules): Promise<number> =>
  at.held ? countOld(tx, at, rules, HELD) : Promise.resolve(0)

async function countOld(
  tx: Tx,
  { org, now, held }: At,
  { messages, media }: OwnRules,
  whose: string,
): Promise<number> {
  const [found] = await rows<{ n: number }>(
    tx,
    `select (select count(*) from messages m where m.org_id = :org and m.created_at < :messages ${AT_REST} ${whose})
          + (select count(*) from messages m where m.org_id = :org and m.created_at < :media
                and m.created_at >= :messages ${ABOUT.media} ${AT_REST} ${whose}) as n`,
    { org, messages: before(now, messages), media: before(now, media), ...heldIn(held) },
  )
  return found?.n ?? 0
}

type Gone = { conversation_id: string; wamid: string | null }

type Due = { org: string; rule: OwnRule; before: Date; held: Held | undefined }

async function removeBatch(
  tx: Tx,
  { org, rule, before: moment, held }: Due,
): Promise<{ removed: number; changed: boolean }> {
  const gone = await rows<Gone>(
    tx,
    `with due as (
       select m.id from messages m where m.org_id = :org and m.created_at < :moment ${ABOUT[rule]} ${AT_REST}
          ${notHeld(held)} order by m.created_at limit :batch for update of m skip locked
     ) delete from messages m using due where m.org_id = :org and m.id = due.id returning m.conversation_id, m.wamid`,
    { org, moment, batch: BATCH, ...heldIn(held) },
  )
  if (gone.length === 0) return { removed: 0, changed: false }
  const wamids = gone.map(({ wamid }) => wamid).filter((wamid) => wamid !== null)
  await tx.raw(`delete from message_events where org_id = ? and wamid = any(?)`, [org, wamids])
  const changed = await forgetPreviews(tx, org, [
    ...new Set(gone.map(({ conversation_id }) => conversation_id)),
  ])
  await appendFeed(
    tx,
    org,
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

/** What is not set removes nothing: no message is older than the beginning of time. */
const before = (now: Date, days: number | undefined): Date =>
  days === undefined ? new Date(0) : new Date(now.getTime() - days * DAY_MS)
