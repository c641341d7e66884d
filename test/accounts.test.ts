import { createUser } from '../src/accounts/accounts.ts'
import { openPasswords } from '../src/accounts/passwords.ts'
import { rows } from '../src/db.ts'
import { listKept } from '../src/ops/mail.ts'
import { startApp, type Running } from './support/app.ts'
import { visit } from './support/visitor.ts'

const PASSWORD = 'quiet harbour lantern'
let app: Running
let stranger = 0

/** Each visitor from a network of its own, so that the limits of one test do not meet another. */
const newVisitor = () => visit(app, { ip: `10.${(stranger += 1)}.0.1` })

const form = (email: string) => ({
  organization: 'Blue Linen',
  name: 'Maya Okafor',
  email,
  password: PASSWORD,
})

/** The path of the link in the latest kept mail to an address. */
async function linkTo(email: string): Promise<string> {
  const letter = (await listKept(app.on)).find(({ to }) => to === email)
  return /https?:\/\/[^/]+(\/\S+)/.exec(letter?.text ?? '')?.[1] ?? ''
}

beforeAll(async () => {
  app = await startApp({ workers: false, env: { TRUST_PROXY: '1' } })
  openPasswords(app.on, { ln: 8, r: 8, p: 1 })
})
afterAll(() => app.stop())

describe('on a fresh installation without a mail server', () => {
  test('the very first sign-up goes straight in, owns its organization and operates the installation', async () => {
    const first = newVisitor()
    const answer = await first.post('/signup', form('first@example.test'))

    expect([answer.status, answer.location]).toEqual([303, '/inbox'])
    expect((await first.get('/settings/members')).text).toContain('first@example.test')
    expect((await first.get('/ops')).status).toBe(200)
    expect(await listKept(app.on)).toEqual([])
  })

  test('an agent who came later does not operate it', async () => {
    const org = await app.org()
    await createUser(app.on, {
      org: org.id,
      email: 'later@example.test',
      role: 'agent',
      password: PASSWORD,
    })
    const later = newVisitor()
    await later.post('/login', { email: 'later@example.test', password: PASSWORD })
    expect((await later.get('/inbox')).status).not.toBe(303)
    expect((await later.get('/ops/mail')).status).toBe(403)
  })
})

