import { createApiKey } from '../src/accounts/api-keys.ts'
import { rows } from '../src/db.ts'
import { startApp, type Running } from './support/app.ts'
import type { Org, Person } from './support/org.ts'
import { signInAs } from './support/sign-in.ts'
import { visit, type Visitor } from './support/visitor.ts'

let app: Running
beforeAll(async () => {
  app = await startApp({ workers: false })
})
afterAll(() => app.stop())

const as = async (org: Org, person: Person): Promise<Visitor> =>
  visit(app, { cookie: await signInAs(app.on, org, person) })

test('the log holds no name, no address, no secret of anybody', async () => {
  const org = await app.org()
  const owner = await as(org, org.owner)
  await owner.post('/settings/api-keys', { name: 'Canary name', scopes: 'read' })
  await owner.post('/settings/organization', { name: 'Canary shop' })
  await owner.post('/settings/members/invitations', { email: 'canary@example.test', role: 'agent' })
  await owner.post(`/settings/connections/${org.connection.id}/secrets`, {
    access_token: 'EAAB-canary',
  })
  const found = await app.on.db.withTenant(org.id, (tx) =>
    rows<{ text: string }>(tx, 'select l::text from audit_log l where org_id = ?', [org.id]),
  )
  expect(found).toHaveLength(4)
  expect(JSON.stringify(found)).not.toMatch(/canary|example\.test|Test owner/i)
})

describe('the page', () => {
  test('shows admins who did what, filtered and in parts; an agent sees none of it', async () => {
    const org = await app.org()
    for (let n = 0; n < 55; n++) await createApiKey(app.on, org.id, { name: `Key ${n}` })
    const owner = await as(org, org.owner)
    await owner.post('/settings/organization', { name: 'Blue Linen' })
    const home = '/settings/security/audit'
    const first = await owner.get(home)
    expect(first.text).toContain('Renamed the organization')
    expect(first.text).toContain('Key 54')
    expect(first.text).not.toContain('Key 5<')
    const [, older = ''] = /id="older" href="([^"]+)"/.exec(first.text) ?? []
    const second = await owner.get(older.replaceAll('&amp;', '&'))
    expect(second.text).toContain('Key 5<')
    expect(second.text).not.toContain('id="older"')

    const renamed = await owner.get(`${home}?action=organization.renamed`)
    expect(renamed.text.match(/id="entry-/g)).toHaveLength(1)
    expect((await owner.get(`${home}?action=nonsense&before=x`)).text).toContain('Key 54')
    const agent = await as(org, await org.person('agent'))
    expect((await agent.get(home)).status).toBe(403)
    expect((await agent.get('/settings/security')).text).not.toContain(home)
    expect((await owner.get('/settings/security')).text).toContain(home)
  })

  test('names nobody who has left', async () => {
    const org = await app.org()
    const admin = await org.person('admin')
    await (await as(org, admin)).post('/settings/organization', { name: 'Blue Linen' })
    await (await as(org, org.owner)).post(`/settings/members/${admin.id}/removal`, { sure: '1' })
    const page = await (await as(org, org.owner)).get('/settings/security/audit')
    expect(page.text).toContain('a former colleague')
  })
})
