import { z } from 'zod'
import { getConversation } from '../inbox/conversations.ts'
import { getMessage, messageByWamid, thread, type Message } from '../messages/messages.ts'
import { notFound } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { readBody } from '../sending/bodies.ts'
import { queueMessage } from '../sending/outbox.ts'
import { messageBody, type MessageBody } from './bodies.ts'
import { call, type Call } from './calls.ts'
import { again } from './fields.ts'
import { placeConversation } from './new-conversation.ts'
import { Page, page } from './paging.ts'
import { MessageShape, showMessage } from './message-shape.ts'

type Place = [at: string, id: string]
type Written = {
  conversation: string
  body: MessageBody
  token: string | undefined
  /** Of the program that asks. */
  key: string
}

/** Our own fields stay here; the rest goes on as it came. */
async function write(on: Resources, org: string, written: Written): Promise<unknown> {
  const { conversation, token, key } = written
  const { context, ...body } = written.body
  const message = await queueMessage(on, org, {
    conversation,
    body,
    cause: { kind: 'api_key', key },
    ...(context && { context: context.message_id }),
    ...(token && { clientToken: token }),
  })
  return showMessage(message)
}

export const messageCalls: Call[] = [
  call({
    method: 'get',
    path: '/conversations/:id/messages',
    title: 'List a conversation’s messages, newest first',
    query: z.strictObject(Page),
    answer: MessageShape,
    isList: true,
    run: ({ on, org, id, list, query }) =>
      page<Message, Place>(
        { on, list, query },
        {
          read: (after, limit) =>
            on.db.withTenant(org, async (tx) => {
              if (!(await getConversation(tx, org, id))) throw notFound('conversation')
              return thread(tx, org, id, {
                ...(after && { before: { at: new Date(after[0]), id: after[1] } }),
                limit,
              })
            }),
          place: (row) => [row.created_at.toISOString(), row.id],
          show: showMessage,
        },
      ),
  }),
  call({
    method: 'post',
    path: '/conversations/:id/messages',
    title: 'Send a message in a conversation',
    query: z.strictObject({}),
    body: messageBody({}),
    answer: MessageShape,
    status: 202,
    run: ({ on, org, id, body, token, key }) =>
      write(on, org, { conversation: id, body, token, key }),
  }),
  call({
    method: 'post',
    path: '/messages',
    title: 'Send a message to a phone number or WhatsApp user id; opens the conversation',
    query: z.strictObject({}),
    body: messageBody({
      connection_id: z.uuid(),
      to: z.string().min(1).max(200),
      contacted_again: again,
    }),
    answer: MessageShape,
    status: 202,
    run: async ({ on, org, body, token, key }) => {
      const { connection_id: connection, to, contacted_again, ...rest } = body
      // Before anything is opened for a body that WhatsApp would not take.
      readBody(rest)
      const isTemplate = body.type === 'template'
      const by = { kind: 'api_key' as const, id: key }
      const wanted = { connection, to, isTemplate, contacted_again, by }
      const conversation = await placeConversation(on, org, wanted)
      return write(on, org, { conversation, body: rest, token, key })
    },
  }),
  call({
    method: 'get',
    path: '/messages/:id',
    title: 'Read a message',
    query: z.strictObject({}),
    answer: MessageShape,
    run: async ({ on, org, id }) => {
      const found = await on.db.withTenant(org, (tx) => getMessage(tx, org, id))
      if (!found) throw notFound('message')
      return showMessage(found)
    },
  }),
  call({
    method: 'get',
    path: '/messages',
    title: 'Find the message that WhatsApp knows by this id',
    query: z.strictObject({ wamid: z.string().min(1).max(512) }),
    answer: MessageShape,
    isList: true,
    run: async ({ on, org, query }) => {
      const found = await on.db.withTenant(org, (tx) => messageByWamid(tx, org, query.wamid))
      return { data: found ? [showMessage(found)] : [], next_cursor: null }
    },
  }),
]
