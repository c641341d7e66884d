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

type Item = { id: string; seq: number } & Record<string, unknown>
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/
const items = async (path: string): Promise<Item[]> => (await api.get(path)).body['data'] as Item[]

/** Every page of a list, doing `between` before each next one. */
async function walk(
  path: string,
  between = (): Promise<unknown> => Promise.resolve(),
): Promise<string[]> {
  const ids: string[] = []
  let cursor: unknown = null
  do {
    const join = path.includes('?') ? '&' : '?'
    const { status, body } = await api.get(
      path + (cursor ? `${join}cursor=${cursor as string}` : ''),
    )
    expect(status).toBe(200)
    ids.push(...(body['data'] as Item[]).map(({ id }) => id))
    cursor = body['next_cursor']
    await between()
  } while (cursor !== null)
  return ids
}

test('a conversation has the fields of the contract, and says whether its contact is restricted', async () => {
  const [first] = await items('/conversations')
  expect(Object.keys(first ?? {})).toEqual([
    'id',
    'contact_id',
    'connection_id',
    'status',
    'assignee_id',
    'unread',
    'last_message_at',
    'last_message_preview',
    'window_expires_at',
    'restricted',
  ])
  expect(first).toMatchObject({
    id: talk.conversation,
    contact_id: talk.contact,
    connection_id: org.connection.id,
    status: 'open',
    last_message_at: expect.stringMatching(TIME) as string,
    window_expires_at: expect.stringMatching(TIME) as string,
  })
  expect((await api.get(`/conversations/${talk.conversation}`)).body).toEqual(first)
})

test('a conversation is assigned, resolved and found by its filters', async () => {
  const second = await talkWith(app, org)
  const agent = await org.person('agent')
  const path = `/conversations/${talk.conversation}`
  const assigned = await api.send('PATCH', path, { assignee_id: agent.id })
  expect(assigned.body).toMatchObject({ assignee_id: agent.id, status: 'open' })
  await api.send('PATCH', path, { status: 'resolved' })
  const found = async (query: string): Promise<string[]> =>
    (await items(`/conversations?${query}`)).map(({ id }) => id)
  expect(await found('status=resolved')).toEqual([talk.conversation])
  expect(await found('status=open')).toEqual([second.conversation])
  expect(await found(`assignee=${agent.id}`)).toEqual([talk.conversation])
  expect(await found('assignee=none')).toEqual([second.conversation])
  expect(await found(`connection=${org.connection.id}`)).toHaveLength(2)
  expect(await found(`connection=${(await org.connect()).id}`)).toEqual([])
  const stranger = await (await app.org()).person('agent')
  expect((await api.send('PATCH', path, { assignee_id: stranger.id })).status).toBe(422)
  expect((await api.send('PATCH', path, { assignee_id: null })).body).toMatchObject({
    assignee_id: null,
  })
  expect((await api.send('PATCH', path, {})).status).toBe(422)
  expect((await api.send('PATCH', path, { labels: [] })).status).toBe(422)
})

test('messages come newest first with the fields of the contract, and say whether the contact is restricted', async () => {
  const ids = await received(app, org, talk, { count: 3 })
  const list = await items(`/conversations/${talk.conversation}/messages`)
  expect(list.map(({ id }) => id)).toEqual(ids.toReversed())
  expect(Object.keys(list[0] ?? {})).toEqual([
    'id',
    'conversation_id',
    'contact_id',
    'direction',
    'kind',
    'text',
    'payload',
    'status',
    'wamid',
    'error',
    'media',
    'context',
    'author_id',
    'created_at',
    'sent_at',
    'delivered_at',
    'read_at',
    'failed_at',
    'corrections',
    'restricted',
  ])
  expect(list[0]).toMatchObject({
    contact_id: talk.contact,
    direction: 'in',
    status: 'received',
    created_at: '2026-11-24T08:00:02.000Z',
    error: null,
    media: null,
    context: null,
    author_id: null,
  })
  expect((await api.get(`/messages/${ids[2]}`)).body).toEqual(list[0])
  expect(await items(`/messages?wamid=wamid.${ids[2]}`)).toEqual([list[0]])
  expect(await items('/messages?wamid=wamid.unknown')).toEqual([])
  expect((await api.get('/messages')).status).toBe(422)
})

