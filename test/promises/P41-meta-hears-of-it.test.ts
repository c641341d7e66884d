import { createHmac } from 'node:crypto'
import { testConnection } from '../../src/connections/check.ts'
import { advanceDue } from '../../src/deletions/advance.ts'
import { rows } from '../../src/db.ts'
import { allowance } from '../../src/sending/hold.ts'
import { startApp, type Running } from '../support/app.ts'
import { startMeta, type Meta } from '../support/graph-questions.ts'
import { arrive } from '../support/inbound.ts'
import type { Org } from '../support/org.ts'
import { signInAs } from '../support/sign-in.ts'
import { visit } from '../support/visitor.ts'

const SECRET = 'test-app-secret'
const APP = '670843887433847'
const USER = '218471'
let meta: Meta
let app: Running
let org: Org

beforeAll(async () => {
  meta = await startMeta()
  const env = { GRAPH_API_URL: meta.url, META_APP_ID: APP, META_APP_SECRET: SECRET }
  app = await startApp({ workers: false, env })
})
afterAll(async () => {
  await app.stop()
  await meta.stop()
})
beforeEach(async () => {
  org = await app.org()
  meta.asked.length = 0
  meta.answer('subscribed_apps', { status: 200, body: { success: true } })
  await as('update connections set app_id = ?, granted_by = ? where org_id = ?', [APP, user()])
})

/** Each test its own person. */
const user = (): string => USER + BigInt(`0x${org.id.slice(-8)}`).toString()
const as = <T>(sql: string, values: string[]): Promise<T[]> =>
  app.on.db.withTenant(org.id, (tx) => rows<T>(tx, sql, [...values, org.id]))
const connection = async (): Promise<Record<string, unknown> | undefined> => {
  const columns = 'access_token, granted_by, state, state_reason'
  return (
    await as<Record<string, unknown>>(`select ${columns} from connections where org_id = ?`, [])
  )[0]
}
const content = (id = user()): object => ({
  user_id: id,
  algorithm: 'HMAC-SHA256',
  issued_at: Math.floor(Date.now() / 1_000),
})
const sign = (what: object, secret = SECRET): string => {
  const payload = Buffer.from(JSON.stringify(what)).toString('base64url')
  return `${createHmac('sha256', secret).update(payload).digest('base64url')}.${payload}`
}
const post = (path: string, signed_request: string): Promise<Response> =>
  fetch(app.url + path, { method: 'POST', body: new URLSearchParams({ signed_request }) })
const codeIn = async (answer: Response): Promise<string> =>
  ((await answer.json()) as { confirmation_code: string }).confirmation_code
const deletions = async (): Promise<number> => {
  const sql = 'select count(*)::int as n from deletions'
  return (await app.on.db.withSystem((tx) => rows<{ n: number }>(tx, sql)))[0]?.n ?? 0
}

