import { rows } from '../src/db.ts'
import { advanceDue } from '../src/deletions/advance.ts'
import { openRequest } from '../src/rights/request.ts'
import { tendRequests } from '../src/rights/tend.ts'
import { startApp, type Running } from './support/app.ts'
import { read } from './support/inbound.ts'
import type { Org } from './support/org.ts'
import { signInAs } from './support/sign-in.ts'
import { visit, type Visitor } from './support/visitor.ts'

let app: Running
let home: Org
let operator: Visitor
beforeAll(async () => {
  app = await startApp({ workers: false })
  // The first person of an installation operates it.
  home = await app.org()
  operator = visit(app, { cookie: await signInAs(app.on, home, home.owner) })
})
afterAll(() => app.stop())

const NEW = { kind: 'access', road: 'phone', received_at: '2026-01-05T09:00', text: 'All of it' }
const adminOf = async (org: Org): Promise<Visitor> =>
  visit(app, { cookie: await signInAs(app.on, org, await org.person('admin')) })

test('a request without a contact is recorded once, however often the button is pressed', async () => {
  const org = await app.org()
  const admin = await adminOf(org)
  const answers = [NEW, NEW].map((form) => admin.post('/settings/privacy/contacts/new', form))
  const [first, second] = await Promise.all(answers)
  expect([first?.status, first?.location]).toEqual([303, second?.location])
  const desk = await admin.get('/settings/privacy')
  expect(desk.text).toContain(first?.location ?? 'none')
  const late = { ...NEW, received_at: '2999-01-01T00:00' }
  const refused = await admin.post('/settings/privacy/contacts/new', late)
  expect([refused.status, refused.text]).toEqual([422, expect.stringContaining('still to come')])
  const strange = { ...NEW, contact: home.id }
  expect((await admin.post('/settings/privacy/contacts/new', strange)).status).toBe(404)
})

test('a step that is refused comes back in its own form, with what was written', async () => {
  const admin = await adminOf(await app.org())
  const { location } = await admin.post('/settings/privacy/contacts/new', NEW)
  const words = 'This is the fifth time in a week.'
  const form = { step: 'refuse', reason: 'excessive', words }
  const untold = await admin.post(`${location}/steps`, form)
  expect(untold.status).toBe(422)
  expect(untold.text).toMatch(/<details class="card" id="refuse-details" open>/)
  expect(untold.text).toContain(words)
  expect(untold.text).toContain('tick that you did')
  expect((await admin.post(`${location}/steps`, { ...form, told: '1' })).status).toBe(303)
  expect((await admin.get(location)).text).toContain('manifestly excessive')
  expect((await admin.post(`${location}/steps`, { step: 'dance' })).status).toBe(422)
})

test('an answer to the word that deletes has to name the code, and is sent only while it is approved', async () => {
  const org = await app.org()
  const admin = await adminOf(org)
  const form = { kind: 'erase', language: 'de', body: 'Wir löschen alles.' }
  const vague = await admin.post('/settings/privacy/answers', form)
  expect([vague.status, vague.text]).toEqual([422, expect.stringContaining('Without {code}')])
  const odd = await admin.post('/settings/privacy/answers', { ...form, body: '{code} {name}' })
  expect(odd.text).toContain('{name} is nothing we can fill in')
  const good = { ...form, body: 'Antworten Sie mit {code}.' }
  for (let n = 0; n < 2; n += 1) await admin.post('/settings/privacy/answers', good)
  const kept = 'select language, version from privacy_answers where org_id = :org'
  expect(await read(app.on, org, kept)).toEqual([{ language: 'de', version: 2 }])
  await admin.post('/settings/privacy/answers/removal', form)
  expect(await read(app.on, org, kept)).toEqual([])
})

test('an operator makes sure who asks and deletes the account; the case closes when it is gone', async () => {
  const person = await home.person('agent')
  const recorded = { ...NEW, kind: 'erase', road: 'letter', email: person.email, name: '' }
  const received_at = new Date(Date.now() - 86_400_000).toISOString().slice(0, 16)
  const { location } = await operator.post('/ops/rights/new', { ...recorded, received_at })
  expect((await operator.get(location)).text).toContain('The address has one')
  expect((await operator.post(`${location}/deletion`)).status).toBe(409)
  expect((await operator.post(`${location}/steps`, { step: 'pause' })).status).toBe(409)
  await operator.post(`${location}/steps`, { step: 'verify', how: 'known' })
  expect((await operator.post(`${location}/deletion`)).status).toBe(303)
  await advanceDue(app.on, { now: app.on.now() })
  await tendRequests(app.on, app.on.now())
  const page = (await operator.get(location)).text
  expect(page).toContain('Words are kept for 180 days')
  expect(page).not.toContain(person.email)
  const [kept] = await app.on.db.withSystem((tx) =>
    rows(tx, 'select outcome, user_id from privacy_requests where org_id is null and id = ?', [
      location.split('/').at(-1) ?? '',
    ]),
  )
  expect(kept).toEqual({ outcome: 'erased', user_id: null })
})

test('a receipt answers programs, too, and tells nobody’s name', async () => {
  const texts = { name: 'Ana Costa', address: 'ana@example.test', asked: 'Everything' }
  const by = { kind: 'subject' as const }
  const wish = { org: home.id, kind: 'access', road: 'form', by, texts } as const
  const { code, number } = await openRequest(app.on, wish)
  const answer = await visit(app).get(`/privacy/requests/${code}`, { accept: 'application/json' })
  expect(JSON.parse(answer.text)).toMatchObject({ number, state: 'open', answers: 'Test shop' })
  expect(answer.text).not.toMatch(/Ana|ana@|Everything/)
  expect(answer.headers.get('referrer-policy')).toBe('no-referrer')
})
