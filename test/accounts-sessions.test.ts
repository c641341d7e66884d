import { createUser } from '../src/accounts/accounts.ts'
import { openPasswords } from '../src/accounts/passwords.ts'
import { pruneAccounts } from '../src/accounts/prune.ts'
import { hashedId, listSessions, readSession } from '../src/accounts/sessions.ts'
import { rows } from '../src/db.ts'
import { newCode } from '../src/ids.ts'
import { startApp, type Running } from './support/app.ts'
import { signInAs } from './support/sign-in.ts'
import { until } from './support/until.ts'
import { visit, type Visitor } from './support/visitor.ts'

const PASSWORD = 'quiet harbour lantern'
const HOUR = 3_600_000
let app: Running
let ahead = 0
let made = 0

/** A new agent of a new organization, with a way to sign in once more from another browser. */
async function newAgent() {
  const org = await app.org()
  const email = `agent${(made += 1)}@example.test`
  const { user } = await createUser(app.on, {
    org: org.id,
    email,
    role: 'agent',
    password: PASSWORD,
  })
  const signIn = async (cookie = ''): Promise<Visitor> => {
    const browser = visit(app, { cookie, ip: `10.${made}.0.1` })
    expect((await browser.post('/login', { email, password: PASSWORD })).status).toBe(303)
    return browser
  }
  return { user, org, signIn }
}

/** What the browser sends, without the signature. */
const sidOf = (cookie = ''): string => decodeURIComponent(cookie).slice(2).split('.')[0] ?? ''
const isIn = async (browser: Visitor): Promise<boolean> =>
  (await browser.get('/settings/profile')).status === 200
const withSession = (browser: Visitor): Visitor =>
  visit(app, { cookie: `cf_dev=${browser.cookies.get('cf_dev')}` })

beforeAll(async () => {
  const now = (): Date => new Date(Date.now() + ahead)
  app = await startApp({ workers: false, now, env: { TRUST_PROXY: '1' } })
  openPasswords(app.on, { ln: 8, r: 8, p: 1 })
})
beforeEach(() => {
  ahead = 0
})
afterAll(() => app.stop())

test('a session id known before signing in is worth nothing afterwards', async () => {
  const { org, signIn } = await newAgent()
  const planted = await signInAs(app.on, org, await org.person('agent'))
  const victim = await signIn(planted)
  expect(victim.cookies.get('cf_dev')).not.toBe(planted.slice('cf_dev='.length))
  expect(await isIn(victim)).toBe(true)
  expect(await isIn(visit(app, { cookie: planted }))).toBe(false)

  const invented = `cf_dev=${encodeURIComponent(`s:${newCode()}.${newCode()}`)}`
  const other = await signIn(invented)
  expect(`cf_dev=${other.cookies.get('cf_dev')}`).not.toBe(invented)
})

test('the cookie is for this host alone, out of reach of scripts and of other sites', async () => {
  const { org, user } = await newAgent()
  expect(user).toHaveLength(36)
  const agent = visit(app, { ip: '10.200.0.1' })
  const email = `flags@example.test`
  await createUser(app.on, { org: org.id, email, role: 'agent', password: PASSWORD })
  const answer = await agent.post('/login', { email, password: PASSWORD })
  const line = answer.headers.getSetCookie().find((text) => text.startsWith('cf_dev=')) ?? ''
  expect(line).toMatch(/; Path=\/;.*; HttpOnly; SameSite=Lax$/)
  expect(line).not.toMatch(/Domain/i)
  expect((await visit(app).get('/login')).headers.get('set-cookie')).toBeNull()
})

test('over https the cookie carries the prefix that pins it to host and path', async () => {
  const secure = await startApp({
    workers: false,
    env: { TRUST_PROXY: '1', APP_URL: 'https://crm.example.test' },
  })
  openPasswords(secure.on, { ln: 8, r: 8, p: 1 })
  const org = await secure.org()
  const email = 'secure@example.test'
  await createUser(secure.on, { org: org.id, email, role: 'agent', password: PASSWORD })
  const post = async (proto: string): Promise<string[]> => {
    const answer = await visit(secure).post(
      '/login',
      { email, password: PASSWORD },
      { 'X-Forwarded-Proto': proto },
    )
    return answer.headers.getSetCookie().map((line) => line.replace(/=[^;]*/, ''))
  }
  expect(await post('https')).toEqual([
    expect.stringMatching(/^__Host-cf_known;.*Path=\/;.*HttpOnly; Secure; SameSite=Lax$/),
    expect.stringMatching(/^__Host-cf; Path=\/;.*HttpOnly; Secure; SameSite=Lax$/),
  ])
  expect((await post('http')).filter((line) => line.startsWith('__Host-cf;'))).toEqual([])
  await secure.stop()
})

test('in the database lies only the hash of a session id', async () => {
  const { user, signIn } = await newAgent()
  const sid = sidOf((await signIn()).cookies.get('cf_dev'))
  expect(sid.length).toBeGreaterThan(20)
  const kept = await app.on.db.withSystem((tx) =>
    rows<{ sid: string; sess: object }>(
      tx,
      'select sid, sess from user_sessions where user_id = ?',
      [user],
    ),
  )
  expect(kept.map((row) => row.sid)).toEqual([hashedId(sid)])
  expect(JSON.stringify(kept)).not.toContain(sid)
  expect(kept[0]?.sess).toMatchObject({ uid: user, device: 'Another program' })
})

