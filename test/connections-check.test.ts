import { testConnection } from '../src/connections/check.ts'
import { getConnection, type Connection } from '../src/connections/connections.ts'
import { startApp, type Running } from './support/app.ts'
import { refusedBy, startMeta, type Meta, type MetaAnswer } from './support/graph-questions.ts'
import type { Org } from './support/org.ts'

const NOW = new Date('2026-09-01T10:00:00Z')
const APP_ID = '670843887433847'
let meta: Meta
let app: Running
let org: Org
let id: string

beforeAll(async () => {
  meta = await startMeta()
  const env = {
    GRAPH_API_URL: meta.url,
    META_APP_ID: APP_ID,
    META_APP_SECRET: 'app-secret-of-meta',
  }
  app = await startApp({ workers: false, now: () => NOW, env })
})
afterAll(async () => {
  await app.stop()
  await meta.stop()
})
beforeEach(async () => {
  org = await app.org()
  id = org.connection.id
})

const connectionOf = (): Promise<Connection | undefined> =>
  app.on.db.withTenant(org.id, (tx) => getConnection(tx, org.id, id))
const GOOD: MetaAnswer = {
  status: 200,
  body: {
    id: '1',
    display_phone_number: '+971 4 555 0142',
    verified_name: 'Shop',
    quality_rating: 'GREEN',
    throughput: { level: 'HIGH' },
  },
}
const facts = (data: object): MetaAnswer => ({
  status: 200,
  body: {
    data: {
      app_id: APP_ID,
      is_valid: true,
      expires_at: 0,
      scopes: ['whatsapp_business_messaging', 'whatsapp_business_management'],
      ...data,
    },
  },
})
const numberAnswers = (answer: MetaAnswer): void =>
  meta.answer(`/${org.connection.phoneNumberId}`, answer)
const tokenAnswers = (answer: MetaAnswer): void =>
  meta.answer(`input_token=${org.connection.accessToken}`, answer)
const check = () => testConnection(app.on, org.id, id)

test('a check asks Meta for the number with the token in the header, and keeps what it says', async () => {
  numberAnswers(GOOD)
  tokenAnswers(facts({ expires_at: 1_790_000_000 }))
  expect(await check()).toEqual({ ok: true, detail: 'Meta accepts the access token.' })
  const [number, token] = meta.asked.slice(-2)
  expect(number?.path).toMatch(new RegExp(`^/v26\\.0/${org.connection.phoneNumberId}\\?fields=id,`))
  expect(number?.path).not.toContain(org.connection.accessToken)
  expect(number?.token).toBe(org.connection.accessToken)
  expect(token?.token).toBe(`${APP_ID}|app-secret-of-meta`)
  expect(await connectionOf()).toMatchObject({
    display_phone: '+971 4 555 0142',
    quality: 'GREEN',
    throughput: 1_000,
    verified_at: NOW,
    settings: {
      check: { outcome: 'ok', at: NOW.toISOString(), expires_at: '2026-09-21T14:13:20.000Z' },
    },
  })
})

test.each<[string, MetaAnswer, RegExp]>([
  [
    'an expired token',
    refusedBy(190, 'Session has expired on Monday', 463),
    /has expired.+Session has expired on Monday.+190\/463/,
  ],
  [
    'a revoked token',
    refusedBy(190, 'The session was invalidated', 467),
    /refused the access token.+replace it here/,
  ],
  [
    'a missing permission',
    refusedBy(10, 'No permission'),
    /lacks a permission.+whatsapp_business_messaging/,
  ],
  ['a permission of the 200s', refusedBy(283, 'Requires more'), /lacks a permission/],
  [
    'an unknown number',
    refusedBy(100, 'Object does not exist', 33),
    /no such number.+phone number id/,
  ],
  ['a blocked account', refusedBy(131031, 'Account locked'), /has blocked.+WhatsApp Manager/],
  ['too many calls', refusedBy(80008, 'Too many calls'), /no more questions.+few minutes/],
  ['trouble at Meta', refusedBy(2, 'Service unavailable'), /problem of its own/],
  [
    'an unheard-of code',
    refusedBy(777_777, 'Something'),
    /refused this connection.+Something.+777777/,
  ],
  [
    'a page instead of JSON',
    { status: 502, body: '<html>Bad gateway</html>' },
    /could not be reached.+GRAPH_API_URL/,
  ],
  [
    'an error that is none',
    { status: 400, body: { error: 'plain string' } },
    /could not be reached/,
  ],
  ['a broken connection', 'hang up', /could not be reached/],
])('a check tells what to do about %s, and switches nothing off', async (_what, answer, words) => {
  numberAnswers(answer)
  const before = (await connectionOf())?.verified_at
  const { ok, detail } = await check()
  expect(ok).toBe(false)
  expect(detail).toMatch(words)
  expect(await connectionOf()).toMatchObject({ state: 'active', verified_at: before })
})

test.each<[string, object, RegExp]>([
  [
    'ended',
    { is_valid: false, error: { code: 190, message: 'Malformed access token' } },
    /has expired.+Malformed/,
  ],
  ['of another app', { app_id: '1' }, /another Meta app/],
  ['without a scope', { scopes: ['whatsapp_business_messaging'] }, /lacks a permission/],
  [
    'for another business account',
    { granular_scopes: [{ scope: 'whatsapp_business_messaging', target_ids: ['5'] }] },
    /does not cover this business account/,
  ],
])('a check sees from the token itself that it is %s', async (_what, data, words) => {
  numberAnswers(GOOD)
  tokenAnswers(facts(data))
  expect(await check()).toEqual({ ok: false, detail: expect.stringMatching(words) as string })
})

test('a check is content with the number alone when the token cannot be looked into', async () => {
  numberAnswers(GOOD)
  tokenAnswers(refusedBy(4, 'Too many calls'))
  expect(await check()).toMatchObject({ ok: true })
})

test('a check that goes well lifts a suspension', async () => {
  await app.on.db.withTenant(org.id, (tx) =>
    tx('connections')
      .where({ org_id: org.id, id })
      .update({ state: 'suspended', state_reason: '190' }),
  )
  numberAnswers(GOOD)
  tokenAnswers(facts({}))
  await check()
  expect(await connectionOf()).toMatchObject({ state: 'active', state_reason: null })
})

test('a check keeps Meta’s words without the token they may quote', async () => {
  const { accessToken } = org.connection
  numberAnswers(refusedBy(190, `Cannot parse ${accessToken}\u0000\n!`))
  const { detail } = await check()
  const kept = await connectionOf()
  expect(detail).toContain('Cannot parse … !')
  expect(`${detail}${JSON.stringify(kept)}`).not.toContain(accessToken)
})
