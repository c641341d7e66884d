import { rows } from '../src/db.ts'
import { startApp, type Running } from './support/app.ts'
import type { Org } from './support/org.ts'
import { program, received, talkWith, type Program, type Talk } from './support/program.ts'

let app: Running
let org: Org
let api: Program
let talk: Talk
beforeAll(async () => {
  app = await startApp({ workers: false })
})
beforeEach(async () => {
  org = await app.org()
  api = await program(app, org)
  talk = await talkWith(app, org)
})
afterAll(() => app.stop())

type Item = { id: string } & Record<string, unknown>
const text = (body: string): object => ({ type: 'text', text: { body } })
const items = async (path: string): Promise<Item[]> => (await api.get(path)).body['data'] as Item[]

test('a reply is taken with 202 and waits in the outbox', async () => {
  const [quoted] = await received(app, org, talk, { count: 1 })
  const path = `/conversations/${talk.conversation}/messages`
  const body = { ...text('On its way'), context: { message_id: `wamid.${quoted}` } }
  const sent = await api.send('POST', path, body)
  expect(sent.status).toBe(202)
  expect(sent.body).toMatchObject({
    direction: 'out',
    status: 'queued',
    kind: 'text',
    text: 'On its way',
    wamid: null,
    context: { wamid: `wamid.${quoted}` },
    conversation_id: talk.conversation,
    contact_id: talk.contact,
    sent_at: null,
  })
  expect((await api.get(`/messages/${String(sent.body['id'])}`)).body).toEqual(sent.body)
})

test.each([
  [
    'an image by link',
    { type: 'image', image: { link: 'https://shop.example/a.jpg', caption: 'Blue' } },
  ],
  ['a reaction', { type: 'reaction', reaction: { message_id: 'wamid.x', emoji: '👍' } }],
  ['a place', { type: 'location', location: { latitude: -23.5, longitude: -46.6, name: 'Store' } }],
  [
    'a card',
    { type: 'contacts', contacts: [{ name: { formatted_name: 'Ana B', first_name: 'Ana' } }] },
  ],
  ['a template', { type: 'template', template: { name: 'order_ready', language: { code: 'en' } } }],
  [
    'buttons',
    {
      type: 'interactive',
      interactive: {
        type: 'button',
        body: { text: 'Which?' },
        action: { buttons: [{ type: 'reply', reply: { id: 'a', title: 'Blue' } }] },
      },
    },
  ],
])('%s can be sent in Meta’s own shape', async (_what, body) => {
  const sent = await api.send('POST', `/conversations/${talk.conversation}/messages`, body)
  expect([sent.status, sent.body['kind']]).toEqual([202, body.type])
})

test.each([
  ['no type', { text: { body: 'x' } }],
  ['an unknown type', { type: 'fax', fax: {} }],
  ['another kind’s object', { type: 'text', image: { link: 'https://a.example/a.jpg' } }],
  ['an empty text', text('  ')],
  ['a text over 4,096 characters', text('x'.repeat(4_097))],
  ['a link that is none', { type: 'image', image: { link: 'file:///etc/passwd' } }],
  ['a place off the map', { type: 'location', location: { latitude: 91, longitude: 0 } }],
  ['the envelope', { ...text('x'), messaging_product: 'whatsapp' }],
])('a message with %s is refused and not stored', async (_what, body) => {
  const path = `/conversations/${talk.conversation}/messages`
  expect((await api.send('POST', path, body)).status).toBe(422)
  expect(await items(path)).toEqual([])
})

test('outside the 24 hours only a template is taken', async () => {
  const late = await talkWith(app, org, false)
  const path = `/conversations/${late.conversation}/messages`
  const refused = await api.send('POST', path, text('Hello'))
  expect([refused.status, refused.body['code']]).toEqual([422, 'window_closed'])
  const template = { type: 'template', template: { name: 'hello', language: { code: 'en' } } }
  expect((await api.send('POST', path, template)).status).toBe(202)
})

describe('a message to a number', () => {
  const to = '+55 11 98765-4321'
  const template = { type: 'template', template: { name: 'hello', language: { code: 'en' } } }

  test('opens the conversation once, and continues it', async () => {
    const body = { ...template, connection_id: org.connection.id, to }
    const sent = await api.send('POST', '/messages', body)
    expect(sent.status).toBe(202)
    const again = await api.send('POST', '/messages', { ...body, to: '551187654321' })
    expect(again.body['conversation_id']).toBe(sent.body['conversation_id'])
    expect((await items('/contacts?q=5511987654321')).map(({ id }) => id)).toEqual([
      sent.body['contact_id'],
    ])
  })

  test('leaves nothing behind when it is refused', async () => {
    const body = { ...text('Hello'), connection_id: org.connection.id, to }
    const refused = await api.send('POST', '/messages', body)
    expect([refused.status, refused.body['code']]).toEqual([422, 'window_closed'])
    const foreign = { ...template, connection_id: (await app.org()).connection.id, to }
    expect((await api.send('POST', '/messages', foreign)).status).toBe(404)
    expect(await items('/contacts?q=5511987654321')).toEqual([])
    expect(await items('/conversations')).toHaveLength(1)
  })

  test('needs a connection of ours and a number', async () => {
    const foreign = await app.org()
    for (const connection of [foreign.connection.id, talk.contact]) {
      const answer = await api.send('POST', '/messages', {
        ...template,
        connection_id: connection,
        to,
      })
      expect(answer.status).toBe(404)
    }
    const body = { ...template, connection_id: org.connection.id, to: '12' }
    expect((await api.send('POST', '/messages', body)).body).toMatchObject({
      status: 422,
      errors: [{ field: 'to' }],
    })
  })
})

test('status and error are told in the words of the contract', async () => {
  const path = `/conversations/${talk.conversation}/messages`
  const { id } = (await api.send('POST', path, text('Hello'))).body as Item
  const set = (status: string, rank: number): Promise<unknown> =>
    app.on.db.withTenant(org.id, (tx) =>
      rows(
        tx,
        `update messages set status = ?, rank = ?, error_code = '131047', error_title = 'Re-engagement message'
          where org_id = ? and id = ?`,
        [status, rank, org.id, id],
      ),
    )
  await set('accepted', 20)
  expect((await api.get(`/messages/${id}`)).body).toMatchObject({ status: 'sent', error: null })
  await set('failed', 40)
  expect((await api.get(`/messages/${id}`)).body).toMatchObject({
    status: 'failed',
    error: {
      code: '131047',
      title: 'Re-engagement message',
      advice: expect.not.stringContaining('{name}') as string,
    },
  })
  await set('delivered', 50)
  expect((await api.get(`/messages/${id}`)).body).toMatchObject({
    status: 'delivered',
    error: null,
  })
})
