import { createUser } from '../src/accounts/accounts.ts'
import { openPasswords } from '../src/accounts/passwords.ts'
import { rows } from '../src/db.ts'
import { listKept } from '../src/ops/mail.ts'
import { startApp, type Running } from './support/app.ts'
import type { Org, Person } from './support/org.ts'
import { signInAs } from './support/sign-in.ts'
import { visit, type Answer, type Visitor } from './support/visitor.ts'

const PASSWORD = 'quiet harbour lantern'
let app: Running
let ahead = 0
let made = 0

const newVisitor = (): Visitor => visit(app, { ip: `10.${(made += 1)}.0.1` })
const as = async (org: Org, person: Person): Promise<Visitor> =>
  visit(app, { cookie: await signInAs(app.on, org, person), ip: `10.${(made += 1)}.0.1` })
const newEmail = (): string => `colleague${(made += 1)}@example.test`

const pathIn = ({ text }: Answer): string =>
  /id="link"[^>]*>https?:\/\/[^/]+(\/invite\/[\w-]+)</.exec(text)?.[1] ?? ''
const inviteAs = (visitor: Visitor, email: string, role: string): Promise<Answer> =>
  visitor.post('/settings/members/invitations', { email, role })

async function rolesIn(org: Org): Promise<Record<string, string>> {
  const found = await app.on.db.withTenant(org.id, (tx) =>
    rows<{ user_id: string; role: string }>(
      tx,
      'select user_id, role from memberships where org_id = ?',
      [org.id],
    ),
  )
  return Object.fromEntries(found.map(({ user_id, role }) => [user_id, role]))
}

beforeAll(async () => {
  const now = (): Date => new Date(Date.now() + ahead)
  app = await startApp({ workers: false, now, env: { TRUST_PROXY: '1' } })
  openPasswords(app.on, { ln: 4, r: 8, p: 1 })
})
beforeEach(() => {
  ahead = 0
})
afterAll(() => app.stop())

