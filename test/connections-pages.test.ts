import { listConnections } from '../src/connections/connections.ts'
import { keepDeadLetters } from '../src/ops/dead-letters.ts'
import { rows } from '../src/db.ts'
import { newId } from '../src/ids.ts'
import { startApp, type Running } from './support/app.ts'
import { refusedBy, startMeta, type Meta } from './support/graph-questions.ts'
import type { Org } from './support/org.ts'
import { signInAs } from './support/sign-in.ts'
import { visit, type Visitor } from './support/visitor.ts'
import { secretsKnown } from './support/known.ts'

const HOME = '/settings/connections'
/** Sign-ins end by the database's clock, so this one may stand still but not be wrong. */
const NOW = new Date()
const SECRETS = { access_token: 'EAAB-canary-token', app_secret: 'canary-app-secret' }
const VERIFY = 'canary-verify-token'
let meta: Meta
let app: Running
let org: Org
let admin: Visitor

beforeAll(async () => {
  meta = await startMeta()
  app = await startApp({ workers: false, now: () => NOW, env: { GRAPH_API_URL: meta.url } })
})
afterAll(async () => {
  await app.stop()
  await meta.stop()
})
beforeEach(async () => {
  org = await app.org()
  admin = await signedIn('admin')
})

/** A browser of somebody new with this role in the organization. */
const signedIn = async (role: string): Promise<Visitor> =>
  visit(app, { cookie: await signInAs(app.on, org, await org.person(role)) })

let numbers = 100_000_000_000_000
const form = (more: Record<string, string> = {}): Record<string, string> => ({
  name: 'Dubai store',
  phone_number_id: String(numbers++),
  waba_id: '102290129340398',
  ...SECRETS,
  verify_token: VERIFY,
  ...more,
})
const pageOf = async (visitor: Visitor, path = HOME): Promise<string> =>
  (await visitor.get(path)).text
const connections = () => app.on.db.withTenant(org.id, (tx) => listConnections(tx, org.id))
const idOf = async (number?: string): Promise<string> =>
  (await connections()).find((one) => one.phone_number_id === number)?.id ?? ''

describe('who may come', () => {
  const paths = () =>
    [
      ['get', HOME],
      ['get', `${HOME}/new`],
      ['post', HOME],
      ['post', `${HOME}/${org.connection.id}/checks`],
      ['get', `${HOME}/${org.connection.id}/secrets`],
      ['post', `${HOME}/${org.connection.id}/secrets`],
      ['post', `${HOME}/${org.connection.id}/state`],
    ] as const

  test('owners and admins see the page, agents and viewers do not', async () => {
    for (const [role, status] of [
      ['owner', 200],
      ['admin', 200],
      ['agent', 403],
      ['viewer', 403],
    ] as const)
      expect((await (await signedIn(role)).get(HOME)).status).toBe(status)
  })

  test('no route of it answers an agent', async () => {
    const agent = await signedIn('agent')
    for (const [method, path] of paths()) expect((await agent[method](path)).status).toBe(403)
  })

  test('whoever is signed out is asked to sign in', async () => {
    const answer = await visit(app).get(HOME)
    expect(answer.status).toBe(303)
    expect(answer.location).toMatch(/^\/login\?next=/)
  })

  test('another organization’s connection is the same 404 as one that never was', async () => {
    const neighbour = await app.org()
    const before = secretsKnown(app, neighbour.connection.id)
    for (const [method, path] of paths().slice(3)) {
      const bodies = new Set<string>()
      for (const id of [neighbour.connection.id, newId(), 'not-an-id']) {
        const at = path.replace(org.connection.id, id)
        const answer = await admin[method](at, { ...SECRETS, state: 'disabled' })
        expect(answer.status).toBe(404)
        bodies.add(answer.text.replaceAll(id, ':id').replace(/request [\w-]+/, ''))
      }
      expect(bodies.size).toBe(1)
    }
    expect(secretsKnown(app, neighbour.connection.id)).toEqual(before)
    expect(await pageOf(admin)).not.toContain(neighbour.connection.id)
  })
})

