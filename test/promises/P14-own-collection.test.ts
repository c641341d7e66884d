import type { UsageJob } from '../../src/queues.ts'
import { readOwnUsage, storeUsage } from '../../src/usage/usage.ts'
import { startApp, type Running } from '../support/app.ts'
import { signInAs } from '../support/sign-in.ts'
import { until } from '../support/until.ts'

describe('P14 — collected by our own queue and worker; nobody else watches', () => {
  const now = new Date('2026-11-24T10:00:00Z')
  let app: Running
  beforeAll(async () => {
    app = await startApp({ workers: false, now: () => now })
  })
  afterAll(() => app.stop())

  test('a queue that never answers holds up no page', async () => {
    const org = await app.org()
    const cookie = await signInAs(app.on, org, org.owner)
    const add = app.on.queues.addUsage
    let asked = 0
    let release: (() => void) | undefined
    app.on.queues.addUsage = () => {
      asked += 1
      return new Promise((done) => (release = done))
    }
    const look = () => fetch(`${app.url}/contacts`, { headers: { cookie } })
    expect((await look()).status).toBe(200)
    await until(() => asked > 0)
    expect((await look()).status).toBe(200)
    release?.()
    app.on.queues.addUsage = add
  })

  test('a queue that is away costs events, which are counted, and no answer', async () => {
    const org = await app.org()
    const cookie = await signInAs(app.on, org, org.owner)
    const add = app.on.queues.addUsage
    app.on.queues.addUsage = () => Promise.reject(new Error('away'))
    expect((await fetch(`${app.url}/contacts`, { headers: { cookie } })).status).toBe(200)
    await until(() => app.lines.some((line) => /"dropped":\d+.+usage events dropped/.test(line)))
    app.on.queues.addUsage = add
  })

  test('a job that runs twice stores once, with the time it happened', async () => {
    const org = await app.org()
    const cookie = await signInAs(app.on, org, org.owner)
    const jobs: UsageJob[] = []
    app.on.queues.addUsage = (job) => Promise.resolve(void jobs.push(job))
    await fetch(`${app.url}/contacts`, { headers: { cookie } })
    const job = await until(() => jobs.find((one) => one.org === org.id))
    expect(await storeUsage(app.on, job)).toBe(1)
    expect(await storeUsage(app.on, job)).toBe(0)
    const own = await app.on.db.withTenant(org.id, (tx) => readOwnUsage(tx, org.id, org.owner.id))
    expect(own.events).toEqual([{ page: '/contacts', feature: null, at: now }])
  })

  test('a page lets the browser talk to nobody but us', async () => {
    const answer = await fetch(`${app.url}/signin`)
    expect(answer.headers.get('content-security-policy')).toMatch(
      /^default-src 'none';(?:(?!https?:|\*)[^])*$/,
    )
    const page = await answer.text()
    expect(page).toContain('<link')
    expect(page).not.toMatch(/<(?:script|link|img|iframe)\b[^>]*(?:src|href)="(?:https?:)?\/\//)
  })
})
