import { rows, type Tx } from '../db.ts'
import { lastSeq, readFeed, type FeedEntry } from '../feed/feed.ts'
import type { Message } from '../messages/messages.ts'
import { restrictedSql } from '../restrictions/gate.ts'
import { listConversations, unreadCount, type Conversation } from './conversations.ts'

/** More than this behind, and the page gets its list anew instead of change by change. */
export const MAX_GAP = 500

export type Brief = Pick<
  Message,
  'id' | 'conversation_id' | 'direction' | 'kind' | 'text' | 'status'
> & {
  context_wamid: string | null
}
export type Changes = {
  /** The number of the last change in here. */
  seq: number
  isGap: boolean
  entries: FeedEntry[]
  messages: Brief[]
  conversations: Conversation[]
  unread: number
}

/** What happened in an organization after a number, or undefined when nothing did. */
export async function readChanges(
  tx: Tx,
  org: string,
  after: number,
): Promise<Changes | undefined> {
  const entries = await readFeed(tx, org, after, MAX_GAP + 1)
  const last = entries.at(-1)
  if (!last) return undefined
  const unread = await unreadCount(tx, org)
  if (entries.length > MAX_GAP) {
    const seq = await lastSeq(tx, org)
    return { seq, isGap: true, entries: [], messages: [], conversations: [], unread }
  }
  const messages = await briefs(tx, org, refs(entries, 'message.'))
  const ids = new Set([
    ...refs(entries, 'conversation.'),
    ...messages.map((message) => message.conversation_id),
  ])
  const conversations = [
    ...(await listConversations(tx, org, { ids: [...ids], limit: MAX_GAP })),
    ...(await renamed(tx, org, refs(entries, 'contact.'), ids)),
  ]
  return { seq: last.seq, isGap: false, entries, messages, conversations, unread }
}

const refs = (entries: FeedEntry[], kind: string): string[] => [
  ...new Set(entries.filter((entry) => entry.kind.startsWith(kind)).map(({ ref_id }) => ref_id)),
]

const briefs = (tx: Tx, org: string, ids: string[]): Promise<Brief[]> =>
  rows<Brief>(
    tx,
    `select m.id, m.conversation_id, m.direction, m.kind, left(m.text, 200) as text, m.status, m.context_wamid
       from messages m join conversations c on c.org_id = m.org_id and c.id = m.conversation_id
      where m.org_id = ? and m.id = any(?) and not ${restrictedSql('c.org_id', 'c.contact_id')}
      order by m.created_at, m.id`,
    [org, ids],
  )

/** Conversations of contacts that changed, where they are not among the changed ones anyway. */
async function renamed(
  tx: Tx,
  org: string,
  contacts: string[],
  known: Set<string>,
): Promise<Conversation[]> {
  if (contacts.length === 0) return []
  const found = await listConversations(tx, org, { contacts, limit: MAX_GAP })
  return found.filter(({ id }) => !known.has(id))
}
