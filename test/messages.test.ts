import { rows } from '../src/db.ts'
import { openFor } from '../src/keys.ts'
import { receive } from '../src/messages/inbound.ts'
import { startApp, type Running } from './support/app.ts'
import { arrive, picture, read, sealedBody } from './support/inbound.ts'
import {
  bodyAround,
  messageOf,
  messagesBody,
  newCustomer,
  newWamid,
  seconds,
} from './support/meta.ts'
import type { Org } from './support/org.ts'
import { shuffled } from './support/order.ts'

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

test('a first message makes the person, the conversation and the message, and tells the feed in order', async () => {
  const ana = { ...newCustomer(), name: 'Ana Ríos', userId: 'MX.1', username: '@ana' }
  await arrive(app.on, org, messagesBody(org.connection, ana, messageOf(ana, 'In blue?', at(3))))

  expect(await conversations()).toMatchObject([
    {
      unread: 1,
      status: 'open',
      last_message_preview: 'In blue?',
      last_message_at: ago(3),
      window_expires_at: ago(3 - 24 * 60),
    },
  ])
  expect(await picture(app.on, org)).toMatchObject({
    messages: [{ text: 'In blue?', kind: 'text', status: 'received', name: 'Ana Ríos' }],
    conversations: [{ name: 'Ana Ríos', profile_name: 'Ana Ríos', search_name: 'ana rios' }],
    identities: [
      { kind: 'phone', value: ana.phone },
      { kind: 'phone_match', value: ana.phone },
      { kind: 'username', value: 'ana' },
      { kind: 'wa_user_id', value: 'MX.1' },
    ],
  })
  const feed = await read(
    app.on,
    org,
    'select seq, kind from feed where org_id = :org order by seq',
  )
  expect(feed).toEqual([
    { seq: 1, kind: 'message.received' },
    { seq: 2, kind: 'conversation.updated' },
    { seq: 3, kind: 'contact.updated' },
  ])
})

test('twice is once: the same bodies again change no row and add nothing to the feed', async () => {
  const [ana, bo] = [newCustomer(), newCustomer()]
  const bodies = [ana, bo, ana].map((who, n) =>
    messagesBody(org.connection, who, messageOf(who, `text ${n}`, at(9 - n))),
  )
  await arrive(app.on, org, ...bodies)
  const before = await picture(app.on, org)
  const feed = 'select * from feed where org_id = :org order by seq'
  const told = await read(app.on, org, feed)

  await arrive(app.on, org, ...bodies, ...bodies)
  for (const body of bodies) await arrive(app.on, org, body)

  expect(await picture(app.on, org)).toEqual(before)
  expect(await read(app.on, org, feed)).toEqual(told)
})

test('any order, split into any jobs, each body twice: the rows come out the same', async () => {
  const customers = Array.from({ length: 5 }, newCustomer)
  const bodies = customers.flatMap((who, c) =>
    Array.from({ length: 6 }, (_, n) => {
      const name = n < 3 ? `Old name ${c}` : `New name ${c}`
      const kind =
        n === 4 ? { type: 'reaction', reaction: { message_id: 'wamid.x', emoji: '👍' } } : {}
      return (number: Org['connection']) =>
        messagesBody(
          number,
          { ...who, name },
          messageOf(who, `text ${c} ${n}`, {
            id: `wamid.${c}.${n}`,
            ...at(100 - n * 7 - c),
            ...kind,
          }),
        )
    }),
  )
  const pictures: object[] = []
  for (const seed of [1, 7, 13]) {
    const fresh = await app.org()
    const order = shuffled([...bodies, ...bodies], seed)
    while (order.length > 0)
      await arrive(
        app.on,
        fresh,
        ...order.splice(0, 1 + (order.length % 9)).map((body) => body(fresh.connection)),
      )
    const seen = JSON.stringify(await picture(app.on, fresh))
    pictures.push(JSON.parse(seen.replaceAll(fresh.connection.id, 'connection')) as object)
  }
  expect(pictures[0]).toMatchObject({
    counts: { contacts: 5 },
    conversations: [{ unread: 5 }, {}, {}, {}, {}],
  })
  expect(pictures[1]).toEqual(pictures[0])
  expect(pictures[2]).toEqual(pictures[0])
})

