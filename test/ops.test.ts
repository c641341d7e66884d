import { rows } from '../src/db.ts'
import { newId } from '../src/ids.ts'
import { startPulse } from '../src/ops/pulse.ts'
import { readInstance, type Reading } from '../src/ops/reading.ts'
import { suspend } from '../src/sending/hold.ts'
import { BACKENDS, startApp, type Running } from './support/app.ts'
import { sealedBody } from './support/inbound.ts'
import { messageOf, messagesBody, newCustomer, postWebhook } from './support/meta.ts'
import type { Org } from './support/org.ts'
import { signInAs } from './support/sign-in.ts'
import { openTalk } from './support/talk.ts'
import { until } from './support/until.ts'
import { visit, type Visitor } from './support/visitor.ts'

const PART = { 'HX-Request': 'true', 'HX-Request-Type': 'partial' }

describe.each(BACKENDS)('operations, with the queues in %s', (backend) => {
  let app: Running
  let org: Org
  let operator: Visitor
  beforeAll(async () => {
    app = await startApp({ backend, workers: false })
    org = await app.org()
    operator = visit(app, { cookie: await signInAs(app.on, org, org.owner) })
  })
  let release = (): void => undefined
  afterAll(async () => {
    release()
    await app.stop()
  })

  const now = (): Promise<Reading> => readInstance(app.on, 0)
  const queue = async (name: string) => (await now()).queues?.find((line) => line.name === name)
  const page = async (): Promise<string> => (await operator.get('/ops')).text
  const body = () => {
    const ana = newCustomer()
    return sealedBody(
      app.on,
      org.connection,
      messagesBody(org.connection, ana, messageOf(ana, 'x')),
    )
  }
  const bare = (name: string) => {
    const found = app.on.queues.bare().find((each) => each.name === name)
    if (!found) throw new Error(`no queue ${name}`)
    return found
  }

  test('a queue tells how many jobs wait and how long the oldest of them has, paused or not', async () => {
    expect(await queue('inbound')).toMatchObject({ waiting: 0, oldestS: null, isPaused: false })
    const before = Date.now()
    await app.on.queues.addInbound([body()])
    const after = Date.now()
    await until(() => Date.now() > after + 50)
    for (const _ of [1, 2]) await app.on.queues.addInbound([body()])
    const oldest = async (): Promise<number> =>
      (await app.on.queues.depths()).inbound.oldest?.getTime() ?? 0
    const isFirst = async (): Promise<boolean> =>
      (await oldest()) >= before - 5 && (await oldest()) <= after + 5
    expect([(await queue('inbound'))?.waiting, await isFirst()]).toEqual([3, true])

    await bare('inbound').pause()
    expect(await queue('inbound')).toMatchObject({ waiting: 3, isPaused: true })
    expect(await isFirst()).toBe(true)
    expect(await page()).toContain('The queue inbound is paused, and 3 jobs wait in it.')
    await app.on.queues.resume('inbound')
    expect(await queue('inbound')).toMatchObject({ waiting: 3, isPaused: false })
    await bare('inbound').drain()
  })

  test('a job that waits for its next try is not forgotten in the age', async () => {
    await app.on.queues.addMail('late')
    const [job] = await bare('mail').getJobs(['waiting'])
    await bare('mail').add('again', { id: 'again' }, { delay: 60_000 })
    await job?.remove()
    expect(await queue('mail')).toMatchObject({ waiting: 0, delayed: 1 })
    expect((await queue('mail'))?.oldestS).toBeLessThan(30)
    await bare('mail').drain(true)
  })

  test('a heartbeat comes through a queue that is worked at, and stays in one whose worker hangs', async () => {
    let held = 0
    app.on.queues.work('export', () => Promise.resolve(), { concurrency: 1 })
    app.on.queues.work(
      'mail',
      () =>
        new Promise((resolve) => {
          held += 1
          release = resolve
        }),
      { concurrency: 1 },
    )
    await app.on.queues.addMail('hangs')
    await until(() => held === 1)
    await app.on.queues.beat()
    await until(() => app.on.queues.beats().export)
    for (const _ of [1, 2, 3]) await app.on.queues.beat()
    const { mail } = await app.on.queues.depths()
    expect([mail.active, mail.waiting]).toEqual([1, 1])
    expect(app.on.queues.beats()).toMatchObject({ mail: null })
    expect(app.on.queues.beats()).not.toHaveProperty('inbound')
  })

  test('a process tells of itself, of its heartbeats and of what it counted, and signs off', async () => {
    await app.on.queues.addExport(newId())
    const stop = startPulse(app.on, 'all')
    const line = await until(async () =>
      (await now()).processes.find(({ pid }) => pid === process.pid),
    )
    expect(line).toMatchObject({ kind: 'all', isGone: false })
    expect(line.beats.export).toBeLessThan(30)
    const text = await page()
    expect(text).toContain('1 web, 1 worker')
    await stop()
    expect((await now()).processes).toEqual([])
    expect((await queue('export'))?.minutes.at(-1)).toBeGreaterThan(0)
  })

  test('open pages share one reading, and get a part that stands for itself', async () => {
    await now()
    const asked = jest.spyOn(app.on.queues, 'depths')
    const parts = await Promise.all(Array.from({ length: 12 }, () => operator.get('/ops', PART)))
    expect(asked.mock.calls.length).toBeLessThanOrEqual(1)
    asked.mockRestore()
    for (const { status, text } of parts) {
      expect(status).toBe(200)
      expect(text).toContain('id="queues"')
      expect(text).not.toContain('<body')
    }
  })

  test('the page stands when the queue store does not answer, and says so', async () => {
    const asked = jest.spyOn(app.on.queues, 'depths').mockRejectedValue(new Error('away'))
    const text = await page()
    asked.mockRestore()
    expect(text).toContain('id="no-queues"')
    expect(text).toContain('does not answer.')
  })

  test('agents and owners of other organizations do not see it', async () => {
    const agent = await org.person('agent')
    const other = await app.org()
    for (const cookie of [
      await signInAs(app.on, org, agent),
      await signInAs(app.on, other, other.owner),
    ]) {
      const visitor = visit(app, { cookie })
      for (const path of ['/ops', '/ops/dead-letters'])
        expect([path, (await visitor.get(path)).status]).toEqual([path, 403])
    }
  })
})

