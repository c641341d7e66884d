import { createUser } from '../src/accounts/accounts.ts'
import { createApiKey, revokeApiKey } from '../src/accounts/api-keys.ts'
import { openPasswords } from '../src/accounts/passwords.ts'
import { listAudit, type Logged } from '../src/audit/log.ts'
import { changeSecrets, switchConnection } from '../src/connections/changes.ts'
import { rows } from '../src/db.ts'
import { newId } from '../src/ids.ts'
import { Refusal } from '../src/refusal.ts'
import { startApp, type Running } from './support/app.ts'
import type { Org, Person } from './support/org.ts'
import { signInAs } from './support/sign-in.ts'
import { visit, type Visitor } from './support/visitor.ts'

const PASSWORD = 'quiet harbour lantern'
let app: Running
let operator: Visitor
let made = 0

const newIp = (): string => `10.${(made += 1)}.2.3`
const as = async (org: Org, person: Person): Promise<Visitor> =>
  visit(app, { cookie: await signInAs(app.on, org, person), ip: newIp() })
const newEmail = (): string => `colleague${(made += 1)}@example.test`

beforeAll(async () => {
  app = await startApp({ workers: false, env: { TRUST_PROXY: '1' } })
  openPasswords(app.on, { ln: 4, r: 8, p: 1 })
  app.on.queues.addInbound = () => Promise.resolve()
  const first = await app.org()
  operator = await as(first, first.owner)
})
afterAll(() => app.stop())

const logOf = (org: Org): Promise<Logged[]> =>
  app.on.db.withTenant(org.id, (tx) => listAudit(tx, org.id, { limit: 1_000 }))

/** The entries that an act adds, in the order they were written. */
async function told(org: Org, act: () => Promise<unknown>): Promise<Partial<Logged>[]> {
  const before = (await logOf(org))[0]?.seq ?? 0
  await act()
  return (await logOf(org)).filter(({ seq }) => seq > before).toReversed()
}

async function withAccount(org: Org): Promise<{ id: string; email: string }> {
  const email = newEmail()
  const { user } = await createUser(app.on, {
    org: org.id,
    email,
    role: 'agent',
    password: PASSWORD,
  })
  return { id: user, email }
}

/** The first one-time link of a page: of the latest mail on the operator's. */
const linkIn = (page: string): string => /\/(?:reset|invite)\/[\w-]{20,}/.exec(page)?.[0] ?? ''

describe('a sign-in', () => {
  test('is told to the organization it enters, with the network and not the address', async () => {
    const org = await app.org()
    const { id, email } = await withAccount(org)
    const entries = await told(org, () =>
      visit(app, { ip: '203.0.113.77' }).post('/login', { email, password: PASSWORD }),
    )
    expect(entries).toMatchObject([
      { action: 'sign_in.ok', actor_kind: 'user', ip: '203.0.113.0/24', detail: {} },
    ])
    const [row] = await app.on.db.withTenant(org.id, (tx) =>
      rows<{ actor_id: string; request_id: string }>(
        tx,
        `select actor_id, request_id from audit_log where org_id = ? and action = 'sign_in.ok'`,
        [org.id],
      ),
    )
    expect(row?.actor_id).toBe(id)
    expect(row?.request_id).toMatch(/^[0-9a-f-]{36}$/)
  })

  test('of a newer kind of address loses its last 80 bits', async () => {
    const org = await app.org()
    const { email } = await withAccount(org)
    const entries = await told(org, () =>
      visit(app, { ip: '2001:db8:77:1:2:3:4:5' }).post('/login', { email, password: PASSWORD }),
    )
    expect(entries).toMatchObject([{ ip: '2001:db8:77::/48' }])
  })

  test('that fails is told about the person and by nobody; one that is blocked once for all that follow', async () => {
    const org = await app.org()
    const { id, email } = await withAccount(org)
    const stranger = visit(app, { ip: newIp() })
    const entries = await told(org, async () => {
      for (let n = 0; n < 8; n++) await stranger.post('/login', { email, password: 'not this one' })
    })
    expect(entries.map(({ action }) => action)).toEqual([
      ...Array<string>(5).fill('sign_in.failed'),
      'sign_in.blocked',
      'abuse.found',
    ])
    expect(entries[0]).toMatchObject({ actor_kind: 'system', actor_name: null, target_id: id })
  })

  test('to an address that nobody has is told to nobody', async () => {
    const total = () => app.on.db.withTenant(org.id, (tx) => rows(tx, 'select seq from audit_log'))
    const org = await app.org()
    const answer = await visit(app, { ip: newIp() }).post('/login', {
      email: newEmail(),
      password: PASSWORD,
    })
    expect([answer.status, await total()]).toEqual([422, []])
  })

  test('that fails is told to each organization of the person', async () => {
    const [org, second] = [await app.org(), await app.org()]
    const { id, email } = await withAccount(org)
    await app.on.db.withTenant(second.id, (tx) =>
      rows(tx, `insert into memberships (org_id, user_id, role) values (?, ?, 'agent')`, [
        second.id,
        id,
      ]),
    )
    await visit(app, { ip: newIp() }).post('/login', { email, password: 'not this one' })
    for (const each of [org, second])
      expect((await logOf(each))[0]).toMatchObject({ action: 'sign_in.failed' })
  })
})