describe('signing up', () => {
  test('a new address and one that has an account get the same answer', async () => {
    const fresh = await newVisitor().post('/signup', form('fresh@example.test'))
    const taken = await newVisitor().post('/signup', form('first@example.test'))

    expect([fresh.status, taken.status]).toEqual([200, 200])
    expect(fresh.text).toContain('Check your mail')
    expect(taken.text).toBe(fresh.text)
    const kinds = (await listKept(app.on)).map(({ to, kind }) => `${to} ${kind}`)
    expect(kinds).toEqual(['first@example.test sign_up_taken', 'fresh@example.test sign_up'])
  })

  test('the link in the mail and the password chosen make the account, once', async () => {
    await newVisitor().post('/signup', form('maya@example.test'))
    const link = await linkTo('maya@example.test')
    const maya = newVisitor()
    expect((await maya.get(link)).text).toContain('maya@example.test')

    const wrong = await maya.post(link, { password: 'not what was chosen' })
    expect(wrong.status).toBe(422)
    expect(wrong.text).toContain('not the password you chose')
    const answer = await maya.post(link, { password: PASSWORD })
    expect([answer.status, answer.location]).toEqual([303, '/inbox'])
    expect((await maya.get('/settings/organization')).text).toContain('Blue Linen')
    expect((await newVisitor().get(link)).status).toBe(410)
    expect((await newVisitor().post(link, { password: PASSWORD })).status).toBe(410)
  })

  test('reading the link does not use it up, as mail scanners read links', async () => {
    await newVisitor().post('/signup', form('scanned@example.test'))
    const link = await linkTo('scanned@example.test')
    for (let i = 0; i < 3; i += 1) expect((await newVisitor().get(link)).status).toBe(200)
    expect((await newVisitor().post(link, { password: PASSWORD })).status).toBe(303)
  })

  test('before the address is confirmed its password signs nobody in, with the answer for a wrong one', async () => {
    await newVisitor().post('/signup', form('hasty@example.test'))
    const hasty = await newVisitor().post('/login', {
      email: 'hasty@example.test',
      password: PASSWORD,
    })
    const wrong = await newVisitor().post('/login', {
      email: 'nobody@example.test',
      password: PASSWORD,
    })
    expect(hasty.status).toBe(422)
    expect(hasty.text.replaceAll('hasty', 'nobody')).toBe(wrong.text)
  })

  test('signing up again before confirming replaces what was typed and voids the first link', async () => {
    await newVisitor().post('/signup', form('twice@example.test'))
    const first = await linkTo('twice@example.test')
    const password = 'another calm evening'
    await newVisitor().post('/signup', {
      ...form('twice@example.test'),
      organization: 'Second',
      password,
    })
    const second = await linkTo('twice@example.test')

    expect((await newVisitor().get(first)).status).toBe(410)
    const twice = newVisitor()
    expect((await twice.post(second, { password })).status).toBe(303)
    expect((await twice.get('/settings/organization')).text).toContain('value="Second"')
  })

  test('two clicks on the button of the link at once make one organization', async () => {
    await newVisitor().post('/signup', form('double@example.test'))
    const link = await linkTo('double@example.test')
    await Promise.all([1, 2].map(() => newVisitor().post(link, { password: PASSWORD })))
    const made = await app.on.db.withSystem((tx) =>
      rows(
        tx,
        `select m.org_id from users u, user_orgs(u.id) m where u.email = 'double@example.test'`,
      ),
    )
    expect(made).toHaveLength(1)
  })

  test('a faulty form comes back with a sentence at each field, what was typed, and no password', async () => {
    const answer = await newVisitor().post('/signup', {
      ...form('x'),
      name: '',
      organization: '',
      password: '',
    })
    expect(answer.status).toBe(422)
    expect(answer.text).toContain('Enter the name of your organization.')
    expect(answer.text).toContain('Enter your name.')
    expect(answer.text).toMatch(/id="name"[^>]*aria-invalid="true" aria-describedby="name-hint"/)
    expect(answer.text).toMatch(/id="problem"[^>]*autofocus/)
    expect(answer.text).toContain('value="x"')

    const weak = await newVisitor().post('/signup', {
      ...form('weak@example.test'),
      password: 'chatflow2026',
    })
    expect(weak.text).toMatch(/id="password"[^>]*autofocus[^>]*aria-describedby="password-hint"/)
    expect(weak.text).not.toContain('chatflow2026')
  })

  test('names lose what cannot be seen and keep what can be read', async () => {
    const org = await app.org()
    const { user } = await createUser(app.on, {
      org: org.id,
      email: 'BIDI@example.test',
      name: '  Ana\u202e\u0007  María\u200b ',
      role: 'agent',
      password: PASSWORD,
    })
    const [kept] = await app.on.db.withSystem((tx) =>
      rows<{ name: string; email: string }>(tx, 'select name, email from users where id = ?', [
        user,
      ]),
    )
    expect(kept).toEqual({ name: 'Ana María', email: 'bidi@example.test' })
  })
})

