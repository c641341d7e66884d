import { createUser } from '../src/accounts/accounts.ts'
import { openPasswords } from '../src/accounts/passwords.ts'
import { rows } from '../src/db.ts'
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

describe('ranks', () => {
  test.each([
    ['admin', 'owner', 403],
    ['admin', 'admin', 201],
    ['owner', 'owner', 201],
    ['owner', 'viewer', 422],
    ['owner', 'root', 422],
    ['agent', 'agent', 403],
  ])('%s invites as %s: %d', async (role, given, status) => {
    const org = await app.org()
    const visitor = await as(org, await org.person(role))
    expect((await inviteAs(visitor, newEmail(), given)).status).toBe(status)
  })

  test.each([
    ['admin', 'agent', 'admin', 303],
    ['admin', 'agent', 'owner', 403],
    ['admin', 'admin', 'agent', 403],
    ['admin', 'owner', 'agent', 403],
    ['owner', 'owner', 'agent', 303],
    ['owner', 'agent', 'owner', 303],
    ['agent', 'agent', 'admin', 403],
  ])('%s makes another %s an %s: %d', async (role, other, given, status) => {
    const org = await app.org()
    const member = await org.person(other)
    const visitor = await as(org, await org.person(role))
    const answer = await visitor.post(`/settings/members/${member.id}/role`, { role: given })
    expect(answer.status).toBe(status)
    expect((await rolesIn(org))[member.id]).toBe(status === 303 ? given : other)
  })

  test('nobody raises themselves', async () => {
    const org = await app.org()
    const admin = await org.person('admin')
    const answer = await (
      await as(org, admin)
    ).post(`/settings/members/${admin.id}/role`, { role: 'owner' })
    expect(answer.status).toBe(403)
    expect((await rolesIn(org))[admin.id]).toBe('admin')
  })

  test('a member of another organization does not exist here', async () => {
    const [org, other] = [await app.org(), await app.org()]
    const owner = await as(org, org.owner)
    const [foreign, unknown, garbage] = [
      await owner.post(`/settings/members/${other.owner.id}/role`, { role: 'agent' }),
      await owner.post(`/settings/members/${'0'.repeat(8)}-0000-7000-8000-${'0'.repeat(12)}/role`, {
        role: 'agent',
      }),
      await owner.post('/settings/members/x/role', { role: 'agent' }),
    ]
    expect([foreign.status, unknown.status, garbage.status]).toEqual([404, 404, 404])
    expect((await rolesIn(other))[other.owner.id]).toBe('owner')
  })

  test('a new role ends the sessions of the member here', async () => {
    const org = await app.org()
    const member = await org.person('admin')
    const browser = await as(org, member)
    await (await as(org, org.owner)).post(`/settings/members/${member.id}/role`, { role: 'agent' })
    expect((await browser.get('/settings/members')).location).toContain('/login')
  })
})

describe('leaving', () => {
  test('removal ends access at once and frees the conversations', async () => {
    const org = await app.org()
    const member = await org.person('agent')
    const browser = await as(org, member)
    expect((await browser.get('/settings/profile')).status).toBe(200)
    const owner = await as(org, org.owner)
    const unsure = await owner.post(`/settings/members/${member.id}/removal`)
    expect(unsure.status).toBe(422)
    expect((await owner.post(`/settings/members/${member.id}/removal`, { sure: '1' })).status).toBe(
      303,
    )
    expect((await browser.get('/settings/profile')).location).toContain('/login')
    expect(Object.keys(await rolesIn(org))).toEqual([org.owner.id])
  })

  test('who is removed while signed in elsewhere keeps the other organization', async () => {
    const [org, second] = [await app.org(), await app.org()]
    const leo = await org.person('agent')
    await app.on.db.withTenant(second.id, (tx) =>
      rows(tx, `insert into memberships (org_id, user_id, role) values (?, ?, 'agent')`, [
        second.id,
        leo.id,
      ]),
    )
    const [here, there] = [await as(org, leo), await as(second, leo)]
    await (await as(org, org.owner)).post(`/settings/members/${leo.id}/removal`, { sure: '1' })
    expect((await here.get('/settings/profile')).status).toBe(303)
    expect((await there.get('/settings/profile')).status).toBe(200)
  })

  test('the right password of somebody without an organization says what to do', async () => {
    const org = await app.org()
    const email = newEmail()
    const { user } = await createUser(app.on, {
      org: org.id,
      email,
      role: 'agent',
      password: PASSWORD,
    })
    await app.on.db.withTenant(org.id, (tx) =>
      rows(tx, 'delete from memberships where user_id = ?', [user]),
    )
    const answer = await newVisitor().post('/login', { email, password: PASSWORD })
    expect(answer.status).toBe(422)
    expect(answer.text).toContain('not a member of any organization')
  })

  test('the last owner can neither leave nor step down, nor be removed by an admin', async () => {
    const org = await app.org()
    const owner = await as(org, org.owner)
    const admin = await as(org, await org.person('admin'))
    const answers = [
      await owner.post('/settings/profile/departure', { sure: '1' }),
      await owner.post(`/settings/members/${org.owner.id}/role`, { role: 'agent' }),
      await admin.post(`/settings/members/${org.owner.id}/removal`, { sure: '1' }),
    ]
    expect(answers.map(({ status }) => status)).toEqual([409, 409, 403])
    expect((await rolesIn(org))[org.owner.id]).toBe('owner')
  })

  test('of two owners who step down at once one stays', async () => {
    const org = await app.org()
    const second = await org.person('owner')
    const both = await Promise.all([as(org, org.owner), as(org, second)])
    const answers = await Promise.all(
      both.map((owner) => owner.post('/settings/profile/departure', { sure: '1' })),
    )
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([303, 409])
    expect(Object.values(await rolesIn(org))).toEqual(['owner'])
  })

  test('of two owners who remove each other at once one stays', async () => {
    const org = await app.org()
    const second = await org.person('owner')
    const [one, two] = await Promise.all([as(org, org.owner), as(org, second)])
    await Promise.all([
      one.post(`/settings/members/${second.id}/removal`, { sure: '1' }),
      two.post(`/settings/members/${org.owner.id}/removal`, { sure: '1' }),
    ])
    expect(Object.values(await rolesIn(org))).toEqual(['owner'])
  })
})

describe('names', () => {
  test('of a person and of an organization are changed in settings, and faults shown in place', async () => {
    const org = await app.org()
    const owner = await as(org, org.owner)
    await owner.post('/settings/profile', { name: 'Maya Ökafor' })
    await owner.post('/settings/organization', { name: 'Blue Linen' })
    const page = await owner.get('/settings/profile?saved=1')
    expect(page.text).toContain('value="Maya Ökafor"')
    expect(page.text).toContain('Blue Linen')
    expect(page.text).toContain('Your name is changed.')

    const long = await owner.post('/settings/profile', { name: 'x'.repeat(121) })
    expect(long.status).toBe(422)
    expect(long.text).toContain('Use at most 120 characters.')
    const nul = await owner.post('/settings/organization', { name: 'a\u0000b' })
    expect(nul.status).toBe(422)
  })
})
