import type { Browser } from 'playwright-core'
import { createWeb } from '../src/listener.ts'
import { newId } from '../src/ids.ts'
import { BACKENDS, startApp, type Running } from './support/app.ts'
import { newCanary } from './support/canaries.ts'
import { sealedBody } from './support/inbound.ts'
import { messageOf, messagesBody, newCustomer } from './support/meta.ts'
import type { Org } from './support/org.ts'
import { openBrowser, sideways, sit } from './support/pages.ts'
import { waysInto } from './support/routes.ts'
import { signInAs } from './support/sign-in.ts'
import { until } from './support/until.ts'
import { visit, type Visitor } from './support/visitor.ts'

const API = '/ops/queues/api/queues'
type Listed = { name: string; readOnlyMode: boolean; jobs: { id: string; failedReason: string }[] }

describe.each(BACKENDS)('jobs for operators, with the queues in %s', (backend) => {
  let app: Running
  let org: Org
  let operator: Visitor
  const canary = newCanary()
  beforeAll(async () => {
    app = await startApp({ backend, workers: false })
    org = await app.org()
    operator = visit(app, { cookie: await signInAs(app.on, org, org.owner) })
    const ana = newCustomer()
    const body = messagesBody(org.connection, ana, messageOf(ana, canary))
    await app.on.queues.addInbound([sealedBody(app.on, org.connection, body)])
    await app.on.queues.addUsage({
      org: org.id,
      events: [{ id: newId(), ref: canary, page: `/${canary}`, feature: null, at: 1 }],
    })
    const mail = bare('mail')
    const job = await mail.add('mail', { [`A ${canary}`]: canary, id: canary }, { attempts: 1 })
    if (backend === 'redis') await job.log(canary)
    app.on.queues.work('mail', () => Promise.reject(new TypeError(canary)))
    await until(async () => (await app.on.queues.depths()).mail.failed === 1)
  })
  afterAll(() => app.stop())

  const bare = (name: string) => {
    const found = app.on.queues.bare().find((queue) => queue.name === name)
    if (!found) throw new Error(`no queue ${name}`)
    return found
  }
  const listed = async (name: string, status: string): Promise<{ text: string; queue: Listed }> => {
    const at = `${API}?activeQueue=${name}&status=${status}&page=1&jobsPerPage=10`
    const { text } = await operator.get(at, { accept: 'application/json' })
    const { queues } = JSON.parse(text) as { queues: Listed[] }
    const queue = queues.find((each) => each.name === name)
    if (!queue) throw new Error(`not listed: ${name}`)
    return { text, queue }
  }

  test('are shown with the shape of what they carry and the code they failed with', async () => {
    const { text, queue } = await listed('mail', 'failed')
    const [job] = queue.jobs
    expect(queue).toMatchObject({ readOnlyMode: true })
    expect(job).toMatchObject({
      failedReason: 'TypeError',
      stacktrace: [],
      data: { id: `text(${canary.length})` },
    })
    expect(text).toMatch(/"field\(\d\)":"text\(\d+\)"/)
    const one = (await operator.get(`${API}/mail/${job?.id}`)).text
    const logs = (await operator.get(`${API}/mail/${job?.id}/logs`)).text
    expect(JSON.parse(one)).toMatchObject({ status: 'failed', job: { id: job?.id } })
    expect(logs).toBe('[]')
    const texts = [text, one, (await listed('inbound', 'waiting')).text]
    const usage = await listed('usage', 'latest')
    expect(usage.queue.jobs).toHaveLength(1)
    for (const said of [...texts, usage.text]) {
      expect(said).not.toContain(canary)
      expect(said).not.toContain(org.id)
    }
  })

  test('cannot be changed from here by anybody', async () => {
    const { queue } = await listed('mail', 'failed')
    const id = queue.jobs[0]?.id ?? ''
    const tries: [string, string][] = [
      ['PUT', `${API}/inbound/pause`],
      ['PUT', `${API}/mail/retry/failed`],
      ['PUT', `${API}/mail/${id}/retry`],
      ['PUT', `${API}/mail/${id}/clean`],
      ['PUT', `${API}/mail/obliterate`],
      ['POST', `${API}/mail/add`],
      ['PATCH', `${API}/mail/${id}/update-data`],
    ]
    const cookie = await signInAs(app.on, org, org.owner)
    for (const [method, at] of tries) {
      const answer = await fetch(app.url + at, { method, headers: { cookie, origin: app.url } })
      expect([method, at, answer.status]).toEqual([method, at, 404])
    }
    expect(await app.on.queues.depths()).toMatchObject({
      mail: { failed: 1 },
      inbound: { waiting: 1, isPaused: false },
    })
    const ways = waysInto(createWeb(app.on).app).filter(({ path }) =>
      path.startsWith('/ops/queues'),
    )
    expect(ways.length).toBeGreaterThan(10)
    expect(ways.filter(({ method, level }) => method !== 'GET' || level !== 'ops')).toEqual([])
  })

  test('are for operators only: the page, its data and its scripts', async () => {
    const page = await operator.get('/ops/queues')
    const script = /src="(\/ops\/queues\/static\/js\/main[^"]+)"/.exec(page.text)?.[1] ?? ''
    expect((await operator.get(script)).headers.get('content-type')).toMatch(/javascript/)
    const agent = visit(app, { cookie: await signInAs(app.on, org, await org.person('agent')) })
    for (const at of ['/ops/queues', API, script, '/ops/queues/queue/mail'])
      expect([at, (await agent.get(at)).status]).toEqual([at, 403])
    expect((await visit(app).get(API)).status).toBe(303)
    expect((await operator.get('/ops/queues/static/%2e%2e/index.ejs')).status).toBe(404)
  })

  test('come with the policy of all pages, but that this one may say where it lies', async () => {
    const policyOf = async (at: string): Promise<string> =>
      (await operator.get(at)).headers.get('content-security-policy') ?? ''
    const usual = await policyOf('/ops')
    expect(usual).toContain(`base-uri 'none'`)
    expect(await policyOf('/ops/queues')).toBe(usual.replace(`base-uri 'none'`, `base-uri 'self'`))
    expect(usual).not.toContain('unsafe')
  })

  describe('in a browser', () => {
    let browser: Browser
    beforeAll(async () => {
      browser = await openBrowser()
    })
    afterAll(() => browser.close())

    test('the board runs without a fault, also on a phone, and shows a job', async () => {
      const { page, context, faults } = await sit(browser, app, org, { width: 390, theme: 'dark' })
      await page.goto('/ops/queues')
      await page.getByText('inbound').first().waitFor()
      expect(await sideways(page)).toBe(0)
      const id = (await listed('mail', 'failed')).queue.jobs[0]?.id ?? ''
      await page.goto(`/ops/queues/queue/mail/${id}`)
      await page.getByText('TypeError').first().waitFor()
      expect(faults).toEqual([])
      await context.close()
    })
  })
})
