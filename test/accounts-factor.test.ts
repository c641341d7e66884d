import { createUser } from '../src/accounts/accounts.ts'
import { openPasswords } from '../src/accounts/passwords.ts'
import { hasFactor, resetFactor } from '../src/accounts/second-factor.ts'
import { listAudit } from '../src/audit/log.ts'
import { rows } from '../src/db.ts'
import { listKept } from '../src/ops/mail.ts'
import { startApp, type Running } from './support/app.ts'
import { setUpFactor } from './support/authenticator.ts'
import type { Org } from './support/org.ts'
import { visit, type Answer, type Visitor } from './support/visitor.ts'

const PASSWORD = 'quiet harbour lantern'
const HALF_MINUTE = 30_000
let app: Running
let ahead = 0
let made = 0
const now = (): Date => app.on.now()

beforeAll(async () => {
  app = await startApp({
    workers: false,
    now: () => new Date(Date.now() + ahead),
    env: { TRUST_PROXY: '1' },
  })
  openPasswords(app.on, { ln: 4, r: 8, p: 1 })
})
afterEach(() => {
  // Codes of one test are never those of the next.
  ahead += 10 * HALF_MINUTE
})
afterAll(() => app.stop())

type Somebody = { org: Org; user: string; email: string; visitor: Visitor }

const fresh = (): Visitor => visit(app, { ip: `10.${(made += 1)}.0.1` })
const login = (visitor: Visitor, email: string, password = PASSWORD): Promise<Answer> =>
  visitor.post('/login', { email, password, next: '/contacts' })

/** Somebody with an account, signed in with the password. */
async function somebody(role: 'admin' | 'agent' = 'agent', org?: Org): Promise<Somebody> {
  const at = org ?? (await app.org())
  const email = `factor${(made += 1)}@example.test`
  const { user } = await createUser(app.on, { org: at.id, email, role, password: PASSWORD })
  const visitor = fresh()
  await login(visitor, email)
  return { org: at, user, email, visitor }
}
const isIn = async (visitor: Visitor): Promise<boolean> =>
  (await visitor.get('/settings/profile')).status === 200
const acts = async (org: Org): Promise<string[]> =>
  (await app.on.db.withTenant(org.id, (tx) => listAudit(tx, org.id, { limit: 100 })))
    .map(({ action }) => action)
    .toReversed()
const mailTo = async (email: string): Promise<string[]> =>
  (await listKept(app.on)).filter(({ to }) => to === email).map(({ subject }) => subject)
const nextStep = (): void => {
  ahead += HALF_MINUTE
}

