import { chooseForAll } from '../../src/choices/choices.ts'
import { rows } from '../../src/db.ts'
import { newId } from '../../src/ids.ts'
import { mayGo } from '../../src/ops/refusals.ts'
import { allowUsage, objectToUsage, refsFor } from '../../src/usage/refs.ts'
import { storeUsage } from '../../src/usage/usage.ts'
import { BACKENDS, startApp, type Running } from '../support/app.ts'
import type { Org, Person } from '../support/org.ts'
import { signInAs } from '../support/sign-in.ts'
import { until } from '../support/until.ts'
import { visit, type Visitor } from '../support/visitor.ts'

describe.each(BACKENDS)('P15 — an objection to usage data stops it at once, in %s', (backend) => {
  let app: Running
  let org: Org
  beforeAll(async () => {
    app = await startApp({ backend })
  })
  beforeEach(async () => {
    org = await app.org()
  })
  afterAll(() => app.stop())

  const as = <T>(sql: string, values: string[]): Promise<T[]> =>
    app.on.db.withTenant(org.id, (tx) => rows<T>(tx, sql, values))
  const stored = async (): Promise<number> =>
    (await as('select id from usage_events where org_id = ?', [org.id])).length

  const browserOf = async (person: Person): Promise<Visitor> =>
    visit(app, { cookie: await signInAs(app.on, org, person) })

  /** The random number that stands for a person while they do not object. */
  const marked = async (user: string): Promise<string> => {
    const ref = newId()
    await as(
      `insert into usage_refs (org_id, user_id, ref, since) values (?, ?, ?, now() - interval '1 hour')`,
      [org.id, user, ref],
    )
    return ref
  }
  const events = (ref: string, n: number) =>
    Array.from({ length: n }, () => ({
      id: newId(),
      ref,
      page: '/inbox',
      feature: null,
      at: Date.now(),
    }))

  const choicesOf = (user: string) =>
    as<{ state: string; road: string; purpose: string; at: Date }>(
      'select purpose, state, road, at from consents where org_id = ? and user_id = ? order by at, id',
      [org.id, user],
    )

  test('also for a hundred events that were queued before it', async () => {
    const [calm, other] = [await org.person('agent'), await org.person('agent')]
    const queued = [...events(await marked(calm.id), 100), ...events(await marked(other.id), 3)]
    await objectToUsage(app.on, { org: org.id, user: calm.id })
    await app.on.queues.addUsage({ org: org.id, events: queued })
    await until(async () => (await stored()) > 0)
    expect(await stored()).toBe(3)
    await allowUsage(app.on, { org: org.id, user: calm.id })
    await app.on.queues.addUsage({
      org: org.id,
      events: queued.map(({ ref, page, feature, at }) => ({ id: newId(), ref, page, feature, at })),
    })
    await until(async () => (await stored()) === 6)
    expect(await choicesOf(calm.id)).toMatchObject([
      { purpose: 'usage', state: 'withdrawn', road: 'settings', at: expect.any(Date) as Date },
      { purpose: 'usage', state: 'given', road: 'settings' },
    ])
  })

  test('in every browser of the person, from the click on', async () => {
    const [calm, other] = [await org.person('agent'), await org.person('agent')]
    const [one, two] = [await browserOf(calm), await browserOf(calm)]
    expect((await one.post('/settings/usage/objection', { back: 'privacy' })).status).toBe(303)
    expect((await two.get('/settings/privacy')).text).toContain('Usage data: off')
    for (const seat of [one, two, await browserOf(other)]) await seat.get('/contacts')
    await until(async () => (await stored()) > 0)
    expect(await as('select page from usage_events where org_id = ?', [org.id])).toEqual([
      { page: '/contacts' },
    ])
  })

  test('what is there already stays, or goes with it where that is wanted', async () => {
    const [calm, keeps] = [await org.person('agent'), await org.person('agent')]
    const queued = [...events(await marked(calm.id), 3), ...events(await marked(keeps.id), 2)]
    await app.on.queues.addUsage({ org: org.id, events: queued })
    await until(async () => (await stored()) === 5)
    await objectToUsage(app.on, { org: org.id, user: keeps.id })
    await objectToUsage(app.on, { org: org.id, user: calm.id }, { forget: true })
    expect(await stored()).toBe(2)
  })

  test('for everybody where an admin says so; the stricter word wins', async () => {
    const [calm, eager] = [await org.person('agent'), await org.person('agent')]
    const queued = [...events(await marked(calm.id), 3), ...events(await marked(eager.id), 3)]
    await objectToUsage(app.on, { org: org.id, user: calm.id })
    const admin = { org: org.id, user: org.owner.id }
    await chooseForAll(app.on, admin, { subject: 'usage', isOn: false })
    expect(await storeUsage(app.on, { org: org.id, events: queued })).toBe(0)
    const seen = { org: org.id, user: eager.id, page: '/inbox', feature: null, at: Date.now() }
    expect((await refsFor(app.on, org.id, [seen])).size).toBe(0)
    const seat = await browserOf(eager)
    const own = await seat.get('/settings/privacy', { 'sec-gpc': '1' })
    expect(own.text).toContain('Usage data: off for everybody')
    await chooseForAll(app.on, admin, { subject: 'usage', isOn: true })
    expect(await storeUsage(app.on, { org: org.id, events: queued })).toBe(0)
    for (const each of [await browserOf(calm), seat]) await each.get('/contacts')
    await until(async () => (await stored()) > 0)
    expect(await stored()).toBe(1)
  })

  test('a browser that sends Global Privacy Control or Do Not Track is not counted', async () => {
    const agent = await browserOf(await org.person('agent'))
    for (const header of ['sec-gpc', 'dnt']) await agent.get('/inbox', { [header]: '1' })
    await agent.get('/contacts')
    await until(async () => (await stored()) > 0)
    expect(await as('select page from usage_events where org_id = ?', [org.id])).toEqual([
      { page: '/contacts' },
    ])
  })

  test('optional mail ends for the members of an organization that says so', async () => {
    const calm = await org.person('agent')
    const goes = () => app.on.db.withSystem((tx) => mayGo(tx, 'announcement_tips', calm.id))
    expect(await goes()).toBe(true)
    const admin = { org: org.id, user: org.owner.id }
    await chooseForAll(app.on, admin, { subject: 'optional_mail', isOn: false })
    expect(await goes()).toBe(false)
    expect(await app.on.db.withSystem((tx) => mayGo(tx, 'password_reset', calm.id))).toBe(true)
  })
})
