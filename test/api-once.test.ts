import { rows } from '../src/db.ts'
import { startApp, type Running } from './support/app.ts'
import type { Org } from './support/org.ts'
import { program, talkWith, type Got, type Program, type Talk } from './support/program.ts'

let app: Running
let org: Org
let api: Program
let talk: Talk
let now = new Date('2026-11-24T12:00:00Z')
beforeAll(async () => {
  app = await startApp({ workers: false, now: () => now })
})
beforeEach(async () => {
  org = await app.org()
  api = await program(app, org)
  talk = await talkWith(app, org)
})
afterAll(() => app.stop())

const reply = (body: string, key: string, by = api): Promise<Got> =>
  by.send(
    'POST',
    `/conversations/${talk.conversation}/messages`,
    { type: 'text', text: { body } },
    { 'idempotency-key': key },
  )
const stored = async (): Promise<number> => {
  const { body } = await api.get(`/conversations/${talk.conversation}/messages`)
  return (body['data'] as unknown[]).length
}
const sql = (text: string): Promise<{ n: string }[]> =>
  app.on.db.withTenant(org.id, (tx) => rows<{ n: string }>(tx, text))

test('the same request again gets the same answer and does nothing', async () => {
  const first = await reply('Hello', 'order-1')
  const again = await reply('Hello', 'order-1')
  expect([first.status, again.status]).toEqual([202, 202])
  expect(again.body).toEqual(first.body)
  expect(first.headers.get('idempotency-replayed')).toBeNull()
  expect(again.headers.get('idempotency-replayed')).toBe('true')
  expect(await stored()).toBe(1)
})

test('the kept answer is sealed', async () => {
  await reply('Canary text', 'order-1')
  const [row] = await sql('select i::text as n from idempotency_keys i')
  expect(row?.n).toContain('v1.')
  expect(row?.n).not.toContain('Canary')
})

test('twenty at once do it once and are answered alike', async () => {
  const answers = await Promise.all(Array.from({ length: 20 }, () => reply('Hello', 'order-1')))
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]))
  expect(new Set(answers.map(({ body }) => body['id'])).size).toBe(1)
  expect(await stored()).toBe(1)
})

test('the same key for another request is refused', async () => {
  await reply('Hello', 'order-1')
  const other = await reply('Good bye', 'order-1')
  expect([other.status, other.body['code']]).toEqual([422, 'idempotency_mismatch'])
  const elsewhere = await api.send(
    'POST',
    '/contacts',
    { phone: '+14155550100' },
    { 'idempotency-key': 'order-1' },
  )
  expect(elsewhere.status).toBe(422)
  expect(await stored()).toBe(1)
})

test('keys of two programs are two keys', async () => {
  await reply('Hello', 'order-1')
  expect((await reply('Hello', 'order-1', await program(app, org))).status).toBe(202)
  expect(await stored()).toBe(2)
})

test('a refusal does not use the key up', async () => {
  expect((await reply(' ', 'order-1')).status).toBe(422)
  const close = `update conversations set window_expires_at = '2026-11-24T11:00:00Z' returning '' as n`
  await sql(close)
  expect((await reply('Hello', 'order-1')).body).toMatchObject({ code: 'window_closed' })
  await sql(close.replace('24T11', '25T11'))
  expect((await reply('Hello', 'order-1')).status).toBe(202)
})

test('a claim that was left behind is taken over after a minute, and a sent message is not sent again', async () => {
  const first = await reply('Hello', 'order-1')
  // As if the process had died after the message was stored and before the answer was.
  await sql(`update idempotency_keys set status = null, response = null returning '' as n`)
  now = new Date(now.getTime() + 61_000)
  const again = await reply('Hello', 'order-1')
  expect(again.status).toBe(202)
  expect(again.body['id']).toBe(first.body['id'])
  expect(await stored()).toBe(1)
})

test('a write that still runs is waited for, and given up with 409', async () => {
  await reply('Hello', 'order-1')
  await sql(`update idempotency_keys set status = null, response = null returning '' as n`)
  const waiting = await reply('Hello', 'order-1')
  expect([waiting.status, waiting.body['code']]).toEqual([409, 'in_progress'])
})

test('after a day a key may mean something else', async () => {
  await reply('Hello', 'order-1')
  now = new Date(now.getTime() + 86_400_001)
  await sql(`update conversations set window_expires_at = '2027-01-01T00:00:00Z' returning '' as n`)
  expect((await reply('Good bye', 'order-1')).status).toBe(202)
  expect(await stored()).toBe(2)
})

test.each(['', 'é', 'x'.repeat(256)])('“%s” is no key', async (key) => {
  const answer = await api.send(
    'POST',
    '/contacts',
    { phone: '+14155550100' },
    { 'idempotency-key': encodeURI(key) === key ? key : Buffer.from(key).toString('latin1') },
  )
  expect([answer.status, answer.body['code']]).toEqual([400, 'bad_idempotency_key'])
})