describe('signing in', () => {
  const email = 'signed@example.test'
  beforeAll(async () => {
    const org = await app.org()
    await createUser(app.on, { org: org.id, email, role: 'agent', password: PASSWORD })
  })

  test('the right pair opens the page that was asked for', async () => {
    const agent = newVisitor()
    const asked = await agent.get('/settings/security?x=1')
    expect(asked.location).toBe('/login?next=%2Fsettings%2Fsecurity%3Fx%3D1')
    const page = await agent.get(asked.location)
    expect(page.text).toContain('name="next" value="/settings/security?x=1"')

    const answer = await agent.post('/login', {
      email: ' Signed@Example.test ',
      password: PASSWORD,
      next: '/settings/security?x=1',
    })
    expect([answer.status, answer.location]).toEqual([303, '/settings/security?x=1'])
    expect((await agent.get('/login')).location).toBe('/inbox')
  })

  test.each([
    '//evil.example',
    '/\\evil.example',
    '\\\\evil.example',
    '/\t/evil.example',
    '/\n/evil.example',
    'https://evil.example/inbox',
    'javascript:alert(1)',
    'inbox',
    '/login?next=/login',
    '/logout',
    '',
  ])('never leaves for %j', async (next) => {
    const answer = await newVisitor().post('/login', { email, password: PASSWORD, next })
    expect([answer.status, answer.location]).toEqual([303, '/inbox'])
  })

  test('a wrong password and an unknown address get the same status, headers and page', async () => {
    const wrong = await newVisitor().post('/login', {
      email: 'signed@example.test',
      password: 'wrong wrong wrong',
    })
    const nobody = await newVisitor().post('/login', {
      email: 'nobody@example.test',
      password: 'wrong wrong wrong',
    })
    expect(wrong.status).toBe(422)
    expect(nobody.status).toBe(422)
    expect(nobody.text.replaceAll('nobody', 'signed')).toBe(wrong.text)
    expect([...nobody.headers.keys()].toSorted()).toEqual([...wrong.headers.keys()].toSorted())
    expect(nobody.headers.get('set-cookie')).toBeNull()
    expect(wrong.text).toMatch(/id="password"[^>]*autofocus aria-invalid="true"/)
    expect(wrong.text).toContain('value="signed@example.test"')
    expect(wrong.text).not.toContain('wrong wrong')
  })

  test('signing out asks on a page, ends the session on the server and can be posted twice', async () => {
    const agent = newVisitor()
    await agent.post('/login', { email, password: PASSWORD })
    const stolen = visit(app, { cookie: `cf_dev=${agent.cookies.get('cf_dev')}` })
    expect((await agent.get('/logout')).text).toContain('action="/logout"')
    expect((await stolen.get('/settings/profile')).status).toBe(200)

    expect((await agent.post('/logout')).location).toBe('/login?done=out')
    expect((await stolen.get('/settings/profile')).status).toBe(303)
    expect((await agent.post('/logout')).status).toBe(303)
  })

  test('a hash of older parameters is renewed while the password is at hand', async () => {
    const hash = async (): Promise<string> => {
      const [found] = await app.on.db.withSystem((tx) =>
        rows<{ hash: string }>(tx, 'select password_hash as hash from users where email = ?', [
          email,
        ]),
      )
      return found?.hash ?? ''
    }
    expect(await hash()).toMatch(/^\$scrypt\$ln=8,/)
    openPasswords(app.on, { ln: 9, r: 8, p: 1 })
    await newVisitor().post('/login', { email, password: PASSWORD })
    expect(await hash()).toMatch(/^\$scrypt\$ln=9,/)
    openPasswords(app.on, { ln: 8, r: 8, p: 1 })
  })

  test('the choice of colours is kept in a cookie and goes back to where it was made', async () => {
    const anyone = newVisitor()
    const answer = await anyone.post('/theme', { theme: 'dark', back: '/login' })
    expect([answer.status, answer.location]).toEqual([303, '/login'])
    expect((await anyone.get('/login')).text).toContain('data-theme="dark"')
    const back = await anyone.post('/theme', { theme: '', back: '//evil.example' })
    expect([back.status, back.location, anyone.cookies.has('theme')]).toEqual([
      303,
      '/inbox',
      false,
    ])
  })
})

test('a closed sign-up says so and makes nothing', async () => {
  const closed = await startApp({ workers: false, env: { SIGNUP: 'closed' } })
  const answer = await visit(closed).post('/signup', form('late@example.test'))
  expect(answer.status).toBe(403)
  expect(answer.text).toContain('by invitation')
  expect((await visit(closed).get('/login')).text).not.toContain('/signup')
  const people = await closed.on.db.withSystem((tx) => rows(tx, 'select id from users'))
  expect(people).toEqual([])
  await closed.stop()
})
