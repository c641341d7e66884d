import { getContact } from '../src/contacts/contacts.ts'
import { getMessage, messageByWamid, type Message } from '../src/messages/messages.ts'
import { useDesk } from './support/desk.ts'
import { arrive, picture, read } from './support/inbound.ts'
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
import { openTalk } from './support/talk.ts'

const desk = useDesk()
let org: Org
beforeEach(async () => {
  org = await desk.app.org()
})

const START = Math.floor(Date.now() / 1000) * 1000
const ago = (minutes: number): Date => new Date(START - minutes * 60_000)
const at = (minutes: number): { timestamp: string } => ({ timestamp: seconds(ago(minutes)) })
type Loose = Record<string, unknown>

const tell = (...bodies: object[]): Promise<void> => arrive(desk.app.on, org, ...bodies)
const see = <T = Loose>(sql: string): Promise<T[]> => read<T>(desk.app.on, org, sql)
/** A body of another field than `messages`, for the organization's number. */
function bodyOf(field: string, value: Loose): object {
  const body = bodyAround(org.connection, value) as { entry: { changes: { field: string }[] }[] }
  const [change] = body.entry[0]?.changes ?? []
  if (change) change.field = field
  return body
}
const byWamid = async (wamid: string): Promise<Message | undefined> =>
  desk.app.on.db.withTenant(org.id, (tx) => messageByWamid(tx, org.id, wamid))
const conversations = (): Promise<Loose[]> =>
  see(`select unread, status, last_message_preview, last_message_direction, window_expires_at is not null as open
         from conversations where org_id = :org`)
const feed = async (): Promise<unknown[]> =>
  (await see('select kind from feed where org_id = :org order by seq')).map(({ kind }) => kind)

describe('what was sent from the phone app', () => {
  const echo = (wamid: string, more: Loose = {}): object =>
    bodyOf('smb_message_echoes', {
      message_echoes: [
        {
          from: '15550100',
          to: '15550777001',
          id: wamid,
          type: 'text',
          text: { body: 'On our way' },
          ...at(5),
          ...more,
        },
      ],
    })

  test('is ours and rings for nobody; a chat that only we wrote in waits for no answer', async () => {
    await tell(echo('wamid.e1'))
    expect(await byWamid('wamid.e1')).toMatchObject({
      direction: 'out',
      via: 'phone',
      status: 'sent',
      text: 'On our way',
      author_id: null,
    })
    expect(await conversations()).toEqual([
      {
        unread: 0,
        status: 'resolved',
        last_message_preview: 'On our way',
        last_message_direction: 'out',
        open: false,
      },
    ])
    expect(await feed()).toEqual(['message.updated', 'conversation.updated', 'contact.updated'])
    const who = { phone: '15550777001' }
    await tell(messagesBody(org.connection, who, messageOf(who, 'Great', at(2))))
    expect(await conversations()).toMatchObject([{ unread: 1, status: 'open', open: true }])
  })

  test('gets its receipts as any message of ours', async () => {
    await tell(
      echo('wamid.e2'),
      bodyAround(org.connection, { statuses: [statusOf('wamid.e2', 'read', ago(1))] }),
    )
    expect(await byWamid('wamid.e2')).toMatchObject({ status: 'read', read_at: ago(1) })
  })

  test('meets our own send in one row: the echo first, while the answer is on its way', async () => {
    const talk = await openTalk(desk.app.on, org, { phone: '15550777001' })
    const { id } = await talk.say('On our way')
    desk.graph.decide((call) => ({ wait: tell(echo(call.wamid)) }))
    await desk.drained(talk)
    const [call] = desk.graph.calls
    expect(await see('select id, wamid, via from messages where org_id = :org')).toEqual([
      { id, wamid: call?.wamid, via: null },
    ])
    expect(
      await see('select last_message_id as id from conversations where org_id = :org'),
    ).toEqual([{ id }])
    expect(await feed()).toContain('conversation.updated')
  })

  test('meets our own send in one row: the echo last, and by a receipt alone', async () => {
    const talk = await openTalk(desk.app.on, org, { phone: '15550777001' })
    const first = await talk.say('On our way')
    await desk.drained(talk)
    await tell(echo(desk.graph.calls[0]?.wamid ?? ''))
    const second = await talk.say('Here')
    await tell(echo('wamid.e3'))
    const ref = { biz_opaque_callback_data: second.id }
    await tell(
      bodyAround(org.connection, { statuses: [statusOf('wamid.e3', 'delivered', ago(1), ref)] }),
    )
    const found = await see(
      'select id, wamid, status from messages where org_id = :org order by id',
    )
    expect(found).toMatchObject([
      { id: first.id },
      { id: second.id, wamid: 'wamid.e3', status: 'delivered' },
    ])
  })
})

