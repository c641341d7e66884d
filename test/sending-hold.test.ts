import { getConnection } from '../src/connections/connections.ts'
import { claim, type Entry } from '../src/sending/claim.ts'
import { suspend, wakeConnection } from '../src/sending/hold.ts'
import { cancelMessage } from '../src/sending/outbox.ts'
import { post } from '../src/sending/post.ts'
import { openSender } from '../src/sending/sending.ts'
import { useDesk } from './support/desk.ts'
import type { Org } from './support/org.ts'
import { openTalk, type Talk } from './support/talk.ts'

const desk = useDesk()
const WIRE = { timeoutMs: 1_000, wrote: () => undefined }
let org: Org

beforeEach(async () => {
  desk.graph.decide(() => ({ code: 190, status: 401, subcode: 463 }))
  org = await desk.app.org()
})

const connection = (): ReturnType<typeof getConnection> =>
  desk.app.on.db.withTenant(org.id, (tx) => getConnection(tx, org.id, org.connection.id))

/** As if five minutes had passed for everything that waits for a trial. */
const fiveMinutesPass = (): Promise<void> =>
  desk.app.on.db.withTenant(org.id, async (tx) => {
    await tx.raw(
      `update connections set updated_at = now() - interval '6 minutes' where org_id = ?`,
      [org.id],
    )
    await tx.raw(
      `update outbox set due_at = now() where org_id = ? and error_class = 'connection'`,
      [org.id],
    )
  })

const texts = (): string[] => desk.graph.calls.map((call) => call.text)

test('a token that WhatsApp rejects holds the messages, and new credentials send each once in order', async () => {
  const talk = await openTalk(desk.app.on, org)
  const first = await talk.say('one')
  await desk.drained(talk)
  expect(await talk.message(first.id)).toMatchObject({ status: 'queued', error_code: null })
  expect(await talk.outbox(first.id)).toMatchObject({
    state: 'retry',
    error_class: 'connection',
    error_code: '190/463',
    hold_s: null,
  })
  expect(await connection()).toMatchObject({ state: 'suspended', state_reason: '190/463' })

  const other = await openTalk(desk.app.on, org)
  await other.say('elsewhere')
  for (const text of ['two', 'three']) await talk.say(text)
  for (let look = 0; look < 3; look += 1) await desk.drained(talk)
  expect(desk.graph.calls).toHaveLength(1)

  desk.graph.decide(() => 'ok')
  await wakeConnection(desk.app.on, org.id, org.connection.id)
  expect(await connection()).toMatchObject({ state: 'active', state_reason: null })
  for (let look = 0; look < 4; look += 1) await desk.drained(talk)
  expect(texts().filter((text) => text !== 'elsewhere')).toEqual(['one', 'one', 'two', 'three'])
  expect(texts().filter((text) => text === 'elsewhere')).toHaveLength(1)
})

test('posts in flight at that moment are held as well, and the connection is marked once', async () => {
  const talks = await Promise.all(Array.from({ length: 10 }, () => openTalk(desk.app.on, org)))
  const sent = await Promise.all(talks.map((talk) => talk.say('Hello')))
  await desk.drained(talks[0] as Talk)
  for (const [i, talk] of talks.entries())
    expect(await talk.message(sent[i]?.id ?? '')).toMatchObject({ status: 'queued' })
  const told = desk.app.lines.filter(
    (line) => line.includes(org.id) && line.includes('connection held'),
  )
  expect(told).toHaveLength(1)
})

test('an entry claimed a moment before goes back unposted', async () => {
  const talk = await openTalk(desk.app.on, org)
  const { id } = await talk.say('one')
  const [entry] = await claim(desk.app.on, talk.bell, 1, 'test')
  await desk.app.on.db.withTenant(org.id, (tx) => suspend(tx, talk.bell, '190'))
  expect(await post(desk.app.on, entry as Entry, WIRE)).toMatchObject({ verdict: 'lost' })
  expect(desk.graph.calls).toHaveLength(0)
  expect(await talk.outbox(id)).toMatchObject({ state: 'pending', attempts: 0 })
})