test('a session ends after a day without a request', async () => {
  const { signIn } = await newAgent()
  const agent = await signIn()
  ahead = 23 * HOUR
  expect(await isIn(agent)).toBe(true)
  ahead += 23 * HOUR
  expect(await isIn(agent)).toBe(true)
  ahead += 24 * HOUR
  expect(await isIn(agent)).toBe(false)
  ahead = 0
  expect(await isIn(agent)).toBe(false)
})

test('a session ends after 14 days, however busy', async () => {
  const { signIn } = await newAgent()
  const agent = await signIn()
  for (; ahead < 14 * 24 * HOUR - HOUR; ahead += 20 * HOUR) expect(await isIn(agent)).toBe(true)
  ahead = 14 * 24 * HOUR - 60_000
  expect(await isIn(agent)).toBe(true)
  ahead = 14 * 24 * HOUR + 1_000
  expect(await isIn(agent)).toBe(false)
})

test('its end moves on at most every five minutes', async () => {
  const { user, signIn } = await newAgent()
  const agent = await signIn()
  const seen = async (): Promise<number> =>
    (await listSessions(app.on, user))[0]?.seen.getTime() ?? 0
  const first = await seen()
  ahead = 4 * 60_000
  await isIn(agent)
  expect(await seen()).toBe(first)
  ahead = 6 * 60_000
  await isIn(agent)
  expect(await seen()).toBeGreaterThan(first + 5 * 60_000)
})

test('a stream that is checked again keeps no session awake', async () => {
  const { user, signIn } = await newAgent()
  const agent = await signIn()
  const session = hashedId(sidOf(agent.cookies.get('cf_dev')))
  ahead = 23 * HOUR
  expect(await readSession(app.on, session)).toMatchObject({ user })
  ahead = 25 * HOUR
  expect(await readSession(app.on, session)).toBeUndefined()
  expect(await isIn(agent)).toBe(false)
})

test('a revoked session is out at its next request, and open pages are told', async () => {
  const { user, signIn } = await newAgent()
  const here = await signIn()
  const lost = await signIn()
  const heard: string[] = []
  const leave = app.on.events.subscribe((event) => void heard.push(JSON.stringify(event)))
  const page = await here.get('/settings/security')
  const other = hashedId(sidOf(lost.cookies.get('cf_dev')))
  expect(page.text).toContain('This browser')

  await here.post(`/settings/security/sessions/${other}/removal`)
  expect([await isIn(here), await isIn(lost)]).toEqual([true, false])
  await until(() => heard.includes(JSON.stringify({ kind: 'sessions', user })))
  leave()
})

test("nobody ends somebody else's session", async () => {
  const [mine, theirs] = [await newAgent(), await newAgent()]
  const [me, them] = [await mine.signIn(), await theirs.signIn()]
  await me.post(
    `/settings/security/sessions/${hashedId(sidOf(them.cookies.get('cf_dev')))}/removal`,
  )
  expect(await isIn(them)).toBe(true)
})

test('signing out everywhere else leaves this browser signed in', async () => {
  const { signIn } = await newAgent()
  const [here, there, elsewhere] = [await signIn(), await signIn(), await signIn()]
  await here.post('/settings/security/sessions/removal')
  expect([await isIn(here), await isIn(there), await isIn(elsewhere)]).toEqual([true, false, false])
})

test('the eleventh sign-in ends the oldest', async () => {
  const { user, signIn } = await newAgent()
  const first = await signIn()
  const second = await signIn()
  for (let i = 0; i < 9; i += 1) await signIn()
  expect([await isIn(first), await isIn(second)]).toEqual([false, true])
  expect(await listSessions(app.on, user)).toHaveLength(10)
})

test('a new password ends the other sessions and gives this one a new id', async () => {
  const { signIn } = await newAgent()
  const [here, stolen] = [await signIn(), await signIn()]
  const before = withSession(here)
  const wrong = await here.post('/settings/security/password', {
    current: 'no',
    password: 'amber river stone',
  })
  expect(wrong.status).toBe(422)
  expect(wrong.text).toContain('This is not your present password.')

  const form = { current: PASSWORD, password: 'amber river stone' }
  expect((await here.post('/settings/security/password', form)).status).toBe(303)
  expect([await isIn(here), await isIn(stolen), await isIn(before)]).toEqual([true, false, false])
})

test('a disabled account is out at its next request', async () => {
  const { user, signIn } = await newAgent()
  const agent = await signIn()
  await app.on.db.withSystem((tx) =>
    rows(tx, 'update users set disabled_at = now() where id = ?', [user]),
  )
  expect(await isIn(agent)).toBe(false)
})

test('ended sessions, used-up tokens and old counters are pruned, live ones stay', async () => {
  const { user, signIn } = await newAgent()
  const agent = await signIn()
  await pruneAccounts(app.on)
  expect(await isIn(agent)).toBe(true)
  ahead = 25 * HOUR
  await pruneAccounts(app.on)
  const left = await app.on.db.withSystem((tx) =>
    rows(tx, 'select sid from user_sessions where user_id = ?', [user]),
  )
  expect(left).toEqual([])
})

test('while the session store is away the answer is "later", and the session is good afterwards', async () => {
  const { signIn } = await newAgent()
  const agent = await signIn()
  const { pool } = app.on
  const query = pool.query.bind(pool)
  const cookie = agent.cookies.get('cf_dev')
  Object.assign(pool, {
    query: () => Promise.reject(Object.assign(new Error('away'), { code: 'ECONNREFUSED' })),
  })
  const away = await agent.get('/settings/profile')
  Object.assign(pool, { query })

  expect([away.status, away.headers.get('retry-after')]).toEqual([503, '5'])
  expect(away.text).toContain('You are still signed in')
  expect(agent.cookies.get('cf_dev')).toBe(cookie)
  expect(await isIn(agent)).toBe(true)
})
