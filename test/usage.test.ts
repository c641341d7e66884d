import { rows } from '../src/db.ts'
import { newId } from '../src/ids.ts'
import type { UsageJob } from '../src/queues.ts'
import { allowUsage, objectToUsage } from '../src/usage/refs.ts'
import { readOwnUsage, readShares, storeUsage } from '../src/usage/usage.ts'
import { BACKENDS, startApp, type Running } from './support/app.ts'
import { member } from './support/member.ts'
import type { Org, Person } from './support/org.ts'
import { talkWith } from './support/program.ts'
import { signInAs } from './support/sign-in.ts'
import { until } from './support/until.ts'

const DAY = 86_400_000
type Row = { page: string; feature: string | null; at: Date }

const usageOf = (app: Running, org: Org): Promise<Row[]> =>
  app.on.db.withTenant(org.id, (tx) =>
    rows<Row>(
      tx,
      'select page, feature, at from usage_events where org_id = ? order by page, feature nulls first, id',
      [org.id],
    ),
  )

/** The jobs that are made from here on; they still go to the queue unless `held`. */
function watchJobs(app: Running, { held = false } = {}): UsageJob[] {
  const jobs: UsageJob[] = []
  const add = app.on.queues.addUsage
  app.on.queues.addUsage = async (job) => {
    jobs.push(job)
    if (!held) await add(job)
  }
  return jobs
}

describe.each(BACKENDS)('with the queue in %s', (backend) => {
  test('pages and features are stored by their patterns: no id, no address, no word, nobody', async () => {
    const app = await startApp({ backend })
    const org = await app.org()
    const jobs = watchJobs(app)
    const agent = await member(app, org, 'agent')
    const { conversation, contact } = await talkWith(app, org)
    await agent.get(`/inbox/${conversation}?q=canary-search`)
    await agent.get(`/contacts/${contact}`)
    await agent.get('/no-such-page/canary-path')
    await agent.post(`/inbox/${conversation}/status`, { status: 'resolved', note: 'canary-body' })
    const stored = await until(async () => {
      const found = await usageOf(app, org)
      return found.length >= 3 && found
    })
    expect(stored.map(({ page, feature }) => [page, feature])).toEqual([
      ['/contacts/:id', null],
      ['/inbox/:id', null],
      ['/inbox/:id/status', 'change_status'],
    ])
    expect(stored.every(({ at }) => at.getTime() % 1_000 === 0)).toBe(true)
    const whole = await app.on.db.withTenant(org.id, (tx) =>
      rows<{ text: string }>(tx, 'select e::text as text from usage_events e where org_id = ?', [
        org.id,
      ]),
    )
    const everything = JSON.stringify([jobs.map(({ events }) => events), whole]).replaceAll(
      org.id,
      '',
    )
    const people = await app.on.db.withTenant(org.id, (tx) =>
      rows<{ user_id: string }>(tx, 'select user_id from memberships where org_id = ?', [org.id]),
    )
    for (const told of [
      conversation,
      contact,
      'canary',
      '@',
      ...people.map(({ user_id }) => user_id),
    ])
      expect(everything).not.toContain(told)
    await app.stop()
  })
})

