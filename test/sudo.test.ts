import { createUser } from '../src/accounts/accounts.ts'
import { openPasswords } from '../src/accounts/passwords.ts'
import { listAudit } from '../src/audit/log.ts'
import { getConnection } from '../src/connections/connections.ts'
import { rows } from '../src/db.ts'
import { startApp, type Running } from './support/app.ts'
import type { Org } from './support/org.ts'
import { signInAs } from './support/sign-in.ts'
import { visit, type Answer, type Visitor } from './support/visitor.ts'

const PASSWORD = 'quiet harbour lantern'
const MINUTE = 60_000
let app: Running
let ahead = 0
let made = 0

beforeAll(async () => {
  const now = (): Date => new Date(Date.now() + ahead)
  app = await startApp({ workers: false, now, env: { TRUST_PROXY: '1' } })
  openPasswords(app.on, { ln: 4, r: 8, p: 1 })
})
beforeEach(() => {
  ahead = 0
})
afterAll(() => app.stop())

/** An admin who entered their password this long ago. */
async function admin(org: Org, minutes: number): Promise<Visitor> {
  const email = `admin${(made += 1)}@example.test`
  const wanted = { org: org.id, email, role: 'admin' as const, password: PASSWORD }
  const { user } = await createUser(app.on, wanted)
  const authAt = app.on.now().getTime() - minutes * MINUTE
  const cookie = await signInAs(app.on, org, { id: user }, authAt)
  return visit(app, { cookie, ip: `10.${made}.0.1` })
}

/** Fill in the page that asks for the password, as a browser does. */
function confirm(visitor: Visitor, path: string, page: Answer, password: string): Promise<Answer> {
  const [, sealed_form = ''] = /name="sealed_form" value="([^"]+)"/.exec(page.text) ?? []
  return visitor.post(path, { confirm_password: password, sealed_form })
}
const keysOf = (org: Org): Promise<{ name: string }[]> =>
  app.on.db.withTenant(org.id, (tx) =>
    rows<{ name: string }>(tx, 'select name from api_keys where org_id = ? order by id', [org.id]),
  )
const acts = async (org: Org): Promise<string[]> =>
  (await app.on.db.withTenant(org.id, (tx) => listAudit(tx, org.id, { limit: 100 })))
    .map(({ action }) => action)
    .toReversed()
const isAsking = ({ status, text }: Answer): boolean =>
  status === 403 && text.includes('Confirm your password')

const KEYS = '/settings/api-keys'
const FORM = { name: 'Order system', scopes: 'read' }

test.each([
  [14, false],
  [16, true],
])('a password entered %d minutes ago: asked again is %s', async (minutes, asked) => {
  const org = await app.org()
  const answer = await (await admin(org, minutes)).post(KEYS, FORM)
  expect(isAsking(answer)).toBe(asked)
  expect(await keysOf(org)).toHaveLength(asked ? 0 : 1)
})

test('the right password does what the form said, without filling it in again, and holds for what follows', async () => {
  const org = await app.org()
  const visitor = await admin(org, 60)
  const asked = await visitor.post(KEYS, FORM)
  const done = await confirm(visitor, KEYS, asked, PASSWORD)
  expect([done.status, done.text.includes('cf_')]).toEqual([201, true])
  expect(await keysOf(org)).toEqual([{ name: 'Order system' }])
  expect((await visitor.post(KEYS, { ...FORM, name: 'Second' })).status).toBe(201)
  ahead = 16 * MINUTE
  expect(isAsking(await visitor.post(KEYS, { ...FORM, name: 'Third' }))).toBe(true)
  expect(await acts(org)).toEqual([
    'member.added',
    'sudo.confirmed',
    'api_key.created',
    'api_key.created',
  ])
})

test('what is not right in the form is told in the form, after the password', async () => {
  const org = await app.org()
  const visitor = await admin(org, 60)
  const answer = await confirm(visitor, KEYS, await visitor.post(KEYS, { name: ' ' }), PASSWORD)
  expect(answer.status).toBe(422)
  expect(answer.text).toContain('Give the key a name.')
})

test('a wrong password does nothing, keeps the form, and tries are counted as those of a sign-in', async () => {
  const org = await app.org()
  const visitor = await admin(org, 60)
  let page = await visitor.post(KEYS, FORM)
  for (let n = 0; n < 5; n++) page = await confirm(visitor, KEYS, page, 'not this one')
  expect(page.status).toBe(422)
  expect(page.text).toContain('This is not your password.')
  page = await confirm(visitor, KEYS, page, PASSWORD)
  expect([page.status, page.text.includes('Too many tries')]).toEqual([429, true])
  expect(await keysOf(org)).toEqual([])
  expect(await acts(org)).toEqual(['member.added', ...Array<string>(5).fill('sudo.failed')])
})

test('the page that asks shows no secret of the form, and the secret arrives', async () => {
  const org = await app.org()
  const visitor = await admin(org, 60)
  const { id } = org.connection
  const path = `/settings/connections/${id}/secrets`
  const asked = await visitor.post(path, { access_token: 'EAAB-canary-token' })
  expect(isAsking(asked)).toBe(true)
  expect(asked.text).not.toContain('canary')
  await confirm(visitor, path, asked, PASSWORD)
  const found = await app.on.db.withTenant(org.id, (tx) => getConnection(tx, org.id, id))
  expect(found?.settings.check).toBeDefined()
  expect(await acts(org)).toContain('connection.secrets_changed')
})

test('a form that waits is good for its own session and address only', async () => {
  const org = await app.org()
  const [one, two] = [await admin(org, 60), await admin(org, 60)]
  const asked = await one.post(KEYS, FORM)
  const answers = [
    await confirm(two, KEYS, asked, PASSWORD),
    await confirm(one, '/settings/members/invitations', asked, PASSWORD),
    await one.post(KEYS, { confirm_password: PASSWORD, sealed_form: 'v1.test.AAAA' }),
  ]
  expect(answers.map(({ status }) => status)).toEqual([409, 409, 409])
  expect(await keysOf(org)).toEqual([])
})

test('whoever lacks the role is told so, not asked for a password', async () => {
  const org = await app.org()
  const agent = await org.person('agent')
  const visitor = visit(app, { cookie: await signInAs(app.on, org, agent, 1) })
  const answer = await visitor.post(KEYS, FORM)
  expect([answer.status, isAsking(answer)]).toEqual([403, false])
  expect(answer.text).toContain('Your role does not allow this')
})

test('a sign-in counts as fresh, changing the organization does not make it so', async () => {
  const [org, second] = [await app.org(), await app.org()]
  const email = 'both@example.test'
  const { user } = await createUser(app.on, {
    org: org.id,
    email,
    role: 'admin',
    password: PASSWORD,
  })
  await app.on.db.withTenant(second.id, (tx) =>
    rows(tx, `insert into memberships (org_id, user_id, role) values (?, ?, 'admin')`, [
      second.id,
      user,
    ]),
  )
  const visitor = visit(app, { ip: '10.200.0.1' })
  await visitor.post('/login', { email, password: PASSWORD })
  expect((await visitor.post(KEYS, FORM)).status).toBe(201)
  ahead = 20 * MINUTE
  await visitor.post('/settings/profile/organization', { org: second.id })
  expect(isAsking(await visitor.post(KEYS, FORM))).toBe(true)
  expect(await keysOf(second)).toEqual([])
})