test('contacts are added, read, changed and found', async () => {
  const made = await api.send('POST', '/contacts', {
    name: 'Valentina Hernández',
    phone: '+52 1 55 5555 0134',
    email: 'v@example.test',
    attributes: { size: 38 },
  })
  expect(made.status).toBe(201)
  expect(made.body).toEqual({
    id: expect.any(String) as string,
    name: 'Valentina Hernández',
    phone: '5215555550134',
    wa_user_id: null,
    username: null,
    email: 'v@example.test',
    attributes: { size: 38 },
    labels: [],
    restricted: false,
    created_at: expect.stringMatching(TIME) as string,
  })
  const path = `/contacts/${String(made.body['id'])}`
  expect((await api.get(path)).body).toEqual(made.body)
  const change = { name: 'Vale', attributes: { vip: true, size: null } }
  expect((await api.send('PATCH', path, change)).body).toMatchObject({
    name: 'Vale',
    phone: '5215555550134',
    attributes: { vip: true },
  })
  expect((await items('/contacts?q=%2B52%2055%205555%200134')).map(({ name }) => name)).toEqual([
    'Vale',
  ])
  const twice = await api.send('POST', '/contacts', { phone: '525555550134' })
  expect([twice.status, twice.body['code']]).toEqual([409, 'contact_exists'])
  expect((await api.send('PUT', path, {})).status).toBe(405)
  const erased = await api.send('DELETE', path, {})
  expect([erased.status, erased.body['state']]).toEqual([202, 'grace'])
  const code = String(erased.body['code'])
  expect((await api.send('DELETE', path, {})).body['code']).toBe(code)
})

test('connections are told without their secrets', async () => {
  const { body } = await api.get('/connections')
  expect(body['data']).toEqual([
    {
      id: org.connection.id,
      name: 'Test number',
      phone_number_id: org.connection.phoneNumberId,
      waba_id: org.connection.wabaId,
      display_phone: '+1 555 0100',
      state: 'active',
      state_reason: null,
      quality: null,
      created_at: expect.stringMatching(TIME) as string,
    },
  ])
})

describe('paging', () => {
  test('gives every contact once while others are added', async () => {
    for (let n = 0; n < 11; n += 1) await talkWith(app, org)
    const before = (await items('/contacts?limit=100')).map(({ id }) => id)
    const seen = await walk('/contacts?limit=5', () => talkWith(app, org))
    expect(before).toHaveLength(12)
    expect(seen).toEqual(before)
  })

  test('gives every conversation once while others are opened', async () => {
    await Promise.all(Array.from({ length: 11 }, () => talkWith(app, org)))
    const before = (await items('/conversations?limit=100')).map(({ id }) => id)
    expect(before).toHaveLength(12)
    const seen = await walk('/conversations?limit=5&status=open', () => talkWith(app, org))
    expect(seen).toEqual(before)
  })

  test('gives every message once, those of one instant too, while new ones arrive', async () => {
    const ids = await received(app, org, talk, { count: 7 })
    const same = await received(app, org, talk, { count: 7 })
    const later = new Date('2026-11-24T09:00:00Z')
    const path = `/conversations/${talk.conversation}/messages?limit=3`
    const seen = await walk(path, () => received(app, org, talk, { count: 2, start: later }))
    expect(seen.toSorted()).toEqual([...ids, ...same].toSorted())
  })

  test('a cursor belongs to its list and its filters', async () => {
    await talkWith(app, org)
    const { body } = await api.get('/conversations?limit=1')
    const cursor = String(body['next_cursor'])
    expect((await api.get(`/conversations?limit=1&cursor=${cursor}`)).status).toBe(200)
    expect((await api.get(`/conversations?status=open&cursor=${cursor}`)).status).toBe(422)
    expect((await api.get(`/contacts?cursor=${cursor}`)).status).toBe(422)
    const other = await program(app, await app.org())
    expect((await other.get(`/conversations?limit=1&cursor=${cursor}`)).status).toBe(422)
  })
})

test('events tell every change in order, from any number on', async () => {
  await api.send('PATCH', `/conversations/${talk.conversation}`, { status: 'resolved' })
  await api.send('PATCH', `/contacts/${talk.contact}`, { name: 'New' })
  const all = await items('/events')
  expect(all.map(({ seq }) => seq)).toEqual(all.map((_, n) => n + 1))
  expect(all.slice(-2).map(({ kind, ref_id }) => [kind, ref_id])).toEqual([
    ['conversation.updated', talk.conversation],
    ['contact.updated', talk.contact],
  ])
  expect(await items(`/events?after=${all.length - 1}`)).toEqual(all.slice(-1))
  expect(await items(`/events?after=${all.length}`)).toEqual([])
  const page = await api.get('/events?limit=1')
  expect(page.body['next_cursor']).toBe('1')
  expect((await api.get('/events?after=-1')).status).toBe(422)
})