describe('the history of the phone app', () => {
  const chunk = (...messages: Loose[]): object =>
    bodyOf('history', {
      history: [
        {
          metadata: { phase: 0, chunk_order: 1, progress: 40 },
          threads: [{ id: '15550777002', messages }],
        },
      ],
    })
  const old = (id: string, from: string, status: string, more: Loose = {}): Loose => ({
    from,
    id,
    type: 'text',
    text: { body: id },
    history_context: { status },
    ...at(60 * 24 * 30),
    ...more,
  })

  test('has both sides, counts nothing as unread and rings for nobody', async () => {
    await tell(
      chunk(
        old('h1', '15550777002', 'READ'),
        old('h2', '15550100', 'DELIVERED', { to: '15550777002' }),
        old('h3', '15550100', 'ERROR'),
      ),
    )
    expect(
      await see(
        `select wamid, direction, status, rank, via from messages where org_id = :org order by wamid`,
      ),
    ).toEqual([
      { wamid: 'h1', direction: 'in', status: 'received', rank: null, via: 'history' },
      { wamid: 'h2', direction: 'out', status: 'delivered', rank: 50, via: 'history' },
      { wamid: 'h3', direction: 'out', status: 'failed', rank: 40, via: 'history' },
    ])
    expect(await conversations()).toMatchObject([{ unread: 0, status: 'resolved', open: false }])
    expect(await feed()).not.toContain('message.received')
    expect(await see('select event, payload from notices where org_id = :org')).toMatchObject([
      { event: 'progress', payload: { metadata: { progress: 40 } } },
    ])
  })

  test.each([
    ['after', [0, 1]],
    ['before', [1, 0]],
  ])('a file that comes %s its placeholder is shown, once', async (_word, order) => {
    const image = { id: '700', mime_type: 'image/jpeg', sha256: 'x', caption: 'The dress' }
    const bodies = [
      chunk(old('h4', '15550777002', 'READ', { type: 'media_placeholder', text: { body: '' } })),
      bodyOf('history', {
        messages: [{ from: '15550777002', id: 'h4', type: 'image', image, ...at(99) }],
      }),
    ]
    for (const n of order) await tell(bodies[n] ?? {})
    expect(await byWamid('h4')).toMatchObject({ kind: 'image', text: 'The dress', payload: image })
    await tell(...bodies)
    expect(await byWamid('h4')).toMatchObject({ kind: 'image' })
  })
})

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
        [a, b, c].map((at) => all[at] ?? {}),
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
        [a, b, c].map((at) => all[at] ?? {}),
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
    await inOrder(
      eve,
      [...edits, revoke].map((message) => ({ ...message, from: eve.phone })),
    )
    expect(await byWamid(id)).toMatchObject({ text: 'Size M', edited_at: null, revoked_at: null })
  })
})

