import { rows } from '../../src/db.ts'
import { newId } from '../../src/ids.ts'
import { allowUsage, objectToUsage } from '../../src/usage/refs.ts'
import { BACKENDS, startApp, type Running } from '../support/app.ts'
import type { Org } from '../support/org.ts'
import { signInAs } from '../support/sign-in.ts'
import { until } from '../support/until.ts'
import { visit } from '../support/visitor.ts'

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

  test('also for a hundred events that were queued before it', async () => {
    const [calm, other] = [await org.person('agent'), await org.person('agent')]
    const queued = [...events(await marked(calm.id), 100), ...events(await marked(other.id), 3)]
    await objectToUsage(app.on, { org: org.id, user: calm.id })
    await app.on.queues.addUsage({ org: org.id, events: queued })
    await until(async () => (await stored()) > 0)
    expect(await stored()).toBe(3)
    await allowUsage(app.on, { org: org.id, user: calm.id })
    expect(await stored()).toBe(3)
  })

  test('what is there already goes with it', async () => {
    const calm = await org.person('agent')
    await app.on.queues.addUsage({ org: org.id, events: events(await marked(calm.id), 3) })
    await until(async () => (await stored()) === 3)
    await objectToUsage(app.on, { org: org.id, user: calm.id })
    expect(await stored()).toBe(0)
  })

  test('a browser that sends Global Privacy Control or Do Not Track is not counted', async () => {
    const agent = visit(app, { cookie: await signInAs(app.on, org, await org.person('agent')) })
    for (const header of ['sec-gpc', 'dnt']) await agent.get('/inbox', { [header]: '1' })
    await agent.get('/contacts')
    await until(async () => (await stored()) > 0)
    expect(await as('select page from usage_events where org_id = ?', [org.id])).toEqual([
      { page: '/contacts' },
    ])
  })
})