describe('a person', () => {
  let app: Running
  let jobs: UsageJob[]
  let org: Org
  let person: Person
  beforeAll(async () => {
    app = await startApp({ workers: false })
    jobs = watchJobs(app, { held: true })
  })
  afterAll(() => app.stop())
  beforeEach(async () => {
    jobs.length = 0
    org = await app.org()
    person = await org.person('agent')
  })

  const who = () => ({ org: org.id, user: person.id })
  const look = async (path: string, headers: Record<string, string> = {}): Promise<Response> => {
    const cookie = await signInAs(app.on, org, person)
    return fetch(app.url + path, { headers: { cookie, ...headers }, redirect: 'manual' })
  }
  const nextJob = async (): Promise<UsageJob> =>
    until(() => jobs.splice(0).find((job) => job.org === org.id))
  const own = () => app.on.db.withTenant(org.id, (tx) => readOwnUsage(tx, org.id, person.id))

  test('who objects is forgotten at once, with what lies in the queue and what was stored', async () => {
    await look('/contacts')
    const first = await nextJob()
    expect(await storeUsage(app.on, first)).toBe(1)
    expect(await storeUsage(app.on, first)).toBe(0)
    await look('/settings/profile')
    const waiting = await nextJob()
    const seat = await signInAs(app.on, org, person)
    const answer = await fetch(`${app.url}/settings/usage/objection`, {
      method: 'POST',
      headers: { cookie: seat, origin: app.url },
      redirect: 'manual',
      body: new URLSearchParams({ forget: '1' }),
    })
    expect(answer.status).toBe(303)
    expect(await storeUsage(app.on, waiting)).toBe(0)
    expect(await usageOf(app, org)).toEqual([])
    expect(await (await look('/settings/usage')).text()).toContain('Nothing is collected about you')
  })

  test('who objects is not seen again, not even what was in memory, until they allow it', async () => {
    await objectToUsage(app.on, who())
    await look('/contacts')
    const other = await signInAs(app.on, org, org.owner)
    await fetch(`${app.url}/contacts`, { headers: { cookie: other } })
    const job = await nextJob()
    expect(job.events).toHaveLength(1)
    await allowUsage(app.on, who())
    expect((await own()).events).toEqual([])
  })

  test('who had it deleted and allows it again gets a new number: nothing from before comes back', async () => {
    await look('/contacts')
    const old = await nextJob()
    await objectToUsage(app.on, who(), { forget: true })
    await allowUsage(app.on, who())
    expect(await storeUsage(app.on, old)).toBe(0)
    await look('/settings/profile')
    const fresh = await nextJob()
    expect(fresh.events[0]?.ref).not.toBe(old.events[0]?.ref)
    // What was seen while the objection stood does not slip in under the new number.
    const slipped = fresh.events.map((event) => ({ ...event, id: newId(), at: event.at - DAY }))
    expect(await storeUsage(app.on, { ...fresh, events: slipped })).toBe(0)
    expect(await storeUsage(app.on, fresh)).toBe(1)
    expect((await own()).events).toMatchObject([{ page: '/settings/profile', feature: null }])
  })

  test('whose browser says so is not counted', async () => {
    await look('/contacts', { 'Sec-GPC': '1' })
    await look('/contacts', { DNT: '1' })
    await look('/contacts', { 'Sec-Purpose': 'prefetch' })
    await look('/contacts', { 'HX-Request': 'true', 'HX-Request-Type': 'partial' })
    await look('/settings/security')
    expect((await nextJob()).events.map(({ page }) => page)).toEqual(['/settings/security'])
  })

  test('sees what is stored about themselves, and nobody sees it about somebody else', async () => {
    await look('/contacts')
    await storeUsage(app.on, await nextJob())
    expect(await (await look('/settings/usage')).text()).toContain('<code>/contacts</code>')
    const admin = await member(app, org, 'admin')
    const page = await (await admin.get('/settings/usage')).text()
    expect(page).not.toContain('<code>/contacts</code>')
    expect(page).toContain('no-shares')
  })

  test('waits for nothing when the queue takes nothing; what is lost is counted', async () => {
    const add = app.on.queues.addUsage
    app.on.queues.addUsage = () => Promise.reject(new Error('away'))
    expect((await look('/contacts')).status).toBe(200)
    await until(() => app.lines.some((line) => /"dropped":\d+.+usage events dropped/.test(line)))
    app.on.queues.addUsage = add
  })

  test('an event with anything more, or that is no pattern, is not stored', async () => {
    await look('/contacts')
    const job = await nextJob()
    const [event] = job.events
    if (!event) throw new Error('no event')
    const odd = [
      { ...event, id: newId(), ip: '10.0.0.1' },
      { ...event, id: newId(), page: `/contacts/${newId()}` },
      { ...event, id: newId(), page: '/inbox?q=a' },
      { ...event, id: newId(), feature: 'gossip' },
    ]
    expect(await storeUsage(app.on, { ...job, events: odd })).toBe(0)
  })
})

describe('the numbers for admins', () => {
  test('begin at five people, in steps of five, for weeks that are over', async () => {
    const app = await startApp({ workers: false })
    const org = await app.org()
    const now = new Date('2026-11-25T12:00:00Z')
    const add = (page: string, people: number, at: Date): Promise<unknown> =>
      app.on.db.withTenant(org.id, (tx) =>
        rows(
          tx,
          `insert into usage_events (org_id, id, page, at, ref)
           select ?, gen_random_uuid(), ?, ?, gen_random_uuid() from generate_series(1, ?::int)`,
          [org.id, page, at, people],
        ),
      )
    const [sunday, monday] = [new Date('2026-11-22T23:59:59Z'), new Date('2026-11-23T00:00:00Z')]
    await add('/four', 4, sunday)
    await add('/five', 5, sunday)
    await add('/nine', 9, sunday)
    await add('/ten', 10, sunday)
    await add('/now', 9, monday)
    const shares = await app.on.db.withTenant(org.id, (tx) => readShares(tx, org.id, now))
    expect(shares).toEqual([
      { week: '2026-11-16', page: '/ten', feature: null, people: 10 },
      { week: '2026-11-16', page: '/five', feature: null, people: 5 },
      { week: '2026-11-16', page: '/nine', feature: null, people: 5 },
    ])
    const neighbour = await app.org()
    expect(
      await app.on.db.withTenant(neighbour.id, (tx) => readShares(tx, neighbour.id, now)),
    ).toEqual([])
    await app.stop()
  })
})
