import { receive } from '../src/messages/inbound.ts'
import { startApp, type Running } from './support/app.ts'
import { arrive, picture, read, sealedBody } from './support/inbound.ts'
import { messageOf, messagesBody, newCustomer, seconds } from './support/meta.ts'
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

/** Whole seconds, as WhatsApp's clock has them, and one for all of a test. */
const START = Math.floor(Date.now() / 1000) * 1000
const ago = (minutes: number): Date => new Date(START - minutes * 60_000)
const at = (minutes: number): { timestamp: string } => ({ timestamp: seconds(ago(minutes)) })

type Conversation = {
  id: string
  unread: number
  status: string
  last_message_preview: string
  last_message_at: Date
  window_expires_at: Date | null
}
const conversations = (): Promise<Conversation[]> =>
  read<Conversation>(app.on, org, 'select * from conversations where org_id = :org order by id')
const texts = async (): Promise<(string | null)[]> => {
  const found = await read<{ text: string | null }>(
    app.on,
    org,
    'select text from messages where org_id = :org order by created_at, id',
  )
  return found.map(({ text }) => text)
}

describe('a conversation', () => {
  test('shows the latest by WhatsApp’s time, whatever comes last', async () => {
    const ana = newCustomer()
    for (const [text, minutes] of [
      ['late', 1],
      ['early', 50],
      ['middle', 20],
    ] as const)
      await arrive(
        app.on,
        org,
        messagesBody(org.connection, ana, messageOf(ana, text, at(minutes))),
      )
    expect(await conversations()).toMatchObject([
      {
        unread: 3,
        last_message_preview: 'late',
        last_message_at: ago(1),
        window_expires_at: ago(1 - 1440),
      },
    ])
    expect(await texts()).toEqual(['early', 'middle', 'late'])
  })

  test('that was resolved opens again for words, not for a reaction', async () => {
    const ana = newCustomer()
    const resolve = (): Promise<unknown> =>
      read(
        app.on,
        org,
        `update conversations set status = 'resolved', unread = 0 where org_id = :org`,
      )
    await arrive(app.on, org, messagesBody(org.connection, ana, messageOf(ana, 'Thanks', at(60))))
    await resolve()
    const reaction = { type: 'reaction', reaction: { message_id: 'wamid.x', emoji: '👍' } }
    await arrive(
      app.on,
      org,
      messagesBody(org.connection, ana, messageOf(ana, '', { ...at(30), ...reaction })),
    )
    expect(await conversations()).toMatchObject([
      {
        status: 'resolved',
        unread: 0,
        last_message_preview: '[reaction]',
        window_expires_at: ago(60 - 1440),
      },
    ])
    await arrive(
      app.on,
      org,
      messagesBody(org.connection, ana, messageOf(ana, 'One more thing', at(10))),
    )
    expect(await conversations()).toMatchObject([{ status: 'open', unread: 1 }])
  })

  test('is one for each contact and number of ours', async () => {
    const ana = newCustomer()
    const second = await org.connect()
    await receive(app.on, [
      sealedBody(app.on, org.connection, messagesBody(org.connection, ana, messageOf(ana, 'here'))),
      sealedBody(app.on, second, messagesBody(second, ana, messageOf(ana, 'there'))),
    ])
    expect(await conversations()).toHaveLength(2)
    expect(await picture(app.on, org)).toMatchObject({ counts: { contacts: 1 } })
  })
})

describe('a person', () => {
  test('who appears under a number, a user id, and both in one set is one', async () => {
    const both = { ...newCustomer(), userId: 'MX.77' }
    const [byId, byPhone] = [{ userId: 'MX.77' }, { phone: both.phone }]
    await arrive(
      app.on,
      org,
      ...[byId, byPhone, both].map((who) => messagesBody(org.connection, who, messageOf(who, 'x'))),
    )
    expect(await picture(app.on, org)).toMatchObject({
      counts: { contacts: 1 },
      messages: [{}, {}, {}],
    })
  })

  test('is found by any spelling of a Brazilian number', async () => {
    const [eight, nine] = [{ phone: '551187654321' }, { phone: '5511987654321' }]
    await arrive(app.on, org, messagesBody(org.connection, nine, messageOf(nine, 'x')))
    await arrive(app.on, org, messagesBody(org.connection, eight, messageOf(eight, 'y')))
    expect(await picture(app.on, org)).toMatchObject({ counts: { contacts: 1 } })
  })

  test('whom an agent named keeps that name', async () => {
    const ana = newCustomer()
    await arrive(app.on, org, messagesBody(org.connection, ana, messageOf(ana, 'x', at(9))))
    await read(app.on, org, `update contacts set name = 'Ana (VIP)' where org_id = :org`)
    await arrive(
      app.on,
      org,
      messagesBody(org.connection, { ...ana, name: 'Anita' }, messageOf(ana, 'y', at(5))),
    )
    expect(await picture(app.on, org)).toMatchObject({
      conversations: [{ name: 'Ana (VIP)', profile_name: 'Anita' }],
    })
  })
})