describe('each act writes exactly one entry', () => {
  test('of passwords and sign-ins', async () => {
    const org = await app.org()
    const { id, email } = await withAccount(org)
    const [here, there] = [await as(org, { id, email, role: 'agent' }), visit(app, { ip: newIp() })]
    const signIn = () => there.post('/login', { email, password: PASSWORD })
    await signIn()
    expect(await told(org, () => here.post('/settings/security/sessions/removal'))).toMatchObject([
      { action: 'session.revoked', actor_kind: 'user', detail: { sessions: 1 } },
    ])
    const form = { current: PASSWORD, password: 'another harbour light' }
    expect(await told(org, () => here.post('/settings/security/password', form))).toMatchObject([
      { action: 'password.changed', actor_name: email.split('@')[0] },
    ])
    await there.post('/reset', { email })
    const mail = await operator.get('/ops/mail')
    const path = linkIn(mail.text)
    expect(
      await told(org, () => there.post(path, { password: 'a third harbour light' })),
    ).toMatchObject([{ action: 'password.reset', actor_kind: 'user' }])
  })

  test('of members and invitations', async () => {
    const org = await app.org()
    const owner = await as(org, org.owner)
    const [leo, ana] = [await org.person('agent'), await org.person('agent')]
    const members = '/settings/members'
    expect(
      await told(org, () => owner.post(`${members}/${leo.id}/role`, { role: 'admin' })),
    ).toMatchObject([
      {
        action: 'member.role_changed',
        actor_name: 'Test owner',
        target_name: 'Test agent',
        detail: { from: 'agent', to: 'admin' },
      },
    ])
    expect(
      await told(org, () => owner.post(`${members}/${leo.id}/removal`, { sure: '1' })),
    ).toMatchObject([{ action: 'member.removed', target_id: leo.id, detail: { role: 'admin' } }])
    const leaving = await as(org, ana)
    expect(
      await told(org, () => leaving.post('/settings/profile/departure', { sure: '1' })),
    ).toMatchObject([{ action: 'member.left', target_id: ana.id }])

    const invited = { email: newEmail(), role: 'agent' }
    let page = ''
    const invite = async () => {
      page = (await owner.post(`${members}/invitations`, invited)).text
    }
    expect(await told(org, invite)).toMatchObject([
      { action: 'invitation.created', target_kind: 'invitation', detail: { role: 'agent' } },
    ])
    const [, open = ''] = /invitations\/([\w-]{36})\/removal/.exec(page) ?? []
    const withdraw = () => owner.post(`${members}/invitations/${open}/removal`)
    expect(await told(org, withdraw)).toMatchObject([
      { action: 'invitation.withdrawn', target_id: open },
    ])
    expect(await told(org, withdraw)).toEqual([])
    await invite()
    const path = linkIn(page)
    const join = () => visit(app, { ip: newIp() }).post(path, { name: 'New', password: PASSWORD })
    expect(await told(org, join)).toMatchObject([
      { action: 'invitation.accepted', actor_name: 'New', detail: { role: 'agent' } },
    ])
  })

  test('of keys, connections and the organization', async () => {
    const org = await app.org()
    const owner = await as(org, org.owner)
    const { id } = org.connection
    const connections = '/settings/connections'
    expect(
      await told(org, () => owner.post('/settings/api-keys', { name: 'Till', scopes: 'read' })),
    ).toMatchObject([
      { action: 'api_key.created', target_name: 'Till', detail: { scopes: ['read'] } },
    ])
    const [key] = await app.on.db.withTenant(org.id, (tx) =>
      rows<{ id: string }>(tx, 'select id from api_keys where org_id = ?', [org.id]),
    )
    const revoke = () => owner.post(`/settings/api-keys/${key?.id}/revocation`)
    expect(await told(org, revoke)).toMatchObject([{ action: 'api_key.revoked' }])
    expect(await told(org, revoke)).toEqual([])
    expect(
      await told(org, () => owner.post(`${connections}/${id}/state`, { state: 'disabled' })),
    ).toMatchObject([{ action: 'connection.switched', detail: { to: 'disabled' } }])
    expect(
      await told(org, () =>
        owner.post(`${connections}/${id}/secrets`, { app_secret: 'b'.repeat(32) }),
      ),
    ).toMatchObject([
      {
        action: 'connection.secrets_changed',
        target_name: 'Test number',
        detail: { secrets: ['app_secret'] },
      },
    ])
    const number = {
      phone_number_id: '106540352249999',
      waba_id: '102290129349999',
      access_token: 'EAAB',
      app_secret: 'c'.repeat(32),
    }
    expect(await told(org, () => owner.post(connections, number))).toMatchObject([
      { action: 'connection.created', actor_name: 'Test owner' },
    ])
    expect(
      await told(org, () => owner.post('/settings/organization', { name: 'Blue Linen' })),
    ).toMatchObject([{ action: 'organization.renamed' }])
  })

  test('of dead letters, in the organization the letter belongs to', async () => {
    const org = await app.org()
    const letter = async (): Promise<string> => {
      const id = newId()
      await app.on.db.withSystem((tx) =>
        rows(
          tx,
          `insert into dead_letters (id, org_id, queue, reason, body, expires_at)
           values (?, ?, 'inbound', 'parse', 'v1.x.y', now() + interval '1 day')`,
          [id, org.id],
        ),
      )
      return id
    }
    const [one, two] = [await letter(), await letter()]
    expect(await told(org, () => operator.post(`/ops/dead-letters/${one}/replay`))).toMatchObject([
      { action: 'dead_letter.replayed', actor_kind: 'operator', target_id: one },
    ])
    expect(await told(org, () => operator.post(`/ops/dead-letters/${two}/removal`))).toMatchObject([
      { action: 'dead_letter.discarded', target_id: two },
    ])
  })

  test('of the product itself, and a refused one writes none', async () => {
    const org = await app.org()
    const { id } = org.connection
    expect(await told(org, () => createApiKey(app.on, org.id, { name: 'x' }))).toMatchObject([
      { action: 'api_key.created', actor_kind: 'system' },
    ])
    const refused = [
      () => revokeApiKey(app.on, org.id, newId()),
      () => changeSecrets(app.on, org.id, id, { appSecret: 'two words' }),
      () => switchConnection(app.on, { org: org.id }, newId(), 'disabled'),
    ]
    for (const act of refused)
      expect(await told(org, () => expect(act()).rejects.toThrow(Refusal))).toEqual([])
  })
})
