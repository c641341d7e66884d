import { openMetrics } from '../src/http/metrics.ts'
import { startApp, type Running } from './support/app.ts'
import { arrive } from './support/inbound.ts'
import { bodyAround, messageOf, messagesBody, newCustomer } from './support/meta.ts'

let app: Running
beforeAll(async () => {
  app = await startApp({ workers: false })
})
afterAll(() => app.stop())

test('what webhooks bring in no shape we read is counted, the rest is not', async () => {
  const org = await app.org()
  const ana = newCustomer()
  const odd = { ...messageOf(ana, 'hi'), id: 'wamid.odd', type: 'hologram', hologram: { x: 1 } }
  await arrive(
    app.on,
    org,
    messagesBody(org.connection, ana, messageOf(ana, 'hello')),
    messagesBody(org.connection, ana, odd),
    bodyAround(org.connection, { x: 1 }, 'holograms'),
  )
  const told = await openMetrics(app.on).text()
  expect(told).toContain('chatflow_webhook_unread_total{what="kind"} 1\n')
  expect(told).toContain('chatflow_webhook_unread_total{what="change"} 1\n')
})
