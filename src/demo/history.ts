import { fold } from '../contacts/fold.ts'
import { phoneMatch } from '../contacts/phone.ts'
import { rows, type Tx } from '../db.ts'
import { appendFeed } from '../feed/feed.ts'
import { newId } from '../ids.ts'
import type { Resources } from '../resources.ts'

/** A message that was said before the product was there to see it. Outbound ones have reached their end. */
export type PastMessage = {
  id: string
  direction: 'in' | 'out'
  kind: string
  text: string | null
  payload: object
  wamid: string | null
  context_wamid: string | null
  status: 'received' | 'sent' | 'delivered' | 'read' | 'failed'
  author_id: string | null
  error_code: string | null
  error_title: string | null
  at: Date
}

export type PastConversation = {
  id: string
  contact: { name: string; phone: string | null; userId: string | null; username: string | null }
  status: 'open' | 'resolved'
  assignee: string | null
  unread: number
  /** Oldest first; at least one. */
  messages: PastMessage[]
}

const RANK = { received: null, sent: 30, failed: 40, delivered: 50, read: 60 }
const WINDOW_MS = 24 * 3_600_000
/** Between leaving and arriving, and between arriving and being read, in seconds. */
const STEP_S = 8

/**
 * Store conversations of the past, new people and all, as a few statements in one transaction; the numbers of
 * rows that one call may take are limited by memory alone, a few thousand messages are a good size.
 */
export async function writeHistory(
  on: Resources,
  org: string,
  connection: string,
  past: PastConversation[],
): Promise<void> {
  await on.db.withTenant(org, async (tx) => {
    const contacts = past.map(({ contact }) => ({ id: newId(), ...contact }))
    await writeContacts(tx, org, contacts)
    await writeConversations(
      tx,
      org,
      connection,
      past.map((conversation, i) => ({
        ...summary(conversation),
        contact_id: contacts[i]?.id,
      })),
    )
    await writeMessages(tx, org, past)
    await appendFeed(
      tx,
      org,
      past.map(({ id }) => ({ kind: 'conversation.updated', ref: id })),
    )
  })
  on.events.publish({ kind: 'feed', org })
}

type Contact = PastConversation['contact'] & { id: string }

async function writeContacts(tx: Tx, org: string, contacts: Contact[]): Promise<void> {
  await rows(
    tx,
    `insert into contacts (org_id, id, name, profile_name, profile_name_at, search_name)
     select :org, c.id, c.name, c.name, now(), c.search_name
       from jsonb_to_recordset(:contacts::jsonb) c (id uuid, name text, search_name text)`,
    {
      org,
      contacts: JSON.stringify(
        contacts.map(({ id, name }) => ({ id, name, search_name: fold(name) })),
      ),
    },
  )
  await rows(
    tx,
    `insert into contact_identities (org_id, kind, value, contact_id)
     select :org, i.kind, i.value, i.contact_id
       from jsonb_to_recordset(:identities::jsonb) i (kind text, value text, contact_id uuid)`,
    { org, identities: JSON.stringify(contacts.flatMap(identities)) },
  )
}

const identities = ({ id, phone, userId, username }: Contact): object[] =>
  Object.entries({
    wa_user_id: userId,
    phone,
    phone_match: phone === null ? null : phoneMatch(phone),
    username,
  })
    .filter(([, value]) => value !== null)
    .map(([kind, value]) => ({ kind, value, contact_id: id }))

/** What the list shows of a conversation; a reaction is no last word. */
function summary(conversation: PastConversation): object {
  const { id, status, assignee, unread, messages } = conversation
  const last = messages.findLast(({ kind }) => kind !== 'reaction')
  const heard = messages.findLast(
    ({ direction, kind }) => direction === 'in' && kind !== 'reaction',
  )
  return {
    id,
    status,
    assignee_id: assignee,
    unread,
    last_message_id: last?.id,
    last_message_at: last?.at,
    last_message_preview: last?.text?.slice(0, 120) || `[${last?.kind}]`,
    last_message_direction: last?.direction,
    window_expires_at: heard ? new Date(heard.at.getTime() + WINDOW_MS) : null,
    created_at: messages[0]?.at,
  }
}

async function writeConversations(
  tx: Tx,
  org: string,
  connection: string,
  conversations: object[],
): Promise<void> {
  await rows(
    tx,
    `insert into conversations (org_id, connection_id, id, contact_id, status, assignee_id, unread, last_message_id,
            last_message_at, last_message_preview, last_message_direction, window_expires_at, created_at)
     select :org, :connection, c.* from jsonb_to_recordset(:conversations::jsonb) c (id uuid, contact_id uuid,
            status text, assignee_id uuid, unread int, last_message_id uuid, last_message_at timestamptz,
            last_message_preview text, last_message_direction text, window_expires_at timestamptz,
            created_at timestamptz)`,
    { org, connection, conversations: JSON.stringify(conversations) },
  )
}

async function writeMessages(tx: Tx, org: string, past: PastConversation[]): Promise<void> {
  const messages = past.flatMap((conversation) =>
    conversation.messages.map((message) => ({
      ...message,
      rank: RANK[message.status],
      conversation_id: conversation.id,
    })),
  )
  await rows(
    tx,
    `insert into messages (org_id, id, conversation_id, direction, kind, text, payload, wamid, context_wamid, status,
            rank, author_id, error_code, error_title, created_at, received_at, sent_at, delivered_at, read_at, failed_at)
     select :org, m.id, m.conversation_id, m.direction, m.kind, m.text, m.payload, m.wamid, m.context_wamid, m.status,
            m.rank, m.author_id, m.error_code, m.error_title, m.at, m.at,
            case when m.rank in (30, 50, 60) then m.at end,
            case when m.rank >= 50 then m.at + make_interval(secs => :step) end,
            case when m.rank = 60 then m.at + make_interval(secs => 2 * :step) end,
            case when m.rank = 40 then m.at + make_interval(secs => :step) end
       from jsonb_to_recordset(:messages::jsonb) m (id uuid, conversation_id uuid, direction text, kind text, text text,
            payload jsonb, wamid text, context_wamid text, status text, rank smallint, author_id uuid,
            error_code text, error_title text, at timestamptz)`,
    { org, step: STEP_S, messages: JSON.stringify(messages) },
  )
}
