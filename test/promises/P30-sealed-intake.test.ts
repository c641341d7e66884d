import pg from 'pg'
import { BACKENDS, startApp, type Running } from '../support/app.ts'
import { dumpAll, newCanary, searchDump } from '../support/canaries.ts'
import { sealedBody, read } from '../support/inbound.ts'
import { messageOf, messagesBody, postWebhook } from '../support/meta.ts'
import type { Org } from '../support/org.ts'
import { until } from '../support/until.ts'
import { inbound } from '../../workers/inbound.ts'

jest.setTimeout(60_000)

describe.each(BACKENDS)('P30 — a webhook is sealed before it enters the queue (%s)', (backend) => {
  let app: Running
  let org: Org
  let login: pg.Client
  const canary = newCanary()
  const who = { phone: '5215559876123', name: `${canary} by name` }
  beforeAll(async () => {
    app = await startApp({ backend, workers: false })
    org = await app.org()
    login = new pg.Client({ connectionString: app.on.config.DATABASE_URL })
    await login.connect()
  })
  afterAll(async () => {
    await login.end()
    await app.stop()
  })

  const everywhere = async (): Promise<string[]> => {
    const dump = await dumpAll(app, login, app.queuePrefix)
    expect(dump.size).toBeGreaterThan(20)
    return searchDump(dump, [canary, '5215559876123']).map(({ place }) => place)
  }
  const waiting = async (): Promise<number> => (await app.on.queues.depths()).inbound.waiting

  test('while it waits, no key, no row, no file and no line of the log says anything of it', async () => {
    const body = messagesBody(org.connection, who, messageOf(who, `${canary} in words`))
    expect((await postWebhook(app.url, org.connection, body)).status).toBe(200)
    expect(await waiting()).toBe(1)
    expect(await everywhere()).toEqual([])
  })

  test('nobody else can have it processed: a wrong signature queues nothing', async () => {
    const headers = { 'X-Hub-Signature-256': `sha256=${'0'.repeat(64)}` }
    const answer = await postWebhook(app.url, org.connection, { object: 'x' }, headers)
    expect(answer.status).toBe(401)
    expect(await waiting()).toBe(1)
  })

  test('a worker that fails with the words in its error leaves none of them in the queue or the log', async () => {
    let tries = 0
    app.on.queues.work('usage', () => {
      tries += 1
      return Promise.reject(new Error(`cannot read ${canary} of 5215559876123`))
    })
    await app.on.queues.addUsage({ org: org.id, events: [] })
    await until(() => tries > 0)
    await until(() => app.lines.some((line) => line.includes('job failed')))
    expect(await everywhere()).toEqual([])
  })

  test('what was written is opened and stored, and a body moved to another connection is not', async () => {
    const elsewhere = await app.org()
    const moved = sealedBody(app.on, org.connection, messagesBody(org.connection, who))
    await app.on.queues.addInbound([
      { ...moved, org: elsewhere.id, connection: elsewhere.connection.id },
    ])
    inbound(app.on)
    const texts = (of: Org): Promise<unknown[]> =>
      read(app.on, of, 'select text from messages where org_id = :org')
    await until(async () => (await texts(org)).length === 1)
    expect(await texts(org)).toEqual([{ text: `${canary} in words` }])
    await until(() => app.lines.some((line) => line.includes('bodies do not open')))
    expect(await texts(elsewhere)).toEqual([])
  })
})