test('set up on a page with a square drawn here, confirmed by a code, with ten codes shown once', async () => {
  const { visitor, user, email, org } = await somebody()
  const other = fresh()
  await login(other, email)
  const home = '/settings/security/second-factor'
  await visitor.post(home)
  const page = await visitor.get(home)
  expect(page.text).toMatch(/<svg class="qr [^]*<path fill="#000" d="M4 4h7v1h-7z/)
  expect(page.text).not.toMatch(/<img|https?:\/\/(?!127)/)
  expect((await visitor.post(`${home}/confirmation`, { code: '000000' })).status).toBe(422)
  expect(await hasFactor(app.on, user)).toBe(false)

  const { codes, app: phone } = await setUpFactor(visitor, now)
  expect(new Set(codes).size).toBe(10)
  expect(await hasFactor(app.on, user)).toBe(true)
  expect(await isIn(other)).toBe(false)
  const kept = await app.on.db.withSystem((tx) =>
    rows(
      tx,
      'select * from second_factors f left join recovery_codes using (user_id) where user_id = ?',
      [user],
    ),
  )
  const text = JSON.stringify(kept)
  for (const secret of [phone.key.replaceAll(' ', ''), ...codes]) expect(text).not.toContain(secret)
  expect((await visitor.get('/settings/security')).text).toContain('<b id="codes-left">10</b>')
  expect(await mailTo(email)).toEqual(['Your second factor is on'])
  expect(await acts(org)).toContain('factor.on')
})

test('after the right password nobody is signed in before the code, and then goes where they wanted', async () => {
  const { visitor, email } = await somebody()
  const { app: phone } = await setUpFactor(visitor, now)
  nextStep()
  const browser = fresh()
  const asked = await login(browser, email)
  expect([asked.status, asked.location]).toEqual([303, '/login/code'])
  expect(browser.cookies.has('cf_dev')).toBe(false)
  expect(await isIn(browser)).toBe(false)
  expect((await browser.get('/login/code')).text).toContain('authenticator app')
  expect((await browser.post('/login/code', { code: '000000' })).status).toBe(422)
  const done = await browser.post('/login/code', { code: phone.shows(now()) })
  expect([done.status, done.location]).toEqual([303, '/contacts'])
  expect(await isIn(browser)).toBe(true)
  expect(browser.cookies.has('cf_step')).toBe(false)
})

test('a wrong password says the same with a factor and without', async () => {
  const { visitor, email } = await somebody()
  await setUpFactor(visitor, now)
  const answers = await Promise.all(
    [email, 'nobody@example.test'].map((address) => login(fresh(), address, 'not this one')),
  )
  const [one, two] = answers.map(({ status, text }) => [status, text.replace(/value="[^"]*"/g, '')])
  expect(one).toEqual(two)
})

test('a code works once, also for two at the same moment', async () => {
  const { visitor, email } = await somebody()
  const { app: phone } = await setUpFactor(visitor, now)
  nextStep()
  const code = phone.shows(now())
  const pair = [fresh(), fresh()]
  for (const browser of pair) await login(browser, email)
  const answers = await Promise.all(pair.map((browser) => browser.post('/login/code', { code })))
  expect(answers.filter(({ status }) => status === 303)).toHaveLength(1)
})

test('a recovery code signs in once and is told by mail, however it is typed', async () => {
  const { visitor, email, org } = await somebody()
  const { codes } = await setUpFactor(visitor, now)
  const typed = (codes[3] ?? '').toLowerCase().replaceAll('-', ' ')
  const statuses: number[] = []
  for (let n = 0; n < 2; n++) {
    const browser = fresh()
    await login(browser, email)
    statuses.push((await browser.post('/login/code', { code: typed })).status)
  }
  expect(statuses).toEqual([303, 422])
  expect(await mailTo(email)).toContain('A recovery code was used')
  expect(await acts(org)).toContain('factor.recovery_used')
})

test('new recovery codes end the earlier ones', async () => {
  const { visitor, email } = await somebody()
  const { codes } = await setUpFactor(visitor, now)
  const renewed = await visitor.post('/settings/security/second-factor/recovery-codes')
  expect(renewed.text).toMatch(/download="chatflow-recovery-codes.txt" href="data:text\/plain/)
  const browser = fresh()
  await login(browser, email)
  expect((await browser.post('/login/code', { code: codes[0] ?? '' })).status).toBe(422)
})

test('after five wrong codes the right one waits too, in any browser', async () => {
  const { visitor, email, org } = await somebody()
  const { app: phone } = await setUpFactor(visitor, now)
  nextStep()
  for (let n = 0; n < 5; n++) {
    const browser = fresh()
    await login(browser, email)
    expect((await browser.post('/login/code', { code: '000000' })).status).toBe(422)
  }
  const browser = fresh()
  await login(browser, email)
  const late = await browser.post('/login/code', { code: phone.shows(now()) })
  expect([late.status, late.text.includes('Too many tries')]).toEqual([429, true])
  expect((await acts(org)).slice(-6)).toEqual([
    ...Array<string>(5).fill('factor.failed'),
    'sign_in.blocked',
  ])
})

test('the step between is over after five minutes, and with a changed password', async () => {
  const { visitor, email } = await somebody()
  const { app: phone } = await setUpFactor(visitor, now)
  const [slow, changed] = [fresh(), fresh()]
  await login(slow, email)
  ahead += 301_000
  expect((await slow.post('/login/code', { code: phone.shows(now()) })).location).toBe(
    '/login?done=late',
  )
  await login(changed, email)
  await visitor.post('/settings/security/password', {
    current: PASSWORD,
    password: 'another harbour lantern',
  })
  expect((await changed.post('/login/code', { code: phone.shows(now()) })).location).toBe(
    '/login?done=late',
  )
  expect(await isIn(changed)).toBe(false)
})

test('a step that somebody made up, or for another purpose, is none', async () => {
  const visitor = visit(app, { cookie: 'cf_step=v1.test.AAAA' })
  expect((await visitor.get('/login/code')).location).toBe('/login')
})

describe('what needs a fresh password', () => {
  const OFF = '/settings/security/second-factor/removal'
  const confirm = (visitor: Visitor, page: Answer, given: Record<string, string>) => {
    const [, sealed_form = ''] = /name="sealed_form" value="([^"]+)"/.exec(page.text) ?? []
    return visitor.post(OFF, { sealed_form, ...given })
  }

  test('needs the code too, once there is a factor', async () => {
    const { visitor, user, email, org } = await somebody()
    const { app: phone } = await setUpFactor(visitor, now)
    ahead += 16 * 60_000
    const asked = await visitor.post(OFF)
    expect([asked.status, asked.text.includes('id="confirm_code"')]).toEqual([403, true])
    const without = await confirm(visitor, asked, { confirm_password: PASSWORD })
    expect([without.status, await hasFactor(app.on, user)]).toEqual([422, true])
    const confirm_code = phone.shows(now())
    const wrong = await confirm(visitor, without, { confirm_password: 'no', confirm_code })
    expect(wrong.text).toContain('This is not your password.')
    const done = await confirm(visitor, wrong, { confirm_password: PASSWORD, confirm_code })
    expect([done.status, await hasFactor(app.on, user)]).toEqual([303, false])
    expect(await mailTo(email)).toContain('Your second factor is off')
    expect((await acts(org)).slice(-2)).toEqual(['sudo.confirmed', 'factor.off'])
    const browser = fresh()
    await login(browser, email)
    expect(await isIn(browser)).toBe(true)
  })
})

describe('an organization that asks for it', () => {
  const DEMAND = '/settings/organization/second-factor'

  test('leads members to the page, and lets them no further before they are done', async () => {
    const boss = await somebody('admin')
    const refused = await boss.visitor.post(DEMAND, { needed: '1' })
    expect([refused.status, refused.text.includes('your own second factor first')]).toEqual([
      409,
      true,
    ])
    await setUpFactor(boss.visitor, now)
    await boss.visitor.post(DEMAND, { needed: '1' })
    const { visitor } = await somebody('agent', boss.org)
    for (const path of ['/inbox', '/contacts', '/settings/profile', '/settings/security/audit'])
      expect((await visitor.get(path)).location).toBe('/settings/security')
    expect((await visitor.post('/settings/profile', { name: 'Maya' })).location).toBe(
      '/settings/security',
    )
    expect((await visitor.get('/inbox/stream')).status).toBe(403)
    expect((await visitor.get('/settings/security')).text).toContain('id="must-enroll"')
    await setUpFactor(visitor, now)
    expect((await visitor.get('/inbox')).status).toBe(200)
    expect((await boss.visitor.get('/settings/organization')).text).toContain(
      'Every member needs one',
    )
    expect(await acts(boss.org)).toContain('organization.factor_demanded')
  })
})

test('an invitation accepted with the password of an account asks for its code as well', async () => {
  const { visitor, email } = await somebody()
  const { app: phone } = await setUpFactor(visitor, now)
  const boss = await somebody('admin')
  const invited = await boss.visitor.post('/settings/members/invitations', { email, role: 'agent' })
  const [, path = ''] = /(\/invite\/[\w-]+)/.exec(invited.text) ?? []
  nextStep()
  const browser = fresh()
  expect((await browser.post(path, { password: PASSWORD })).location).toBe('/login/code')
  expect(await isIn(browser)).toBe(false)
  await browser.post('/login/code', { code: phone.shows(now()) })
  expect(await isIn(browser)).toBe(true)
})

test('an operator takes it away for somebody who lost everything, and that is told', async () => {
  const { visitor, user, email, org } = await somebody()
  await setUpFactor(visitor, now)
  expect(await resetFactor(app.on, email.toUpperCase())).toBe(true)
  expect([await hasFactor(app.on, user), await isIn(visitor)]).toEqual([false, false])
  expect(await mailTo(email)).toContain('Your second factor was taken away')
  expect((await acts(org)).at(-1)).toBe('factor.reset')
  expect(await resetFactor(app.on, email)).toBe(false)
  await expect(resetFactor(app.on, 'nobody@example.test')).rejects.toThrow('does not exist')
})