describe('P41 — WhatsApp configuration goes, also at Meta', () => {
  test('a deletion callback gets a code whose page works at once, and the token is used before it is destroyed', async () => {
    const request = sign(content())
    const answer = await post('/meta/data-deletion', request)
    expect(answer.status).toBe(200)
    const body = (await answer.json()) as Record<string, string>
    expect(Object.keys(body).toSorted()).toEqual(['confirmation_code', 'url'])
    expect(body['url']).toBe(`${app.url}/deletion/${body['confirmation_code']}`)
    expect((await fetch(body['url'] ?? '')).status).toBe(200)
    expect(await codeIn(await post('/meta/data-deletion', request))).toBe(body['confirmation_code'])

    expect((await advanceDue(app.on, { now: app.on.now() })).failed).toEqual([])
    const { wabaId, accessToken } = org.connection
    expect(meta.asked).toEqual([
      { path: `/${app.on.config.GRAPH_API_VERSION}/${wabaId}/subscribed_apps`, token: accessToken },
    ])
    expect(await connection()).toMatchObject({ access_token: null, granted_by: null })
    const before = await deletions()
    expect(await codeIn(await post('/meta/data-deletion', request))).toBe(body['confirmation_code'])
    expect(await deletions()).toBe(before)
  })

  test('a person nobody knows gets a code, and its page says that nothing was found', async () => {
    const answer = await post('/meta/data-deletion', sign(content('99')))
    const code = await codeIn(answer)
    await advanceDue(app.on, { now: app.on.now() })
    expect(await (await fetch(`${app.url}/deletion/${code}`)).text()).toContain(
      'Nothing of this person was found.',
    )
    expect(await connection()).toMatchObject({ state: 'active', granted_by: user() })
  })

  test('Meta that cannot be reached is asked again, and the token waits for it', async () => {
    meta.answer('subscribed_apps', { status: 503, body: 'away' })
    await post('/meta/data-deletion', sign(content()))
    const { failed } = await advanceDue(app.on, { now: app.on.now() })
    expect(failed).toHaveLength(1)
    expect((await connection())?.['access_token']).not.toBeNull()
  })

  test('deauthorized: the token is destroyed at once and nothing more is sent', async () => {
    expect((await post('/meta/deauthorize', sign(content()))).status).toBe(200)
    expect(await connection()).toMatchObject({
      access_token: null,
      state: 'suspended',
      state_reason: 'deauthorized',
    })
    const bell = { org: org.id, connection: org.connection.id }
    await as(`update connections set updated_at = now() - interval '1 hour' where org_id = ?`, [])
    expect(await app.on.db.withTenant(org.id, (tx) => allowance(tx, bell))).toMatchObject({
      limit: 0,
    })
    expect(meta.asked).toEqual([])
  })

  const update = (value: object, time = Math.ceil(Date.now() / 1_000) + 1): object => ({
    object: 'whatsapp_business_account',
    entry: [{ id: '9', time, changes: [{ field: 'account_update', value }] }],
  })

  test.each(['PARTNER_APP_UNINSTALLED', 'PARTNER_REMOVED', 'ACCOUNT_DELETED'])(
    'Meta’s word %s has the same effect',
    async (event) => {
      const waba_info = { waba_id: org.connection.wabaId, partner_app_id: APP }
      await arrive(app.on, org, update({ event, waba_info: { ...waba_info, waba_id: '1' } }))
      await arrive(app.on, org, update({ event, waba_info: { ...waba_info, partner_app_id: '2' } }))
      await arrive(app.on, org, update({ event, waba_info }, 1_700_000_000))
      await arrive(app.on, org, update({ event: 'PARTNER_ADDED', waba_info }))
      expect((await connection())?.['state']).toBe('active')
      await arrive(app.on, org, update({ event, waba_info }))
      expect(await connection()).toMatchObject({ access_token: null, state_reason: 'deauthorized' })
    },
  )

  test('an admin disconnects a number: Meta is told first, and while it does not answer nothing changes', async () => {
    const admin = visit(app, { cookie: await signInAs(app.on, org, await org.person('admin')) })
    const path = `/settings/connections/${org.connection.id}/disconnect`
    expect((await admin.get(path)).text).toContain('Disconnect this number')
    meta.answer('subscribed_apps', { status: 503, body: 'away' })
    expect((await admin.post(path, {})).text).toContain('nothing was changed')
    expect((await connection())?.['access_token']).not.toBeNull()
    meta.answer('subscribed_apps', { status: 200, body: { success: true } })
    expect((await admin.post(path, {})).status).toBe(303)
    expect(meta.asked.at(-1)?.token).toBe(org.connection.accessToken)
    expect(await connection()).toMatchObject({ access_token: null, state_reason: 'disconnected' })
    expect((await admin.get('/settings/connections')).text).toContain('Disconnected')
  })

  test('what its app did not sign changes nothing and leaves no row', async () => {
    const before = await deletions()
    const others = [
      sign(content(), 'another-secret'),
      sign({ ...content(), algorithm: 'HMAC-SHA1' }),
      sign({ ...content(), algorithm: 'none' }),
    ]
    for (const request of others)
      for (const path of ['/meta/data-deletion', '/meta/deauthorize'])
        expect((await post(path, request)).status).toBe(400)
    const json = { method: 'POST', headers: { 'content-type': 'application/json' } }
    const sent = await fetch(`${app.url}/meta/deauthorize`, {
      ...json,
      body: JSON.stringify({ signed_request: sign(content()) }),
    })
    expect(sent.status).toBe(400)
    expect([await deletions(), (await connection())?.['state']]).toEqual([before, 'active'])
  })

  test('an organization’s own app is known by its own secret alone', async () => {
    const [own, mine] = ['777001', org]
    await as('update connections set app_id = ? where org_id = ?', [own])
    await app.on.directory.refresh()
    const other = await app.org()
    await app.on.directory.refresh()
    const path = `/meta/deauthorize?app=${own}`
    expect((await post(path, sign(content(), other.connection.appSecret))).status).toBe(400)
    expect((await connection())?.['state']).toBe('active')
    expect((await post(path, sign(content(), mine.connection.appSecret))).status).toBe(200)
    expect((await connection())?.['state']).toBe('suspended')
  })

  test('whose grant a token is, is learned when the connection is checked', async () => {
    meta.answer('debug_token', {
      status: 200,
      body: { data: { app_id: APP, user_id: '4711', is_valid: true } },
    })
    meta.answer(org.connection.phoneNumberId, { status: 200, body: { id: '1' } })
    await testConnection(app.on, org.id, org.connection.id)
    expect(await connection()).toMatchObject({ granted_by: '4711' })
  })
})
