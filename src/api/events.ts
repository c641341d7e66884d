import { z } from 'zod'
import { readFeed } from '../feed/feed.ts'
import { call, type Call } from './calls.ts'
import { Page } from './paging.ts'
import { named, time } from './shapes.ts'

const EventShape = named(
  'Event',
  z.object({
    seq: z.int().meta({ description: 'Grows by one with each change, in the order of commit.' }),
    kind: z.enum([
      'message.received',
      'message.updated',
      'conversation.updated',
      'contact.updated',
      'contact.erased',
    ]),
    ref_id: z.uuid().meta({ description: 'The message, conversation or contact that changed.' }),
    at: time,
  }),
)

const seq = z.coerce.number('must be a whole number').int('must be a whole number').min(0)
const List = z.strictObject({
  limit: Page.limit,
  after: seq.optional().meta({ description: 'The `seq` of the last event you know.' }),
  cursor: seq.optional().meta({ description: 'The `next_cursor` of the page before.' }),
})

export const eventCalls: Call[] = [
  call({
    method: 'get',
    path: '/events',
    title: 'Read what changed, in order; ask again with after= the last seq to go on',
    query: List,
    answer: EventShape,
    isList: true,
    run: async ({ on, org, query: { limit, after, cursor } }) => {
      const found = await on.db.withTenant(org, (tx) =>
        readFeed(tx, org, cursor ?? after ?? 0, limit),
      )
      const last = found.at(-1)
      return {
        data: found.map(({ seq: n, kind, ref_id, at }) => ({
          seq: n,
          kind,
          ref_id,
          at: at.toISOString(),
        })),
        next_cursor: last && found.length === limit ? String(last.seq) : null,
      }
    },
  }),
]
