import { createApiKey } from '../src/accounts/api-keys.ts'
import { startApp, type Running } from './support/app.ts'
import { member } from './support/member.ts'
import type { Org } from './support/org.ts'

let app: Running
let org: Org
beforeAll(async () => {
  app = await startApp({ workers: false })
})
beforeEach(async () => {
  org = await app.org()
})
afterAll(() => app.stop())

test('a key is shown once, works, is listed without itself, and is revoked', async () => {
  const admin = await member(app, org, 'admin')
  const form: [string, string][] = [
    ['name', 'Order <system>'],
    ['scopes', 'read'],
    ['scopes', 'write'],
  ]
  const made = await admin.post('/settings/api-keys', form)
  expect(made.status).toBe(201)
  expect(made.headers.get('cache-control')).toContain('no-store')
  const [key = ''] = /cf_\w{43}_\w{6}/.exec(await made.text()) ?? []
  const ask = (): Promise<Response> =>
    fetch(`${app.url}/api/v1/contacts`, { headers: { authorization: `Bearer ${key}` } })
  expect((await ask()).status).toBe(200)
  const list = await (await admin.get('/settings/api-keys')).text()
  expect(list).toContain('Order &lt;system&gt;')
  expect(list).toContain('read, write')
  expect(list).not.toContain(key)
  const [, revoke = ''] = /action="([^"]+\/revocation)"/.exec(list) ?? []
  expect((await admin.post(revoke)).status).toBe(303)
  expect((await ask()).status).toBe(401)
  expect(await (await admin.get('/settings/api-keys')).text()).toContain('Revoked')
})

test('a key without a name or scope is not made, and the form says why', async () => {
  const admin = await member(app, org, 'admin')
  const wrong = await admin.post('/settings/api-keys', { name: ' ' })
  expect(wrong.status).toBe(422)
  expect(await wrong.text()).toContain('Give the key a name.')
  expect((await admin.post('/settings/api-keys', { name: 'x' })).status).toBe(422)
  expect(await (await admin.get('/settings/api-keys')).text()).toContain('No keys yet')
})

test('keys are for admins and owners, and nobody revokes another organization’s', async () => {
  const agent = await member(app, org, 'agent')
  expect((await agent.get('/settings/api-keys')).status).toBe(403)
  expect((await agent.post('/settings/api-keys', { name: 'x', scopes: 'read' })).status).toBe(403)
  const { id } = await createApiKey(app.on, org.id, { name: 'Ours' })
  const stranger = await member(app, await app.org(), 'owner')
  expect((await stranger.post(`/settings/api-keys/${id}/revocation`)).status).toBe(404)
})