test('an unknown kind is stored with its original sealed, for the organization’s key alone', async () => {
  const ana = newCustomer()
  const odd = { type: 'hologram', hologram: { canary: 'Zanzibar' } }
  await arrive(app.on, org, messagesBody(org.connection, ana, messageOf(ana, '', odd)))
  const [row] = await read<{ id: string; kind: string; raw: string }>(
    app.on,
    org,
    'select * from messages where org_id = :org',
  )
  expect(row?.kind).toBe('hologram')
  expect(JSON.stringify(row)).not.toContain('Zanzibar')
  const place = { purpose: 'messages|raw', org: org.id, row: row?.id ?? '' }
  const raw = await app.on.db.withTenant(org.id, (tx) => openFor(app.on, tx, place, row?.raw ?? ''))
  expect(JSON.parse(raw.toString())).toMatchObject(odd)
})

test('NUL and halves of a pair do not stop a message, its name or its neighbours', async () => {
  const ana = { ...newCustomer(), name: '\u0000\ud800👻' }
  const messages = ['\u0000', 'high \ud83d low', 'fine'].map((text, n) =>
    messageOf(ana, text, at(9 - n)),
  )
  await arrive(app.on, org, messagesBody(org.connection, ana, ...messages))
  expect(await texts()).toEqual(['\ufffd', 'high \ufffd low', 'fine'])
})

test('sets that overlap, side by side and all with new people: nothing lost, nothing twice, no deadlock', async () => {
  const customers = Array.from({ length: 12 }, newCustomer)
  const all = customers.flatMap((who) =>
    Array.from({ length: 5 }, () => messagesBody(org.connection, who, messageOf(who, 'x', at(5)))),
  )
  const lane = async (seed: number): Promise<void> => {
    const order = shuffled(all, seed)
    while (order.length > 0) await arrive(app.on, org, ...order.splice(0, 7))
  }
  await Promise.all([3, 5, 11, 17].map(lane))

  const found = await conversations()
  expect(found.map(({ unread }) => unread)).toEqual(customers.map(() => 5))
  expect(await picture(app.on, org)).toMatchObject({ counts: { contacts: 12 } })
  const [feed] = await read(
    app.on,
    org,
    `select count(*) as n, max(seq) as last, count(*) filter (where kind = 'message.received') as received
       from feed where org_id = :org`,
  )
  expect(feed).toMatchObject({ received: 60 })
  expect(feed?.['n']).toBe(feed?.['last'])
})

test.each([
  Object.assign(new Error('terminated by the administrator'), { code: '57P01' }),
  new Error('Connection terminated unexpectedly'),
])('when the database goes away nothing is decided: the job fails and runs again', async (gone) => {
  const ana = newCustomer()
  const body = sealedBody(
    app.on,
    org.connection,
    messagesBody(org.connection, ana, messageOf(ana, 'x')),
  )
  let calls = 0
  const withTenant: typeof app.on.db.withTenant = (of, run) =>
    app.on.db.withTenant(of, async (tx) => {
      const done = await run(tx)
      calls += 1
      if (calls === 1) throw gone
      return done
    })
  const failing = { ...app.on, db: { ...app.on.db, withTenant } }
  await expect(receive(failing, [body])).rejects.toBe(gone)
  expect(await texts()).toEqual([])
  await receive(failing, [body])
  expect(await texts()).toEqual(['x'])
  const letters = await app.on.db.withSystem((tx) =>
    rows(tx, 'select id from dead_letters where org_id = ?', [org.id]),
  )
  expect(letters).toEqual([])
})

test('a body without its number belongs to the connection it was addressed to', async () => {
  const ana = newCustomer()
  const body = bodyAround(org.connection, {
    metadata: null,
    messages: [messageOf(ana, 'x', { id: newWamid() })],
  })
  await arrive(app.on, org, body)
  expect(await texts()).toEqual(['x'])
})