describe('connecting a number', () => {
  test('answers once with the callback address and the verify token, and never again', async () => {
    const given = form()
    const answer = await admin.post(HOME, given)
    const html = answer.text
    const id = await idOf(given['phone_number_id'])
    expect(answer.status).toBe(201)
    expect(html).toContain(`${app.url}/webhooks/whatsapp/${id}`)
    expect(html).toContain(VERIFY)
    const later = (await pageOf(admin)) + (await pageOf(admin, `${HOME}/${id}/secrets`))
    expect(later).toContain(`${app.url}/webhooks/whatsapp/${id}`)
    expect(later).not.toContain(VERIFY)
  })

  test('makes a verify token where none was chosen', async () => {
    const given = form({ verify_token: '' })
    const html = (await admin.post(HOME, given)).text
    const [, verifyToken = ''] = secretsKnown(app, await idOf(given['phone_number_id']))
    expect(verifyToken).toMatch(/^[\w-]{24}$/)
    expect(html).toContain(verifyToken)
  })

  test('tests the credentials at once and tells what Meta said, with the connection kept', async () => {
    const given = form()
    meta.answer(`/${given['phone_number_id']}`, refusedBy(190, 'Session has expired', 463))
    const html = (await admin.post(HOME, given)).text
    expect(html).toContain('The access token has expired.')
    expect(html).toContain('Session has expired')
    const page = await pageOf(admin)
    expect(page).toContain('Cannot send')
    expect(page).toContain('Customers still reach you.')
    expect(await idOf(given['phone_number_id'])).not.toBe('')
  })

  test('shows token and app secret on no page, in no redirect and in no log line', async () => {
    const given = form()
    const pages = [(await admin.post(HOME, given)).text]
    const id = await idOf(given['phone_number_id'])
    pages.push((await admin.post(HOME, given)).text)
    pages.push((await admin.post(HOME, { ...given, phone_number_id: 'x' })).text)
    const rotated = await admin.post(`${HOME}/${id}/secrets`, {
      ...SECRETS,
      app_secret: 'canary-app-secret-2',
    })
    pages.push((await admin.post(`${HOME}/${id}/secrets`, { app_secret: 'canary two words' })).text)
    pages.push(
      await pageOf(admin),
      await pageOf(admin, `${HOME}/${id}/secrets`),
      await pageOf(admin, `${HOME}/new`),
    )
    const told = [...pages, JSON.stringify([...rotated.headers]), ...app.lines].join('\n')
    expect(told).toContain(id)
    expect(told).not.toMatch(/canary-token|canary-app-secret|canary two words/)
    expect(app.lines.join('\n')).not.toContain(VERIFY)
  })

  test('refuses the same number twice and gives back what was typed, but for the secrets', async () => {
    const given = form({ name: 'Maya’s <shop>' })
    await admin.post(HOME, given)
    const answer = await admin.post(HOME, given)
    const html = answer.text
    expect(answer.status).toBe(409)
    expect(html).toContain('This number is connected already.')
    expect(html).toContain(`value="${given['phone_number_id']}"`)
    expect(html).toContain('Maya’s &lt;shop&gt;')
    expect(await connections()).toHaveLength(2)
  })

  test.each([
    ['phone_number_id', '+971 4 555 0142'],
    ['waba_id', ''],
    ['access_token', ''],
    ['app_secret', ' '],
    ['name', 'x'.repeat(121)],
    ['name', 'a\u0000b'],
    ['verify_token', 'two words'],
  ])('refuses a wrong %s beside its field and stores nothing', async (field, value) => {
    const answer = await admin.post(HOME, form({ [field]: value }))
    const html = answer.text
    expect(answer.status).toBe(422)
    expect(html).toMatch(new RegExp(`id="${field}"[^>]*aria-invalid="true"`))
    expect(await connections()).toHaveLength(1)
  })

  test('sends webhooks through the queue that came before for nobody’s number, once Meta says it is ours', async () => {
    const given = form()
    const number = given['phone_number_id'] ?? ''
    const entry = [
      {
        id: '1',
        changes: [{ field: 'messages', value: { metadata: { phone_number_id: number } } }],
      },
    ]
    const [key] = app.on.vault.instance
    if (!key) throw new Error('the vault has no key')
    const plain = JSON.stringify({ object: 'whatsapp_business_account', entry })
    const letter = {
      org: null,
      connection: null,
      at: NOW.getTime(),
      reason: 'unknown_number' as const,
      code: null,
    }
    await keepDeadLetters(app.on, [{ ...letter, number, plain, key }])
    const waiting = async () => (await app.on.queues.depths()).inbound.waiting
    const before = await waiting()
    await admin.post(HOME, given)
    expect(await waiting()).toBe(before)
    meta.answer(number, { status: 200, body: { id: number } })
    await admin.post(`${HOME}/${await idOf(number)}/checks`)
    expect(await waiting()).toBe(before + 1)
    const left = await app.on.db.withSystem((tx) =>
      rows(tx, 'select id from dead_letters where phone_number_id = ?', [number]),
    )
    expect(left).toEqual([])
  })
})

describe('rotating secrets', () => {
  test('replaces what is given, checks it, and goes back to the card', async () => {
    const { id, verifyToken } = org.connection
    const answer = await admin.post(`${HOME}/${id}/secrets`, {
      access_token: 'EAAB-newer',
      app_secret: '',
    })
    expect(answer.status).toBe(303)
    expect(meta.asked.at(-1)?.token).toBe('EAAB-newer')
    expect(secretsKnown(app, id)).toEqual([org.connection.appSecret, verifyToken])
  })

  test('shows a new verify token once', async () => {
    const { id } = org.connection
    const answer = await admin.post(`${HOME}/${id}/secrets`, { verify_token: 'canary-second' })
    expect([answer.status, answer.text]).toEqual([201, expect.stringContaining('canary-second')])
    expect(await pageOf(admin)).not.toContain('canary-second')
    expect(secretsKnown(app, id)[1]).toBe('canary-second')
  })

  test('with nothing filled in says so and changes nothing', async () => {
    const { id } = org.connection
    const before = secretsKnown(app, id)
    const answer = await admin.post(`${HOME}/${id}/secrets`, { access_token: ' ' })
    expect(answer.status).toBe(422)
    expect(answer.text).toContain('Fill in what is to be replaced')
    expect(secretsKnown(app, id)).toEqual(before)
  })
})
