import pg from 'pg'
import { authTimeOf } from '../../src/abuse/new-network.ts'
import { listForReview, noteFinding, type Finding, type Found } from '../../src/abuse/findings.ts'
import { RULES } from '../../src/abuse/rules.ts'
import { noteBlocked, noteEntered, noteSignIn } from '../../src/accounts/sign-in.ts'
import { openThrottles, type Throttled } from '../../src/accounts/throttle.ts'
import { rows, type Tx } from '../../src/db.ts'
import { readHeldData } from '../../src/privacy/held-data.ts'
import type { Running } from '../support/app.ts'
import type { Org } from '../support/org.ts'
import { signInAs } from '../support/sign-in.ts'
import { visit, type Visitor } from '../support/visitor.ts'

const MINUTE = 60_000
const DAY = 1_440 * MINUTE
const EXPORTS = '/settings/privacy/exports'

type At = {
  app(): Running
  org(): Org
  now(): Date
  later(ms: number): void
  found(): Promise<Finding[]>
  send(to: string): Promise<{ status: number }>
  owner(): Promise<Visitor>
}

/** The other rules of P23, each below, at and above its limit, and afterwards; the proof of P23 calls it. */
export function provesRules({ app, org, now, later, found, send, owner }: At): void {
  const tenant = <T>(run: (tx: Tx) => Promise<T>): Promise<T> =>
    app().on.db.withTenant(org().id, run)
  const source = (ip: string) => ({ ip, request: 'test' })
  const what = async (): Promise<[string, string][]> =>
    (await found()).map(({ because, action }) => [because, action])

  test('a network’s limit speaks of the network, and locks nobody out whose browser is known', async () => {
    const throttles = openThrottles(app().on)
    const ip = '198.51.100.7'
    const { limit } = RULES.network_tries
    const attempt = (n: number) =>
      throttles.signIn({ email: `nobody-${n}@example.test`, ip, known: undefined })
    for (let n = 1; n <= limit; n++) await attempt(n)
    const email = org().owner.email
    const throttled = await throttles
      .signIn({ email, ip, known: undefined })
      .catch((error: unknown) => error as Throttled)
    expect(throttled).toMatchObject({ status: 429, isFirst: true })
    await noteBlocked(app().on, { email, source: source(ip), throttled: throttled as Throttled })
    expect(await what()).toEqual([
      [
        '101 tries to sign in from the network of somebody who tried your account within 60 minutes did not succeed; limit 100.',
        'slow',
      ],
    ])
    await throttles.signIn({ email, ip, known: throttles.knownMark(email) })
    later(61 * MINUTE)
    expect(await found()).toEqual([])
  })

  test('after many failures a network that is new means: enter the password again', async () => {
    const { owner: person, id } = org()
    const enter = (ip: string): Promise<void> =>
      noteEntered(app().on, { user: person.id, org: id, source: source(ip) })
    const fail = () =>
      noteSignIn(app().on, { user: person.id, source: source('192.0.2.9') }, 'sign_in.failed')
    const visitor = await owner()
    const confirm = async (): Promise<number> =>
      (await visitor.post(`${EXPORTS}/confirmation`)).status
    await enter('203.0.113.5')
    for (let n = 1; n < RULES.new_network.limit; n++) await fail()
    await enter('198.51.100.1')
    await fail()
    await enter('198.51.101.1')
    expect([await found(), await confirm()]).toEqual([[], 303])
    await fail()
    await enter('198.51.101.2')
    expect(await found()).toEqual([])
    await enter('198.51.102.1')
    expect(await what()).toEqual([
      [
        'You signed in from a network you did not use in 14 days, after 4 tries that failed in 60 minutes; limit 3.',
        'ask',
      ],
    ])
    expect(await confirm()).toBe(403)
    expect(await authTimeOf(app().on, person.id)).toBe(0)
    expect((await visitor.get('/settings/security')).text).toContain(
      'asked for your password again',
    )
    later(DAY + 1)
    expect(await found()).toEqual([])
    expect(await authTimeOf(app().on, person.id)).toBe(now().getTime())
  })

  test('more requests than any person makes are slowed down, and nobody else’s', async () => {
    const [hasty, calm] = [await owner(), await org().person('agent')]
    const { limit } = RULES.request_pace
    const get = async (): Promise<number> => (await hasty.get('/settings')).status
    for (let n = 1; n < limit; n++) await get()
    expect([await get(), await found()]).toEqual([303, []])
    const refused = await hasty.get('/settings')
    expect(refused.status).toBe(429)
    expect(Number(refused.headers.get('retry-after'))).toBeLessThanOrEqual(60)
    expect(await get()).toBe(429)
    expect(await what()).toEqual([
      [`${limit + 1} requests in a minute were made with your sign-in; limit ${limit}.`, 'slow'],
    ])
    const other = visit(app(), { cookie: await signInAs(app().on, org(), calm) })
    expect((await other.get('/settings')).status).toBe(303)
    later(10 * MINUTE)
    expect(await found()).toEqual([])
  })

  /** Messages that ended a moment ago, the first of them undelivered. */
  const sent = (n: number, failed: number): Promise<unknown> =>
    tenant((tx) =>
      rows(
        tx,
        `with c as (insert into contacts (org_id, id) values (:org, gen_random_uuid()) returning id),
              t as (insert into conversations (org_id, id, contact_id, connection_id, last_message_at, window_expires_at)
                    select :org, gen_random_uuid(), id, :connection, :now, :now from c returning id),
              m as (insert into messages (org_id, id, conversation_id, direction, kind, status, rank, error_code, created_at)
                    select :org, gen_random_uuid(), t.id, 'out', 'text', case when n <= :failed then 'failed' else 'read' end, 40,
                           case when n <= :failed then '131026' end, :now
                      from t, generate_series(1, :n) n returning id, conversation_id),
              d as (insert into routing_decisions (org_id, message_id, kind, because, at)
                    select :org, id, 'api_key', 'A program asked for it.', :now from m)
         insert into outbox (org_id, message_id, conversation_id, connection_id, state, body, finished_at)
         select :org, id, conversation_id, :connection, 'done', '{}', :now from m`,
        { org: org().id, connection: org().connection.id, n, failed, now: now() },
      ),
    )

  test('when most of what goes out is not delivered, strangers are not written to for a while', async () => {
    await sent(49, 49)
    expect((await send('+5511987650001')).status).toBe(202)
    later(61 * MINUTE)
    await sent(100, 49)
    expect((await send('+5511987650002')).status).toBe(202)
    await sent(1, 1)
    await sent(1, 1)
    await sent(1, 0)
    // 51 of 103 are less than half.
    expect((await send('+5511987650003')).status).toBe(202)
    await sent(1, 1)
    expect((await send('+5511987650004')).status).toBe(202)
    expect(await found()).toEqual([])
    await sent(2, 2)
    const refused = await send('+5511987650005')
    expect(refused.status).toBe(429)
    expect(await what()).toEqual([
      ['54 of 106 messages in 60 minutes were not delivered by WhatsApp; limit 50 in 100.', 'slow'],
    ])
    expect((await send('+5511987650005')).status).toBe(429)
    expect(await found()).toHaveLength(1)
    later(61 * MINUTE)
    expect((await send('+5511987650005')).status).toBe(202)
  })

  test('templates that WhatsApp rejects hold back what goes to strangers', async () => {
    const reject = (name: string): Promise<unknown> =>
      tenant((tx) =>
        rows(
          tx,
          `insert into templates (org_id, id, waba_id, name, language, status, status_at)
           values (?, gen_random_uuid(), 'w', ?, 'en', 'REJECTED', ?)`,
          [org().id, name, now()],
        ),
      )
    for (let n = 1; n < RULES.rejected_templates.limit; n++) await reject(`t${n}`)
    expect((await send('+5511987651001')).status).toBe(202)
    await reject('at the limit')
    expect((await send('+5511987651002')).status).toBe(202)
    await reject('above it')
    expect((await send('+5511987651003')).status).toBe(429)
    expect(await what()).toEqual([
      ['6 templates were rejected by WhatsApp in 24 hours; limit 5.', 'slow'],
    ])
    later(61 * MINUTE)
    expect((await send('+5511987651003')).status).toBe(202)
  })

  test('a burst of exports means the password again, a second one a pause, a third one a person', async () => {
    const exported = (n: number): Promise<unknown> =>
      app().on.db.withSystem((tx) =>
        rows(
          tx,
          `insert into exports (id, org_id, kind, subject_id, requested_by, state, created_at, expires_at)
           select gen_random_uuid(), :org, 'org', :org, :user, 'expired', :now, :now from generate_series(1, :n)`,
          { org: org().id, user: org().owner.id, now: now(), n },
        ),
      )
    let visitor = await owner()
    const ask = async (): Promise<number> => (await visitor.post(EXPORTS)).status
    const burst = async (): Promise<string | undefined> => {
      later(1)
      await exported(RULES.export_bursts.limit)
      expect(await ask()).toBe(429)
      return (await found())[0]?.action
    }
    await exported(RULES.export_bursts.limit - 1)
    expect([await ask(), await found()]).toEqual([303, []])
    expect(await ask()).toBe(429)
    expect(await what()).toEqual([
      ['11 exports in 24 hours were asked for with your sign-in; limit 10.', 'ask'],
    ])
    expect((await visitor.post(`${EXPORTS}/confirmation`)).status).toBe(403)
    later(1)
    expect(await ask()).toBe(303)
    expect(await burst()).toBe('pause')
    later(1)
    expect(await ask()).toBe(429)
    later(DAY + 1)
    visitor = await owner()
    expect(await ask()).toBe(303)
    expect((await visitor.get(EXPORTS)).status).toBe(200)
    expect(await burst()).toBe('review')
    const newer: Found = {
      org: org().id,
      rule: 'request_pace',
      because: 'Newer.',
      counts: {},
      action: 'slow',
      until: new Date(now().getTime() + DAY),
    }
    later(1)
    await app().on.db.withSystem((tx) => noteFinding(app().on, tx, newer))
    const [first] = await listForReview(app().on)
    expect(first?.action).toBe('review')

    const held = await readHeldData(app().on, { kind: 'user', id: org().owner.id })
    const own = held.sections.find(({ table }) => table === 'abuse_findings')
    const shown = own?.rows.flat().join(' ') ?? ''
    expect(shown).toContain('11 exports in 24 hours')
    expect(shown).not.toContain('"limit"')
  })

  test('where counters cannot be reached, fewer tries pass and not all', async () => {
    const login = new pg.Client({ connectionString: app().on.config.DATABASE_URL })
    await login.connect()
    await login.query('alter table app.throttles rename to throttles_away')
    const throttles = openThrottles(app().on)
    try {
      await throttles.signUp('203.0.113.200')
      await expect(throttles.signUp('203.0.113.200')).rejects.toMatchObject({ status: 429 })
    } finally {
      await login.query('alter table app.throttles_away rename to throttles')
      await login.end()
    }
  })
}