describe('a person', () => {
  const suggestions = (): Promise<Loose[]> =>
    see('select reason from merge_suggestions where org_id = :org')
  const contactOf = async (wamid: string) => {
    const message = await byWamid(wamid)
    return desk.app.on.db.withTenant(org.id, (tx) =>
      getContact(tx, org.id, message?.contact_id ?? ''),
    )
  }
  const system = (more: Loose): Loose => ({ id: 'wamid.s', type: 'system', ...at(5), ...more })

  test('with a new number stays the same contact, and is written to there', async () => {
    const ana = { ...newCustomer(), userId: 'MX.old' }
    await tell(messagesBody(org.connection, ana, messageOf(ana, 'hi', { id: 'wamid.1', ...at(9) })))
    const news = {
      type: 'user_changed_number',
      wa_id: '15550888001',
      user_id: 'MX.new',
      previous_user_id: 'MX.old',
    }
    await tell(
      bodyAround(org.connection, { messages: [system({ from: ana.phone, system: news })] }),
    )
    expect(await contactOf('wamid.1')).toMatchObject({ phone: '15550888001', wa_user_id: 'MX.new' })
    const again = { phone: '15550888001' }
    await tell(messagesBody(org.connection, again, messageOf(again, 'me', { id: 'wamid.2' })))
    expect((await contactOf('wamid.2'))?.id).toBe((await contactOf('wamid.1'))?.id)
    expect(await suggestions()).toEqual([])
  })

  test('with a number that is somebody else’s is never joined silently', async () => {
    const [ana, bo] = [newCustomer(), newCustomer()]
    for (const who of [ana, bo])
      await tell(messagesBody(org.connection, who, messageOf(who, 'hi', at(9))))
    const news = { type: 'user_changed_number', wa_id: bo.phone }
    const body = bodyAround(org.connection, {
      messages: [system({ from: ana.phone, system: news })],
    })
    await tell(body)
    await tell(body)
    expect(await suggestions()).toEqual([{ reason: 'changed_number' }])
    expect(await picture(desk.app.on, org)).toMatchObject({ counts: { contacts: 2 } })
  })

  test('known by a user id and by a number is suggested to be one when a message shows both', async () => {
    const both = { ...newCustomer(), userId: 'MX.77' }
    for (const who of [{ userId: 'MX.77' }, { phone: both.phone }, both])
      await tell(messagesBody(org.connection, who, messageOf(who, 'x')))
    expect(await picture(desk.app.on, org)).toMatchObject({ counts: { contacts: 2 } })
    expect(await suggestions()).toEqual([{ reason: 'same_message' }])
  })

  test('who shares the number they were asked for gets it', async () => {
    const luz = { userId: 'MX.luz', username: 'luz' }
    const card = {
      type: 'contacts',
      origin: 'contact_request',
      contacts: [{ phones: [{ phone: '+1 555 088-8002', wa_id: '15550888002' }] }],
    }
    await tell(messagesBody(org.connection, luz, messageOf(luz, '', { id: 'wamid.c', ...card })))
    expect(await contactOf('wamid.c')).toMatchObject({ phone: '15550888002', wa_user_id: 'MX.luz' })
  })

  test('whom only receipts name by a user id is known by it when the number is hidden', async () => {
    const talk = await openTalk(desk.app.on, org, { phone: '15550888003' })
    const receipt = { recipient_id: '15550888003', recipient_user_id: 'MX.kai' }
    await tell(
      bodyAround(org.connection, { statuses: [statusOf('wamid.z', 'sent', ago(1), receipt)] }),
    )
    const kai = { userId: 'MX.kai' }
    await tell(messagesBody(org.connection, kai, messageOf(kai, 'hi', { id: 'wamid.k' })))
    expect((await contactOf('wamid.k'))?.id).toBe(talk.contact)
  })

  test('is found by the id they have for all of a managed business', async () => {
    const parent = { from_parent_user_id: 'US.ENT.1' }
    const [first, second] = [{ userId: 'US.a' }, { userId: 'US.b' }]
    await tell(
      messagesBody(org.connection, first, messageOf(first, 'x', { id: 'wamid.p1', ...parent })),
    )
    await tell(
      messagesBody(org.connection, second, messageOf(second, 'y', { id: 'wamid.p2', ...parent })),
    )
    expect((await contactOf('wamid.p2'))?.id).toBe((await contactOf('wamid.p1'))?.id)
  })

  test('has what they told WhatsApp last, whichever word came first', async () => {
    const ana = newCustomer()
    const wish = (value: string, minutes: number): object =>
      bodyOf('user_preferences', {
        contacts: [{ wa_id: ana.phone }],
        user_preferences: [
          {
            wa_id: ana.phone,
            category: 'marketing_messages',
            value,
            timestamp: Number(seconds(ago(minutes))),
          },
        ],
      })
    await tell(wish('resume', 3))
    await tell(wish('stop', 9))
    expect(
      await see('select category, value, at from contact_preferences where org_id = :org'),
    ).toEqual([{ category: 'marketing_messages', value: 'resume', at: ago(3) }])
    expect(await conversations()).toMatchObject([{ unread: 0, status: 'resolved', open: false }])
  })

  test('is called as the phone’s address book says, unless an agent said otherwise', async () => {
    const ana = { ...newCustomer(), name: 'ana ✨' }
    const entry = (action: string, full_name: string, minutes: number): object =>
      bodyOf('smb_app_state_sync', {
        state_sync: [
          {
            type: 'contact',
            action,
            contact: { full_name, phone_number: ana.phone },
            metadata: at(minutes),
          },
        ],
      })
    const name = async (): Promise<unknown> =>
      (await see('select name from contacts where org_id = :org'))[0]?.['name']
    await tell(entry('add', 'Ana Ríos', 9))
    await tell(messagesBody(org.connection, ana, messageOf(ana, 'hi', at(8))))
    expect(await name()).toBe('Ana Ríos')
    await tell(entry('remove', '', 5), entry('add', 'Older', 7))
    expect(await name()).toBe('ana ✨')
    await see(`update contacts set name = 'VIP' where org_id = :org`)
    await tell(entry('add', 'Ana R.', 2))
    expect(await name()).toBe('VIP')
    await tell(
      bodyOf('smb_app_state_sync', {
        state_sync: [
          { type: 'contact', action: 'remove', contact: { phone_number: '15550999000' } },
        ],
      }),
    )
    expect(await see('select id from contacts where org_id = :org')).toHaveLength(1)
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

describe('getMessage', () => {
  test('of an edited message gives the words that are shown', async () => {
    const ana = newCustomer()
    const edit = {
      id: 'wamid.x',
      type: 'edit',
      edit: { original_message_id: 'wamid.o', message: { type: 'text', text: { body: 'new' } } },
    }
    await tell(
      messagesBody(
        org.connection,
        ana,
        messageOf(ana, 'old', { id: 'wamid.o' }),
        messageOf(ana, '', edit),
      ),
    )
    const { id = '' } = (await byWamid('wamid.o')) ?? {}
    const found = await desk.app.on.db.withTenant(org.id, (tx) => getMessage(tx, org.id, id))
    expect(found).toMatchObject({ text: 'new', earlier_text: 'old' })
  })
})