describe('what waits in the outboxes', () => {
  let app: Running
  let org: Org
  let operator: Visitor
  beforeAll(async () => {
    app = await startApp({ workers: false })
    org = await app.org()
    operator = visit(app, { cookie: await signInAs(app.on, org, org.owner) })
  })
  afterAll(() => app.stop())

  const lineOf = async (connection: string) =>
    (await readInstance(app.on, 0)).connections.find((line) => line.connection_id === connection)

  test('is counted by number, with the age of the oldest; held and unknown ones apart', async () => {
    const talk = await openTalk(app.on, org)
    const [first, second, third] = [await talk.say('1'), await talk.say('2'), await talk.say('3')]
    await talk.outboxIs(first.id, `created_at = now() - interval '90 seconds'`)
    await talk.outboxIs(second.id, `created_at = now() - interval '50 seconds'`)
    await talk.outboxIs(third.id, `state = 'unknown', created_at = now() - interval '20 minutes'`)
    const line = await lineOf(org.connection.id)
    expect(line).toMatchObject({ org_name: 'Test shop', waiting: 2, held: 0, unsure: 1 })
    expect(line?.waitingS).toBeGreaterThanOrEqual(90)
    expect(line?.waitingS).toBeLessThan(120)
    const { text } = await operator.get('/ops')
    expect(text).toMatch(/A message of Test shop, Test number has waited for 1 min/)
    expect(text).toContain('Of 1 message of Test shop, Test number nobody knows')
    expect(text).toContain(`href="/inbox/${talk.id}#m-${third.id}"`)

    await app.on.db.withTenant(org.id, (tx) => suspend(tx, talk.bell, '190'))
    expect(await lineOf(org.connection.id)).toMatchObject({
      waiting: 0,
      held: 2,
      state: 'suspended',
    })
    const held = (await operator.get('/ops')).text
    expect(held).toContain('cannot send: Meta refused the access token. 2 messages held for 1 min')
    expect(held).not.toContain('has waited for')
  })

  test('of another organization is shown without a way into its conversations', async () => {
    const other = await app.org()
    const talk = await openTalk(app.on, other)
    const message = await talk.say('theirs')
    await talk.outboxIs(message.id, `state = 'unknown'`)
    const { text } = await operator.get('/ops')
    expect(text).toContain(message.id)
    expect(text).not.toContain(talk.id)
    expect(text).not.toContain('theirs')
  })

  test('webhooks are counted by their answer', async () => {
    const ana = newCustomer()
    await postWebhook(
      app.url,
      org.connection,
      messagesBody(org.connection, ana, messageOf(ana, 'y')),
    )
    await fetch(`${app.url}/webhooks/whatsapp/${org.connection.id}`, { method: 'POST', body: '{}' })
    const stop = startPulse(app.on, 'web')
    await stop()
    const found = await app.on.db.withSystem((tx) =>
      rows(tx, `select ending, n from tallies where what = 'webhook' order by ending`),
    )
    expect(found).toEqual([
      { ending: '200', n: 1 },
      { ending: '415', n: 1 },
    ])
  })
})
