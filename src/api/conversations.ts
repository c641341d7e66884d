import { z } from 'zod'
import {
  changeConversation,
  getConversation,
  listConversations,
  type Conversation,
} from '../inbox/conversations.ts'
import { notFound } from '../refusal.ts'
import { call, type Call } from './calls.ts'
import { Page, page } from './paging.ts'
import { iso, maybeTime, named, time } from './shapes.ts'

const ConversationShape = named(
  'Conversation',
  z.object({
    id: z.uuid(),
    contact_id: z.uuid(),
    connection_id: z.uuid(),
    status: z.enum(['open', 'snoozed', 'resolved']),
    assignee_id: z.uuid().nullable(),
    unread: z.int().min(0),
    last_message_at: time,
    last_message_preview: z.string().nullable(),
    window_expires_at: maybeTime,
    restricted: z
      .boolean()
      .meta({ description: 'The contact’s data are only kept; see contacts.' }),
  }),
)

const showConversation = (c: Conversation): z.input<typeof ConversationShape> => ({
  id: c.id,
  contact_id: c.contact_id,
  connection_id: c.connection_id,
  status: c.status,
  assignee_id: c.assignee_id,
  unread: c.unread,
  last_message_at: c.last_message_at.toISOString(),
  last_message_preview: c.last_message_preview,
  window_expires_at: iso(c.window_expires_at),
  restricted: c.restricted,
})

const Status = z.enum(['open', 'snoozed', 'resolved'])
const List = z.strictObject({
  ...Page,
  status: Status.optional(),
  assignee: z.union([z.uuid(), z.literal('none')], 'must be a user’s id or none').optional(),
  connection: z.uuid().optional(),
})
const Change = z
  .strictObject({ status: Status.optional(), assignee_id: z.uuid().nullable().optional() })
  .refine((change) => Object.keys(change).length > 0, 'holds nothing to change')

type Place = [at: string, id: string]

export const conversationCalls: Call[] = [
  call({
    method: 'get',
    path: '/conversations',
    title: 'List conversations, the one with the newest message first',
    query: List,
    answer: ConversationShape,
    isList: true,
    run: ({ on, org, list, query }) =>
      page<Conversation, Place>(
        { on, list, query },
        {
          read: (after, limit) =>
            on.db.withTenant(org, (tx) =>
              listConversations(tx, org, {
                status: query.status,
                assignee: query.assignee,
                connection: query.connection,
                before: after && { at: new Date(after[0]), id: after[1] },
                limit,
              }),
            ),
          place: (row) => [row.last_message_at.toISOString(), row.id],
          show: showConversation,
        },
      ),
  }),
  call({
    method: 'get',
    path: '/conversations/:id',
    title: 'Read a conversation',
    query: z.strictObject({}),
    answer: ConversationShape,
    run: async ({ on, org, id }) => {
      const found = await on.db.withTenant(org, (tx) => getConversation(tx, org, id))
      if (!found) throw notFound('conversation')
      return showConversation(found)
    },
  }),
  call({
    method: 'patch',
    path: '/conversations/:id',
    title: 'Change a conversation’s status or assignee',
    query: z.strictObject({}),
    body: Change,
    answer: ConversationShape,
    run: async ({ on, org, id, body }) =>
      showConversation(await changeConversation(on, org, id, body)),
  }),
]
