import { constraintOf, rows, type Tx } from '../db.ts'
import { appendFeed } from '../feed/feed.ts'
import { newId } from '../ids.ts'
import { notFound, Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { refuseStopped, restrictedSql } from '../restrictions/gate.ts'

export type Status = 'open' | 'snoozed' | 'resolved'
export type Conversation = {
  id: string
  contact_id: string
  contact_name: string | null
  /** Digits as WhatsApp gave them; null when the person hides the number. */
  contact_phone: string | null
  contact_username: string | null
  connection_id: string
  status: Status
  assignee_id: string | null
  assignee_name: string | null
  unread: number
  last_message_at: Date
  last_message_preview: string | null
  last_message_direction: 'in' | 'out' | null
  /** State of the newest message: a failed one is marked in the list. */
  last_message_status: string | null
  window_expires_at: Date | null
  /** The contact's data are only kept: of them and of what was said nothing is here. */
  restricted: boolean
  created_at: Date
}

/** `assignee: 'none'` asks for those nobody has; `contacts` limits to what a search found. */
export type Wanted = {
  status?: Status | undefined
  assignee?: string | undefined
  connection?: string | undefined
  contacts?: string[] | undefined
  ids?: string[] | undefined
  /** The last one of the page before. */
  before?: { at: Date; id: string } | undefined
  limit: number
}

const SELECT = `
  select c.id, c.contact_id, case when not r.restricted then k.name end as contact_name, i.phone as contact_phone,
         i.username as contact_username, c.connection_id, c.status, c.assignee_id, a.name as assignee_name,
         case when r.restricted then 0 else c.unread end as unread, c.last_message_at,
         case when not r.restricted then c.last_message_preview end as last_message_preview,
         case when not r.restricted then c.last_message_direction end as last_message_direction,
         m.status as last_message_status, case when not r.restricted then c.window_expires_at end as window_expires_at,
         r.restricted, c.created_at
    from page c join contacts k on k.org_id = c.org_id and k.id = c.contact_id
    cross join lateral (select ${restrictedSql('c.org_id', 'c.contact_id')} as restricted) r
    left join users a on a.id = c.assignee_id
    left join messages m on m.org_id = c.org_id and m.id = c.last_message_id and not r.restricted
    left join lateral (
      select (array_agg(value order by created_at desc, value) filter (where kind = 'phone'))[1] as phone,
             (array_agg(value order by created_at desc, value) filter (where kind = 'username'))[1] as username
        from contact_identities where org_id = c.org_id and contact_id = c.contact_id) i on not r.restricted
   order by c.last_message_at desc, c.id desc`

/** Conversations, newest activity first, at most `limit`; the page is cut before anything is joined to it. */
export async function listConversations(
  tx: Tx,
  org: string,
  wanted: Wanted,
): Promise<Conversation[]> {
  const { status, assignee, connection, contacts, ids, before, limit } = wanted
  const conditions = [
    'org_id = :org',
    status && 'status = :status',
    assignee && (assignee === 'none' ? 'assignee_id is null' : 'assignee_id = :assignee'),
    connection && 'connection_id = :connection',
    contacts && 'contact_id = any(:contacts)',
    ids && 'id = any(:ids)',
    before && '(last_message_at, id) < (cast(:at as timestamptz), cast(:last as uuid))',
  ].filter(Boolean)
  const given = { org, status, assignee, connection, contacts, ids, limit }
  const known = Object.entries({ ...given, at: before?.at, last: before?.id })
  return rows<Conversation>(
    tx,
    `with page as materialized (select * from conversations where ${conditions.join(' and ')}
       order by last_message_at desc, id desc limit :limit) ${SELECT}`,
    Object.fromEntries(
      known.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
    ),
  )
}

export async function getConversation(
  tx: Tx,
  org: string,
  id: string,
): Promise<Conversation | undefined> {
  const [found] = await listConversations(tx, org, { ids: [id], limit: 1 })
  return found
}

export type ConversationChange = {
  status?: Status | undefined
  assignee_id?: string | null | undefined
  /** Whom the person who changes it saw there; when somebody else was faster, Refusal 409 names them. */
  was?: string | null | undefined
}

/**
 * Resolve, reopen or assign. Resolving says it is dealt with, so nothing stays unread.
 * Throws Refusal 404, 422 for an assignee who is not a member and for a restricted contact, 409 `taken` when `was` is
 * not true any more.
 */
export async function changeConversation(
  on: Resources,
  org: string,
  id: string,
  change: ConversationChange,
): Promise<Conversation> {
  const changed = await on.db
    .withTenant(org, async (tx) => {
      await write(tx, org, id, change)
      const found = await getConversation(tx, org, id)
      if (!found) throw notFound('conversation')
      await appendFeed(tx, org, [{ kind: 'conversation.updated', ref: id }])
      return found
    })
    .catch((error: unknown) => {
      if (!constraintOf(error)?.includes('assignee')) throw error
      const sentence = 'This person is not a member of the organization.'
      throw new Refusal(422, 'invalid', sentence, { assignee_id: sentence })
    })
  on.events.publish({ kind: 'feed', org })
  return changed
}

async function write(tx: Tx, org: string, id: string, change: ConversationChange): Promise<void> {
  const { status, assignee_id, was } = change
  const [locked] = await rows<{
    contact_id: string
    assignee_id: string | null
    name: string | null
  }>(
    tx,
    `select c.contact_id, c.assignee_id, a.name from conversations c left join users a on a.id = c.assignee_id
      where c.org_id = ? and c.id = ? for update of c`,
    [org, id],
  )
  if (!locked) throw notFound('conversation')
  await refuseStopped(tx, org, locked.contact_id, 'route')
  if (was !== undefined && was !== locked.assignee_id && locked.assignee_id !== assignee_id)
    throw taken(locked.name)
  if (status)
    await rows(
      tx,
      `update conversations set status = :status, snoozed_until = null,
              unread = case when :status = 'resolved' then 0 else unread end where org_id = :org and id = :id`,
      { status, org, id },
    )
  if (assignee_id !== undefined)
    await rows(tx, 'update conversations set assignee_id = ? where org_id = ? and id = ?', [
      assignee_id,
      org,
      id,
    ])
}

const taken = (name: string | null): Refusal =>
  new Refusal(
    409,
    'taken',
    name
      ? `${name} took this conversation a moment ago. Nothing was changed.`
      : 'This conversation was released a moment ago. Nothing was changed.',
  )

/** The conversation of a contact on a connection, made when they have none; there is one for ever. */
export async function openConversation(
  tx: Tx,
  org: string,
  connection: string,
  contact: string,
): Promise<string> {
  const [found] = await rows<{ id: string }>(
    tx,
    `insert into conversations (org_id, id, contact_id, connection_id, last_message_at) values (?, ?, ?, ?, date_trunc('milliseconds', now()))
     on conflict (org_id, connection_id, contact_id) do update set id = conversations.id returning id`,
    [org, newId(), contact, connection],
  )
  if (!found) throw new Error('an insert that updates on conflict gives a row')
  return found.id
}

/** Somebody looked at it. Throws Refusal 404; says nothing to the feed when nothing was unread. */
export async function markRead(on: Resources, org: string, id: string): Promise<void> {
  const wasUnread = await on.db.withTenant(org, async (tx) => {
    const [found] = await rows<{ unread: number }>(
      tx,
      'select unread from conversations where org_id = ? and id = ? for update',
      [org, id],
    )
    if (!found) throw notFound('conversation')
    if (found.unread === 0) return false
    await rows(tx, 'update conversations set unread = 0, read_at = ? where org_id = ? and id = ?', [
      on.now(),
      org,
      id,
    ])
    await appendFeed(tx, org, [{ kind: 'conversation.updated', ref: id }])
    return true
  })
  if (wasUnread) on.events.publish({ kind: 'feed', org })
}

/** Conversations with something unread to whoever may read them, counted up to 100: more is shown as "99+". */
export async function unreadCount(tx: Tx, org: string): Promise<number> {
  const [found] = await rows<{ n: number }>(
    tx,
    `select count(*)::int as n from (select from conversations c where c.org_id = ? and c.unread > 0
        and not ${restrictedSql('c.org_id', 'c.contact_id')} limit 100) c`,
    [org],
  )
  return found?.n ?? 0
}
