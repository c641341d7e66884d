import { messageByWamid, type Message } from '../src/messages/messages.ts'
import { startApp, type Running } from './support/app.ts'
import { arrive, read } from './support/inbound.ts'
import {
  bodyAround,
  messageOf,
  messagesBody,
  newCustomer,
  seconds,
  statusOf,
} from './support/meta.ts'
import { orders } from './support/order.ts'
import type { Org } from './support/org.ts'

let app: Running
let org: Org
beforeAll(async () => {
  app = await startApp({ workers: false })
})
afterAll(() => app.stop())
beforeEach(async () => {
  org = await app.org()
})

const START = Math.floor(Date.now() / 1000) * 1000
const ago = (minutes: number): Date => new Date(START - minutes * 60_000)
const at = (minutes: number): { timestamp: string } => ({ timestamp: seconds(ago(minutes)) })
type Loose = Record<string, unknown>

const tell = (...bodies: object[]): Promise<void> => arrive(app.on, org, ...bodies)
const see = <T = Loose>(sql: string): Promise<T[]> => read<T>(app.on, org, sql)
/** A body of another field than `messages`, for the organization's number. */
const bodyOf = (field: string, value: Loose): object => bodyAround(org.connection, value, field)
const byWamid = async (wamid: string): Promise<Message | undefined> =>
  app.on.db.withTenant(org.id, (tx) => messageByWamid(tx, org.id, wamid))
const conversations = (): Promise<Loose[]> =>
  see(`select unread, status, last_message_preview, last_message_direction, window_expires_at is not null as open
         from conversations where org_id = :org`)

describe('a message that is changed or taken back', () => {
  /** What one customer says of one message: the message, two edits of it, and that it is taken back. */
  function say(n: number) {
    const ana = newCustomer()
    const [id, original_message_id] = [`wamid.o${n}`, `wamid.o${n}`]
    const edit = (text: string, minutes: number): Loose => {
      const message = { type: 'text', text: { body: text } }
      return messageOf(ana, '', {
        type: 'edit',
        edit: { original_message_id, message },
        ...at(minutes),
      })
    }
    return {
      ana,
      id,
      original: messageOf(ana, 'Size M', { id, ...at(9) }),
      edits: [edit('Size L', 8), edit('Size S', 7)],
      revoke: messageOf(ana, '', { type: 'revoke', revoke: { original_message_id }, ...at(1) }),
    }
  }
  const inOrder = async (
    who: Parameters<typeof messagesBody>[1],
    messages: Loose[],
  ): Promise<void> => {
    for (const message of messages) await tell(messagesBody(org.connection, who, message))
  }

  test('shows its newest words and keeps the first, in every order', async () => {
    for (const [n, [a = 0, b = 0, c = 0]] of orders([0, 1, 2]).entries()) {
      const { ana, id, original, edits } = say(n)
      const all = [original, ...edits]
      await inOrder(
        ana,
        [a, b, c].map((place) => all[place] ?? {}),
      )
      expect(await byWamid(id)).toMatchObject({
        text: 'Size S',
        earlier_text: 'Size M',
        edited_at: ago(7),
      })
    }
  })

  test('is gone with its edits once it is taken back, in every order', async () => {
    for (const [n, [a = 0, b = 0, c = 0]] of orders([0, 1, 2]).entries()) {
      const { ana, id, original, edits, revoke } = say(n)
      const all = [original, edits[0] ?? {}, revoke]
      await inOrder(
        ana,
        [a, b, c].map((place) => all[place] ?? {}),
      )
      expect(await byWamid(id)).toMatchObject({
        text: null,
        earlier_text: null,
        revoked_at: ago(1),
      })
    }
    expect(JSON.stringify(await see('select * from messages where org_id = :org'))).not.toMatch(
      /Size/,
    )
    for (const conversation of await conversations())
      expect(conversation).toMatchObject({ last_message_preview: '[revoke]' })
  })

  test('cannot be changed or taken back by somebody else', async () => {
    const eve = newCustomer()
    const { ana, id, original, edits, revoke } = say(9)
    await inOrder(ana, [original])
    for (const message of [...edits, revoke]) await inOrder(eve, [{ ...message, from: eve.phone }])
    expect(await byWamid(id)).toMatchObject({ text: 'Size M', edited_at: null, revoked_at: null })
  })
})

test('a call opens the window and waits for an answer; how it went comes in any order', async () => {
  const ana = newCustomer()
  const call = (event: string, minutes: number, more: Loose = {}): object =>
    bodyOf('calls', {
      calls: [
        {
          id: 'wacid.1',
          from: ana.phone,
          to: '15550100',
          event,
          direction: 'USER_INITIATED',
          session: { sdp: '10.1.2.3' },
          ...at(minutes),
          ...more,
        },
      ],
    })
  await tell(call('terminate', 4, { status: 'COMPLETED', duration: 65 }))
  await tell(call('connect', 5))
  expect(await conversations()).toEqual([
    {
      unread: 1,
      status: 'open',
      last_message_preview: '[call_end]',
      last_message_direction: 'in',
      open: true,
    },
  ])
  expect(
    await see(
      'select kind, context_wamid, payload from messages where org_id = :org order by created_at',
    ),
  ).toMatchObject([
    { kind: 'call', context_wamid: null },
    { kind: 'call_end', context_wamid: 'wacid.1', payload: { status: 'COMPLETED', duration: 65 } },
  ])
  // Where a device was reached is nobody's business here.
  expect(
    JSON.stringify(await see('select payload from messages where org_id = :org')),
  ).not.toContain('10.1.2.3')
})

test('what a payment became stands in the conversation and is no receipt', async () => {
  const payment = {
    reference_id: 'order-1',
    amount: { value: 21000, offset: 100 },
    currency: 'INR',
  }
  const status = statusOf('wamid.pay', 'captured', ago(1), { type: 'payment', payment })
  await tell(bodyAround(org.connection, { statuses: [status] }))
  expect(
    await see('select kind, context_wamid, payload from messages where org_id = :org'),
  ).toEqual([
    { kind: 'payment', context_wamid: 'wamid.pay', payload: { status: 'captured', ...payment } },
  ])
  expect(await see('select * from message_events where org_id = :org')).toEqual([])
})

test('one member’s receipt is kept without a name and does not move the message', async () => {
  const group = {
    recipient_type: 'group',
    recipient_id: 'group',
    recipient_participant_id: '15550999111',
  }
  await tell(
    bodyAround(org.connection, {
      statuses: ['delivered', 'read'].map((status) => statusOf('wamid.g', status, ago(1), group)),
    }),
  )
  const events = await see('select * from message_events where org_id = :org order by status')
  expect(events).toMatchObject([
    { status: 'member_delivered', rank: 0 },
    { status: 'member_read', rank: 0 },
  ])
  expect(JSON.stringify(events)).not.toContain('15550999111')
})

test('a handler that has the conversation is named in it, and what it answers does not count as unread', async () => {
  const ana = newCustomer()
  const handover = {
    type: 'control_passed',
    sender: { phone_number: ana.phone },
    recipient: { phone_number_id: org.connection.phoneNumberId },
    timestamp: at(3).timestamp,
  }
  await tell(bodyOf('messaging_handovers', { ...handover, metadata: undefined }))
  await tell(bodyOf('standby', { messages: [messageOf(ana, 'seen', at(2))] }))
  expect(
    await see('select kind, via from messages where org_id = :org order by created_at'),
  ).toEqual([
    { kind: 'handover', via: null },
    { kind: 'text', via: 'standby' },
  ])
  expect(await conversations()).toMatchObject([{ unread: 0, open: true }])
})