describe('an invitation', () => {
  test('is a link that is shown once and mailed, and makes a member of who uses it, once', async () => {
    const org = await app.org()
    const owner = await as(org, org.owner)
    const email = newEmail()
    const invited = await inviteAs(owner, email.toUpperCase(), 'agent')
    expect(invited.status).toBe(201)
    const path = pathIn(invited)
    expect(path).toMatch(/^\/invite\/[\w-]{43}$/)
    expect((await owner.get('/settings/members')).text).toContain(email)
    expect((await owner.get('/settings/members')).text).not.toContain(path)
    expect((await listKept(app.on))[0]).toMatchObject({
      to: email,
      text: expect.stringContaining(path) as string,
    })

    const colleague = newVisitor()
    const page = await colleague.get(path)
    expect(page.text).toContain('Test owner</bdi> invites you as agent')
    const joined = await colleague.post(path, { name: 'Leo', password: PASSWORD })
    expect([joined.status, joined.location]).toEqual([303, '/inbox'])
    expect((await colleague.get('/settings/profile')).text).toContain('value="Leo"')
    expect((await owner.get('/settings/members')).text).toContain('Leo')

    const again = await newVisitor().post(path, { name: 'Eve', password: PASSWORD })
    expect(again.status).toBe(410)
    expect((await newVisitor().get(path)).status).toBe(410)
    expect((await newVisitor().post('/login', { email, password: PASSWORD })).status).toBe(303)
  })

  test('used twice at once it lets one in', async () => {
    const org = await app.org()
    const path = pathIn(await inviteAs(await as(org, org.owner), newEmail(), 'agent'))
    const answers = await Promise.all(
      Array.from({ length: 6 }, () => newVisitor().post(path, { name: 'Leo', password: PASSWORD })),
    )
    expect(answers.filter(({ status }) => status === 303)).toHaveLength(1)
    expect(Object.keys(await rolesIn(org))).toHaveLength(2)
  })

  test('ends after seven days, when taken back, and when the address is invited again', async () => {
    const org = await app.org()
    const owner = await as(org, org.owner)
    const email = newEmail()
    const first = pathIn(await inviteAs(owner, email, 'agent'))
    const second = pathIn(await inviteAs(owner, email, 'admin'))
    expect((await newVisitor().get(first)).status).toBe(410)
    expect((await newVisitor().get(second)).status).toBe(200)

    const id = /id="withdraw-([\w-]+)"/.exec((await owner.get('/settings/members')).text)?.[1] ?? ''
    await owner.post(`/settings/members/invitations/${id}/removal`)
    expect((await newVisitor().get(second)).status).toBe(410)

    const third = pathIn(await inviteAs(owner, email, 'agent'))
    ahead = 7 * 86_400_000 + 60_000
    expect((await newVisitor().post(third, { name: 'Leo', password: PASSWORD })).status).toBe(410)
  })

  test('is for its address: another account that is signed in cannot use it', async () => {
    const [org, other] = [await app.org(), await app.org()]
    const path = pathIn(await inviteAs(await as(org, org.owner), newEmail(), 'agent'))
    const stranger = await as(other, other.owner)
    expect((await stranger.get(path)).text).toContain('Sign out first')
    expect((await stranger.post(path)).status).toBe(403)
    expect(Object.keys(await rolesIn(org))).toHaveLength(1)
  })

  test('brings a person with an account into a second organization, between which they switch', async () => {
    const [org, second] = [await app.org(), await app.org()]
    const leo = await org.person('agent')
    const browser = await as(org, leo)
    const path = pathIn(await inviteAs(await as(second, second.owner), leo.email, 'admin'))
    expect((await browser.post(path)).status).toBe(303)
    expect((await browser.get('/settings/members')).status).toBe(200)

    const other = await app.org()
    expect((await browser.post('/settings/profile/organization', { org: other.id })).status).toBe(
      404,
    )
    await browser.post('/settings/profile/organization', { org: org.id })
    expect((await browser.get('/settings/members')).status).toBe(403)
  })

  test('asks for the password of the account an address has', async () => {
    const [org, second] = [await app.org(), await app.org()]
    const email = newEmail()
    await createUser(app.on, { org: org.id, email, role: 'agent', password: PASSWORD })
    const path = pathIn(await inviteAs(await as(second, second.owner), email, 'agent'))
    const wrong = await newVisitor().post(path, { name: 'Eve', password: 'another calm evening' })
    expect(wrong.status).toBe(422)
    expect((await newVisitor().post(path, { name: '', password: PASSWORD })).status).toBe(303)
  })

  test.each([
    ['has fallen below the role they gave', 'agent'],
    ['was removed', null],
  ])('is void when the inviter %s', async (_what, role) => {
    const org = await app.org()
    const admin = await org.person('admin')
    const path = pathIn(await inviteAs(await as(org, admin), newEmail(), 'admin'))
    await app.on.db.withTenant(org.id, (tx) =>
      role === null
        ? rows(tx, 'delete from memberships where org_id = ? and user_id = ?', [org.id, admin.id])
        : rows(tx, 'update memberships set role = ? where org_id = ? and user_id = ?', [
            role,
            org.id,
            admin.id,
          ]),
    )
    const answer = await newVisitor().post(path, { name: 'Leo', password: PASSWORD })
    expect(answer.status).toBe(403)
    expect(answer.text).toContain('Ask an owner or an admin for a new link')
    expect(Object.values(await rolesIn(org))).not.toContain('viewer')
  })

  test('proves no address: who joined by a link does not operate the installation by the name alone', async () => {
    const org = await app.org()
    const email = newEmail()
    const path = pathIn(await inviteAs(await as(org, org.owner), email, 'agent'))
    const eve = newVisitor()
    await eve.post(path, { name: 'Eve', password: PASSWORD })
    app.on.config.opsEmails.push(email)
    expect((await eve.get('/ops')).status).toBe(403)
    await app.on.db.withSystem((tx) =>
      rows(tx, 'update users set email_verified_at = now() where email = ?', [email]),
    )
    expect((await eve.get('/ops')).status).toBe(200)
    app.on.config.opsEmails.pop()
  })

  test('answers alike for an address that is a member, has an account, or is unknown', async () => {
    const [org, other] = [await app.org(), await app.org()]
    const owner = await as(org, org.owner)
    const member = await org.person('agent')
    const answers = []
    for (const email of [member.email, other.owner.email, newEmail()])
      answers.push((await inviteAs(owner, email, 'agent')).status)
    expect(answers).toEqual([201, 201, 201])
  })
})
