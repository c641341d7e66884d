import type { InboundBody } from '../../src/queues.ts'
import { startApp, type Running } from '../support/app.ts'
import { messageOf, messagesBody, postWebhook } from '../support/meta.ts'
import type { Org } from '../support/org.ts'
import { read } from '../support/inbound.ts'
import { until } from '../support/until.ts'

const CANARY = 'Quetzal words of a canary'

describe('P30 — a webhook is sealed before it enters the queue', () => {
  let app: Running
  let org: Org
  const queued: InboundBody[] = []
  beforeAll(async () => {
    app = await startApp()
    org = await app.org()
    const add = app.on.queues.addInbound
    app.on.queues.addInbound = (bodies) => {
      queued.push(...bodies)
      return add(bodies)
    }
  })
  afterAll(() => app.stop())

  test('what waits in the queue says nothing, and what was written is still processed', async () => {
    const who = { phone: '5215559876123', name: 'Canary Quetzal' }
    const body = messagesBody(org.connection, who, messageOf(who, CANARY))
    expect((await postWebhook(app.url, org.connection, body)).status).toBe(200)
    const text = async (): Promise<unknown[]> =>
      read(app.on, org, 'select text from messages where org_id = :org')
    await until(async () => (await text()).length === 1)
    expect(await text()).toEqual([{ text: CANARY }])
    expect(queued).toHaveLength(1)
    const sealed = queued[0]?.sealed ?? ''
    expect(sealed).toMatch(/^v1\./)
    const waiting = JSON.stringify(queued)
    const decoded = sealed.split('.').map((part) => Buffer.from(part, 'base64url').toString())
    for (const form of [waiting, decoded.join('\n'), app.lines.join('')])
      expect(form).not.toMatch(/Quetzal|5215559876123/)
  })

  test('nobody else can have it processed: a wrong signature queues nothing', async () => {
    const before = queued.length
    const headers = { 'X-Hub-Signature-256': `sha256=${'0'.repeat(64)}` }
    const answer = await postWebhook(app.url, org.connection, { object: 'x' }, headers)
    expect(answer.status).toBe(401)
    expect(queued).toHaveLength(before)
  })
})
