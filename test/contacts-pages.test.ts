import { createContact } from '../src/contacts/changes.ts'
import { writeDoubts } from '../src/messages/profiles.ts'
import { openConversation } from '../src/inbox/conversations.ts'
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

test('the list is searched and paged, and leads to the conversation', async () => {
  const agent = await member(app, org, 'agent')
  for (let n = 0; n < 51; n += 1)
    await createContact(app.on, org.id, { name: `Person ${n}`, phone: `141555501${n + 10}` })
  const lucia = await createContact(app.on, org.id, {
    name: 'Lucía <b>',
    phone: '525555550134',
  })
  const conversation = await app.on.db.withTenant(org.id, (tx) =>
    openConversation(tx, org.id, org.connection.id, lucia.id),
  )
  const page = await (await agent.get('/contacts')).text()
  expect(page).toContain('Lucía &lt;b&gt;')
  expect(page).toContain('+52 55 5555 0134')
  expect(page).toContain(`href="/inbox/${conversation}"`)
  expect(page).not.toContain('Person 0<')
  const next = /id="next-page" href="([^"]+)"/.exec(page)?.[1]?.replaceAll('&amp;', '&') ?? ''
  const rest = await (await agent.get(next)).text()
  expect(rest).toContain('Person 0<')
  expect(rest).not.toContain('next-page')
  const found = await (await agent.get('/contacts?q=lucia')).text()
  expect(found).toContain('Lucía')
  expect(found).not.toContain('Person')
  expect(await (await agent.get('/contacts?q=qqq')).text()).toContain('Nobody found')
})

test('a contact is added and edited; what is wrong is said beside the field', async () => {
  const agent = await member(app, org, 'agent')
  const wrong = await agent.post('/contacts', { name: 'Ana', phone: '12', email: '' })
  expect(wrong.status).toBe(422)
  const again = await wrong.text()
  expect(again).toContain('value="Ana"')
  expect(again).toContain('aria-invalid="true"')
  const made = await agent.post('/contacts', {
    name: 'Ana',
    phone: '+1 415 555 0100',
    email: '',
  })
  expect(made.status).toBe(303)
  const address = made.headers.get('location') ?? ''
  expect(await (await agent.get(address)).text()).toContain('+1 415 555 0100')
  const form = await (await agent.get(`${address}/edit`)).text()
  expect(form).toContain('value="+14155550100"')
  await agent.post(address, { name: 'Ana B', phone: '+14155550100', email: 'ana@example.test' })
  expect(await (await agent.get(address)).text()).toContain('ana@example.test')
})

test('another organization’s contact is the same 404 as an unknown one', async () => {
  const other = await app.org()
  const theirs = await createContact(app.on, other.id, { phone: '14155550100' })
  const agent = await member(app, org, 'agent')
  const unknown = '0197a5f0-0000-7000-8000-000000000000'
  for (const id of [theirs.id, unknown, 'nonsense']) {
    expect((await agent.get(`/contacts/${id}`)).status).toBe(404)
    expect((await agent.get(`/contacts/${id}/edit`)).status).toBe(404)
    expect((await agent.post(`/contacts/${id}`, { name: 'x' })).status).toBe(404)
  }
})

test('a viewer reads and does not write', async () => {
  const viewer = await member(app, org, 'viewer')
  expect((await viewer.get('/contacts')).status).toBe(200)
  expect((await viewer.post('/contacts', { phone: '+14155550100' })).status).toBe(403)
})

test('who may be here twice is shown on both pages, until someone says they are two people', async () => {
  const [agent, viewer] = [await member(app, org, 'agent'), await member(app, org, 'viewer')]
  const ana = await createContact(app.on, org.id, { name: 'Ana One', phone: '525555550135' })
  const other = await createContact(app.on, org.id, { name: 'Ana Two', phone: '525555550136' })
  await app.on.db.withTenant(org.id, (tx) =>
    writeDoubts(tx, org.id, [{ contact: ana.id, other: other.id, reason: 'shared_number' }]),
  )
  const pageOf = async (id: string, by = agent) => (await by.get(`/contacts/${id}`)).text()
  expect(await pageOf(ana.id)).toContain('Ana Two')
  expect(await pageOf(other.id)).toContain('Ana One')
  expect(await pageOf(ana.id, viewer)).toContain('id="twice"')
  expect(await pageOf(ana.id, viewer)).not.toContain('apart-')
  expect((await viewer.post(`/contacts/${ana.id}/apart/${other.id}`, {})).status).toBe(403)
  expect((await agent.post(`/contacts/${other.id}/apart/${ana.id}`, {})).status).toBe(303)
  expect(await pageOf(ana.id)).not.toContain('id="twice"')
  expect(await pageOf(other.id)).not.toContain('id="twice"')
})
