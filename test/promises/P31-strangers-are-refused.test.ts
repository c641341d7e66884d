import crypto from 'node:crypto'
import { createUser } from '../../src/accounts/accounts.ts'
import { createApiKey } from '../../src/accounts/api-keys.ts'
import { openPasswords } from '../../src/accounts/passwords.ts'
import { rows } from '../../src/db.ts'
import { createWeb } from '../../src/listener.ts'
import { startApp, type Running } from '../support/app.ts'
import { arrive } from '../support/inbound.ts'
import { messageOf, messagesBody, newCustomer } from '../support/meta.ts'
import type { Org } from '../support/org.ts'
import { waysInto } from '../support/routes.ts'
import { signInAs } from '../support/sign-in.ts'
import { visit, type Visitor } from '../support/visitor.ts'

jest.setTimeout(60_000)

const PASSWORD = 'quiet harbour lantern'
const HOUR = 3_600_000
const DAY = 24 * HOUR

describe('P31 — whoever has no right to it does not get in', () => {
  let app: Running
  let org: Org
  let ahead = 0
  let made = 0
  beforeAll(async () => {
    const now = (): Date => new Date(Date.now() + ahead)
    app = await startApp({ workers: false, now, env: { TRUST_PROXY: '1' } })
    org = await app.org()
  })
  beforeEach(() => {
    ahead = 0
  })
  afterAll(() => app.stop())

  const newPerson = async (role: 'agent' | 'admin' = 'agent') => {
    const email = `stranger${(made += 1)}@example.test`
    const { user } = await createUser(app.on, { org: org.id, email, role, password: PASSWORD })
    const signIn = async (cookie = ''): Promise<Visitor> => {
      const browser = visit(app, { cookie, ip: `10.31.${made}.1` })
      expect((await browser.post('/login', { email, password: PASSWORD })).status).toBe(303)
      return browser
    }
    return { user, email, signIn }
  }
  const isIn = async (browser: Visitor): Promise<boolean> =>
    (await browser.get('/settings/profile')).status === 200
  const copyOf = (browser: Visitor): Visitor =>
    visit(app, { cookie: `cf_dev=${browser.cookies.get('cf_dev') ?? ''}` })

  test('a password is kept as a slow, salted hash, and one that everybody uses is refused', async () => {
    const people = [await newPerson(), await newPerson()]
    const kept = await app.on.db.withSystem((tx) =>
      rows<{ password_hash: string }>(
        tx,
        'select password_hash from users where id = any(?::uuid[])',
        [people.map(({ user }) => user)],
      ),
    )
    const hashes = kept.map((row) => row.password_hash)
    expect(new Set(hashes).size).toBe(2)
    for (const hash of hashes) expect(hash).toMatch(/^\$scrypt\$ln=16,r=8,p=2\$/)
    const common = visit(app, { ip: '10.31.200.1' })
    const answer = await common.post('/signup', {
      name: 'Ana',
      email: 'common@example.test',
      organization: 'Shop',
      password: 'password1234',
    })
    expect(answer.status).toBe(422)
    // The rest is not about the price of a hash.
    openPasswords(app.on, { ln: 8, r: 8, p: 1 })
  })

  test('a session planted before signing in is worth nothing afterwards', async () => {
    const planted = await signInAs(app.on, org, await org.person('agent'))
    const { signIn } = await newPerson()
    const victim = await signIn(planted)
    expect([await isIn(victim), await isIn(visit(app, { cookie: planted }))]).toEqual([true, false])
  })

  test('a cookie is worth nothing after signing out, and a stolen one nothing after a new password', async () => {
    const { signIn } = await newPerson()
    const [left, here, stolen] = [await signIn(), await signIn(), await signIn()]
    const copy = copyOf(left)
    expect(await isIn(copy)).toBe(true)
    await left.post('/logout')
    expect(await isIn(copy)).toBe(false)
    const form = { current: PASSWORD, password: 'amber river stone' }
    expect((await here.post('/settings/security/password', form)).status).toBe(303)
    expect([await isIn(here), await isIn(stolen)]).toEqual([true, false])
  })

  test('a session ends after a day without use, and after two weeks of use', async () => {
    const { signIn } = await newPerson()
    const [idle, busy] = [await signIn(), await signIn()]
    for (ahead = 0; ahead < 14 * DAY - HOUR; ahead += 20 * HOUR) expect(await isIn(busy)).toBe(true)
    expect(await isIn(idle)).toBe(false)
    ahead = 14 * DAY + HOUR
    expect(await isIn(busy)).toBe(false)
  })

  test('a right that is taken away is gone at the next request of whoever is signed in', async () => {
    const { user, signIn } = await newPerson('admin')
    const admin = await signIn()
    expect((await admin.get('/settings/members')).status).toBe(200)
    await app.on.db.withTenant(org.id, (tx) =>
      rows(tx, `update memberships set role = 'agent' where org_id = ? and user_id = ?`, [
        org.id,
        user,
      ]),
    )
    expect((await admin.get('/settings/members')).status).toBe(403)
    await app.on.db.withTenant(org.id, (tx) =>
      rows(tx, 'delete from memberships where org_id = ? and user_id = ?', [org.id, user]),
    )
    expect(await isIn(admin)).toBe(false)
  })

  test('a wrong password and an unknown address cost the same work and get the same words', async () => {
    const { email } = await newPerson()
    const hashing = jest.spyOn(crypto, 'scrypt')
    const attempt = async (address: string) => {
      hashing.mockClear()
      const browser = visit(app, { ip: `10.32.${(made += 1)}.1` })
      const { status, text } = await browser.post('/login', { email: address, password: 'no' })
      return { status, text: text.replaceAll(address, ''), hashes: hashing.mock.calls.length }
    }
    const [known, unknown] = [await attempt(email), await attempt('nobody@example.test')]
    hashing.mockRestore()
    expect(known.hashes).toBe(1)
    expect(unknown).toEqual(known)
  })

  test('a key of a program opens no page, and can neither delete nor export the account', async () => {
    const elsewhere = waysInto(createWeb(app.on).app).filter(
      (way) => way.level === 'key' && !way.path.startsWith('/api/v1'),
    )
    expect(elsewhere).toEqual([])
    const { key } = await createApiKey(app.on, org.id, { name: 'Shop' })
    const bearer = { authorization: `Bearer ${key}`, origin: app.url }
    const post = (path: string): Promise<Response> =>
      fetch(app.url + path, { method: 'POST', headers: bearer, redirect: 'manual' })
    expect((await fetch(`${app.url}/api/v1/connections`, { headers: bearer })).status).toBe(200)
    for (const path of [
      '/settings/privacy/delete/organization',
      '/settings/privacy/delete/account',
      '/settings/privacy/exports',
    ])
      expect((await post(path)).headers.get('location') ?? '').toMatch(/^\/login|^$/)
    const left = await app.on.db.withSystem((tx) =>
      rows(tx, 'select 1 from deletions where org_id = ?', [org.id]),
    )
    const exported = await app.on.db.withTenant(org.id, (tx) =>
      rows(tx, 'select 1 from exports where org_id = ?', [org.id]),
    )
    expect([left, exported]).toEqual([[], []])
  })

  test('another site cannot act in the name of whoever is signed in', async () => {
    const { signIn } = await newPerson()
    const victim = await signIn()
    for (const headers of [
      { Origin: 'https://elsewhere.example', 'Sec-Fetch-Site': 'cross-site' },
      { Origin: 'null', 'Sec-Fetch-Site': 'cross-site' },
      { Origin: `${app.url}.elsewhere.example`, 'Sec-Fetch-Site': 'same-site' },
    ])
      expect((await victim.post('/settings/profile', { name: 'Mallory' }, headers)).status).toBe(
        403,
      )
    expect((await victim.get('/settings/profile')).text).not.toContain('Mallory')
  })

  test('what a customer calls themselves is text on every page, never markup', async () => {
    const who = { ...newCustomer(), name: '<img src=x onerror=alert(1)>"\'' }
    await arrive(app.on, org, messagesBody(org.connection, who, messageOf(who, '<b>bold</b>')))
    const owner = visit(app, { cookie: await signInAs(app.on, org, org.owner) })
    for (const path of ['/inbox', '/contacts']) {
      const { text, headers } = await owner.get(path)
      expect(text).toContain('&lt;img src=x')
      expect(text).not.toContain('<img src=x')
      const policy = headers.get('content-security-policy') ?? ''
      expect(policy).toMatch(/script-src 'self'/)
      expect(policy).not.toMatch(/unsafe-(inline|eval)/)
    }
  })

  test('no path leads out of the folders that are served', async () => {
    for (const path of [
      '/css/..%2f..%2fpackage.json',
      '/css/%2e%2e/%2e%2e/package.json',
      '/js/..%5c..%5cpackage.json',
      '/%2e%2e/%2e%2e/etc/passwd',
    ]) {
      const answer = await fetch(app.url + path, { redirect: 'manual' })
      expect([path, answer.status >= 300]).toEqual([path, true])
      expect(await answer.text()).not.toMatch(/chatflow-crm|root:/)
    }
  })
})