test('what waits with a held connection is not rung for every five seconds', async () => {
  const talk = await openTalk(desk.app.on, org)
  await talk.say('one')
  await desk.drained(talk)
  const later = await talk.say('two')
  await desk.drained(talk)
  expect((await talk.outbox(later.id)).wait_s).toBeGreaterThan(200)
})

test('after five minutes one message is tried, and no more while the answer is bad', async () => {
  const talk = await openTalk(desk.app.on, org)
  const other = await openTalk(desk.app.on, org)
  await talk.say('one')
  await desk.drained(talk)
  await other.say('two')
  await desk.drained(talk)
  await fiveMinutesPass()
  const neighbour = openSender(desk.app.on)
  await Promise.all([desk.sender.drain(talk.bell), neighbour.drain(talk.bell)])
  await neighbour.settlePosts(5_000)
  await desk.drained(talk)
  await desk.drained(talk)
  expect(texts()).toEqual(['one', 'one'])
})

test('a trial that WhatsApp takes lets everything go', async () => {
  const talk = await openTalk(desk.app.on, org)
  const other = await openTalk(desk.app.on, org)
  await talk.say('one')
  await desk.drained(talk)
  const second = await other.say('two')
  await desk.drained(talk)
  desk.graph.decide(() => 'ok')
  await fiveMinutesPass()
  await desk.drained(talk)
  expect(await connection()).toMatchObject({ state: 'active', state_reason: null })
  await desk.drained(talk)
  expect((await other.message(second.id)).status).toBe('accepted')
})

test('a held message can still be taken back', async () => {
  const talk = await openTalk(desk.app.on, org)
  const { id } = await talk.say('one')
  await desk.drained(talk)
  expect(await cancelMessage(desk.app.on, org.id, id)).toMatchObject({ status: 'cancelled' })
})

test('a connection its owner switched off sends nothing and stays off', async () => {
  const talk = await openTalk(desk.app.on, org)
  const { id } = await talk.say('one')
  const set = (state: string): Promise<unknown> =>
    desk.app.on.db.withTenant(org.id, (tx) =>
      tx('connections').where({ org_id: org.id }).update({ state }),
    )
  await set('disabled')
  await desk.drained(talk)
  await wakeConnection(desk.app.on, org.id, org.connection.id)
  await desk.drained(talk)
  expect(desk.graph.calls).toHaveLength(0)
  expect(await connection()).toMatchObject({ state: 'disabled' })

  desk.graph.decide(() => 'ok')
  await set('active')
  await wakeConnection(desk.app.on, org.id, org.connection.id)
  await desk.drained(talk)
  expect((await talk.message(id)).status).toBe('accepted')
})

test('a token that does not open holds the connection too', async () => {
  const talk = await openTalk(desk.app.on, org)
  await desk.app.on.db.withTenant(org.id, (tx) =>
    tx('connections').where({ org_id: org.id }).update({ access_token: 'v1.k.AAAA' }),
  )
  const { id } = await talk.say('one')
  await desk.drained(talk)
  expect(desk.graph.calls).toHaveLength(0)
  expect(await connection()).toMatchObject({ state: 'suspended', state_reason: 'credentials' })
  expect((await talk.message(id)).status).toBe('queued')
})

test('another connection of the organization goes on', async () => {
  const broken = await openTalk(desk.app.on, org)
  const healthy = await openTalk(desk.app.on, org, { connection: (await org.connect()).id })
  await broken.say('one')
  await desk.drained(broken)
  desk.graph.decide(() => 'ok')
  const { id } = await healthy.say('two')
  await desk.drained(healthy)
  expect((await healthy.message(id)).status).toBe('accepted')
})
