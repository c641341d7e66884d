import { advanceDue } from '../src/deletions/advance.ts'
import { isCertified, publishedKeys, Signed } from '../src/deletions/certificate.ts'
import { startApp, type Running } from './support/app.ts'
import { arrive, read } from './support/inbound.ts'
import { messageOf, messagesBody, newCustomer } from './support/meta.ts'
import type { Org, Person } from './support/org.ts'
import { signInAs } from './support/sign-in.ts'
import { visit, type Visitor } from './support/visitor.ts'

let app: Running
let org: Org
/** The first person of an installation operates it. */
let first: Org
beforeAll(async () => {
  app = await startApp({ workers: false })
  first = await app.org()
})
beforeEach(async () => {
  org = await app.org()
})
afterAll(() => app.stop())

const asks = async (person: Person = org.owner): Promise<Visitor> =>
  visit(app, { cookie: await signInAs(app.on, org, person) })
const contact = async (): Promise<string> => {
  const ana = newCustomer()
  await arrive(app.on, org, messagesBody(org.connection, ana, messageOf(ana, 'Hello')))
  const [found] = await read<{ id: string }>(
    app.on,
    org,
    'select id from contacts where org_id = :org',
  )
  return found?.id ?? ''
}

test('an admin erases a contact, and the code’s page tells how far it is, also to strangers', async () => {
  const admin = await asks(await org.person('admin'))
  const id = await contact()
  expect((await admin.get(`/contacts/${id}/erase`)).text).toContain('1 conversation')
  const refused = await admin.post(`/contacts/${id}/erase`, {})
  expect([refused.status, refused.text.includes('Tick the box to go on.')]).toEqual([422, true])
  const { location } = await admin.post(`/contacts/${id}/erase`, { sure: '1' })
  expect(location).toMatch(/^\/deletion\/[\w-]{32}$/)
  const stranger = visit(app)
  expect((await stranger.get(location)).text).toContain('It is about to begin.')
  await advanceDue(app.on, { now: app.on.now() })
  const page = await stranger.get(location)
  expect(page.text).toContain('It is done.')
  expect(page.headers.get('referrer-policy')).toBe('no-referrer')
  expect(page.headers.get('x-robots-tag')).toBe('noindex')
  const json = await stranger.get(location, { accept: 'application/json' })
  expect(isCertified(Signed.parse(JSON.parse(json.text)), publishedKeys(app.on.vault))).toBe(true)
  expect((await admin.get(`/contacts/${id}`)).status).toBe(404)
})

test('agents do not erase, and a code that was never given is 404', async () => {
  const agent = await asks(await org.person('agent'))
  const id = await contact()
  expect((await agent.get(`/contacts/${id}`)).text).not.toContain('/erase')
  expect((await agent.post(`/contacts/${id}/erase`, { sure: '1' })).status).toBe(403)
  expect((await visit(app).get(`/deletion/${'x'.repeat(32)}`)).status).toBe(404)
})

test('an owner asks for the organization’s deletion by its name, everybody sees the day, and it can be kept', async () => {
  const owner = await asks()
  const agent = await asks(await org.person('agent'))
  const home = '/settings/privacy/delete'
  expect((await owner.post(`${home}/organization`, { name: 'Other shop' })).status).toBe(422)
  expect((await owner.post(`${home}/organization`, { name: 'Test shop' })).status).toBe(303)
  expect((await agent.get('/contacts')).text).toContain(
    'This organization is going to be deleted on',
  )
  expect((await agent.get(home)).text).not.toContain('Keep the organization')
  expect((await owner.get(home)).text).toContain('Keep the organization')
  expect((await owner.post(`${home}/organization/cancel`)).status).toBe(303)
  expect((await agent.get('/contacts')).text).not.toContain('going to be deleted')
})

test('a person deletes their account, is signed out, and may read how far it is', async () => {
  const maya = await org.person('agent')
  const visitor = await asks(maya)
  const { location } = await visitor.post('/settings/privacy/delete/account', { sure: '1' })
  expect(location).toMatch(/^\/deletion\//)
  expect((await visitor.get('/inbox')).location).toContain('/login')
  expect((await visitor.get(location)).status).toBe(200)
})

test('the only owner is told what to do first', async () => {
  const owner = await asks()
  const answer = await owner.post('/settings/privacy/delete/account', { sure: '1' })
  expect(answer.status).toBe(409)
  expect(answer.text).toContain('Make somebody else an owner first')
})

test('operators see what is under way and how long it may take, and nobody’s name', async () => {
  const operator = visit(app, { cookie: await signInAs(app.on, first, first.owner) })
  await (await asks()).post('/settings/privacy/delete/organization', { name: 'Test shop' })
  const { status, text } = await operator.get('/ops')
  expect(status).toBe(200)
  const section = /<section[^>]*id="deletions"[^]*?<\/section>/.exec(text)?.[0] ?? ''
  expect(section).toContain('can be cancelled')
  expect(section).toMatch(/<td class="n">(29|30)<\/td>/)
  expect(section).not.toContain(org.id)
})
