import { createApiKey } from '../../src/accounts/api-keys.ts'
import { noteEntered } from '../../src/accounts/sign-in.ts'
import { openThrottles } from '../../src/accounts/throttle.ts'
import { decideFinding, listFindings } from '../../src/abuse/findings.ts'
import { RULES } from '../../src/abuse/rules.ts'
import { rows } from '../../src/db.ts'
import { sweepRetention } from '../../src/privacy/retention.ts'
import { startApp, type Running } from '../support/app.ts'
import type { Org } from '../support/org.ts'
import { signInAs } from '../support/sign-in.ts'
import { visit, type Visitor } from '../support/visitor.ts'
import { provesRules } from './abuse-rules.ts'

jest.setTimeout(60_000)

const MINUTE = 60_000
const DAY = 1_440 * MINUTE
const { limit } = RULES.first_messages
// The same rule with a number that a test reaches soon.
Object.assign(RULES.request_pace, { limit: 40 })

describe('P23 — abuse is detected with reasons people can read and contest', () => {
  let app: Running
  let org: Org
  let clock: Date
  let send: (to: string) => Promise<{ status: number; text: string }>
  beforeAll(async () => {
    app = await startApp({ workers: false, now: () => clock, env: { TRUST_PROXY: '1' } })
  })
  beforeEach(async () => {
    clock = new Date()
    org = await app.org()
    const { key } = await createApiKey(app.on, org.id, { name: 'first' })
    send = async (to) => {
      const answer = await fetch(`${app.url}/api/v1/messages`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' },
        body: JSON.stringify({
          connection_id: org.connection.id,
          to,
          type: 'template',
          template: { name: 'hello', language: { code: 'en' } },
        }),
      })
      return { status: answer.status, text: await answer.text() }
    }
  })
  afterAll(() => app.stop())

  const later = (ms: number): void => void (clock = new Date(clock.getTime() + ms))
  const owner = async (): Promise<Visitor> =>
    visit(app, { cookie: await signInAs(app.on, org, org.owner) })
  const found = () => listFindings(app.on, { org: org.id, user: org.owner.id, isAdmin: true })

  /** Conversations of this moment with people who never wrote, or, with `answered`, who did. */
  const opened = (n: number, answered = false): Promise<unknown> =>
    app.on.db.withTenant(org.id, (tx) =>
      rows(
        tx,
        `with people as (
           insert into contacts (org_id, id, name, search_name)
           select :org, gen_random_uuid(), 'Ana', 'ana' from generate_series(1, :n::int) returning id)
         insert into conversations (org_id, id, contact_id, connection_id, last_message_at, window_expires_at)
         select :org, gen_random_uuid(), id, :connection, :at, :window from people`,
        {
          org: org.id,
          n,
          connection: org.connection.id,
          at: clock,
          window: answered ? new Date(clock.getTime() + DAY) : null,
        },
      ),
    )

  /** One message more than may be, eleven minutes later; answers the measure. */
  const overrun = async (): Promise<string | undefined> => {
    later(11 * MINUTE)
    await opened(limit)
    await send('+5511987654304')
    return (await found())[0]?.action
  }

  test('first messages to strangers stop at their limit, with a sentence that says so; others go on', async () => {
    await opened(limit - 2)
    await opened(50, true)
    expect((await send('+5511987654301')).status).toBe(202)
    expect((await send('+5511987654302')).status).toBe(202)
    expect(await found()).toEqual([])
    const refused = await send('+5511987654303')
    expect(refused.status).toBe(429)
    expect(refused.text).toContain('Settings → Security')
    const [finding] = await found()
    expect(finding?.because).toBe(
      `${limit + 1} first messages in 10 minutes went to numbers that never wrote to you; limit ${limit}.`,
    )
    // Somebody who was written to is no new stranger, and who answered is none at all.
    expect((await send('+5511987654301')).status).toBe(202)
    expect(await found()).toHaveLength(1)
    later(10 * MINUTE + 1_000)
    expect(await found()).toEqual([])
    expect((await send('+5511987654303')).status).toBe(202)
  })

  test('the third time in a day is a pause', async () => {
    expect([await overrun(), await overrun(), await overrun()]).toEqual(['slow', 'slow', 'pause'])
    later(11 * MINUTE)
    expect((await send('+5511987654305')).status).toBe(429)
    later(DAY)
    expect((await send('+5511987654305')).status).toBe(202)
    expect(await overrun()).toBe('review')
  })

  test('while a person was asked to look nothing gets worse', async () => {
    expect([await overrun(), await overrun()]).toEqual(['slow', 'slow'])
    const [finding] = await found()
    await (await owner()).post(`/settings/security/findings/${finding?.id}/appeal`)
    expect(await overrun()).toBe('slow')
  })

  test('whoever it concerns reads it under Security and asks for a person, whose word lifts it at once', async () => {
    await opened(limit)
    expect((await send('+5511987654306')).status).toBe(429)
    const visitor = await owner()
    const [finding] = await found()
    const page = await visitor.get('/settings/security')
    expect(page.text).toContain(finding?.because)
    const agent = await org.person('agent')
    const stranger = visit(app, { cookie: await signInAs(app.on, org, agent) })
    expect((await stranger.get('/settings/security')).text).not.toContain(finding?.because)
    const appeal = `/settings/security/findings/${finding?.id}/appeal`
    expect((await stranger.post(appeal)).status).toBe(404)
    expect((await visitor.post(appeal)).status).toBe(303)
    expect((await visitor.post(appeal)).status).toBe(303)
    expect((await visitor.get('/settings/security')).text).toContain('You asked for a person')

    const by = { kind: 'operator' as const, id: org.owner.id }
    await decideFinding(app.on, { id: finding?.id ?? '', outcome: 'lifted', by })
    expect((await visitor.get('/settings/security')).text).toContain('the measure is lifted')
    expect((await send('+5511987654306')).status).toBe(202)
    const told = await app.on.db.withTenant(org.id, (tx) =>
      rows<{ action: string; actor: string }>(
        tx,
        `select action, actor_kind as actor from audit_log where org_id = ? and action like 'abuse.%' order by seq`,
        [org.id],
      ),
    )
    expect(told).toEqual([
      { action: 'abuse.found', actor: 'system' },
      { action: 'abuse.appealed', actor: 'user' },
      { action: 'abuse.decided', actor: 'operator' },
    ])
  })

  test('tries to sign in are told to the person they were about, with how many and the limit', async () => {
    const stranger = visit(app, { ip: '203.0.113.50' })
    const attempt = () =>
      stranger.post('/login', { email: org.owner.email, password: 'not the password' })
    for (let n = 1; n <= 5; n++) expect((await attempt()).status).toBe(422)
    expect(await found()).toEqual([])
    expect([(await attempt()).status, (await attempt()).status]).toEqual([429, 429])
    expect((await found()).map(({ because, action }) => [because, action])).toEqual([
      ['6 tries to sign in to your account within 15 minutes did not succeed; limit 5.', 'slow'],
    ])
    const text = (await (await owner()).get('/settings/security')).text
    expect(text).toContain('6 tries to sign in')
    later(16 * MINUTE)
    expect(await found()).toEqual([])
    await noteEntered(app.on, { user: org.owner.id, org: org.id })
  })

  test('a colleague in the same office is not locked out by it, and counters end', async () => {
    const throttles = openThrottles(app.on)
    const ip = '203.0.114.50'
    const owners = { email: org.owner.email, ip, known: undefined }
    for (let n = 1; n <= 5; n++) await throttles.signIn(owners)
    await expect(throttles.signIn(owners)).rejects.toMatchObject({ status: 429, isFirst: true })
    await throttles.signIn({ ...owners, email: 'colleague@example.test' })
    const counters = await app.on.db.withSystem((tx) =>
      rows<{ key: string; ms: number | null }>(
        tx,
        `select key, (expire - extract(epoch from now()) * 1000)::float8 as ms from throttles`,
      ),
    )
    expect(counters.length).toBeGreaterThan(3)
    expect(counters.filter(({ ms }) => ms === null || ms > DAY)).toEqual([])
    expect(counters.filter(({ key }) => /@|203/.test(key))).toEqual([])
  })

  test('a finding goes thirty days after its measure ended', async () => {
    await opened(limit)
    await send('+5511987654307')
    const all = () =>
      app.on.db.withSystem((tx) =>
        rows(tx, 'select id from abuse_findings where org_id = ?', [org.id]),
      )
    const end = clock.getTime() + 10 * MINUTE + 30 * DAY
    await sweepRetention(app.on, new Date(end))
    expect(await all()).toHaveLength(1)
    await sweepRetention(app.on, new Date(end + 1))
    expect(await all()).toEqual([])
  })

  provesRules({
    app: () => app,
    org: () => org,
    now: () => clock,
    later,
    found,
    send: (to) => send(to),
    owner,
  })
})
