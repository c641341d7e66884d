import { request, type IncomingMessage } from 'node:http'
import { ConfigError } from '../src/config.ts'
import { listen, type WebServer } from '../src/server.ts'
import { cloneDatabase } from './support/database.ts'
import { freePort, run } from './support/product.ts'
import { until } from './support/until.ts'

const HOST = '127.0.0.1'

describe('the listener', () => {
  let server: WebServer
  let url: string
  beforeEach(async () => {
    server = await listen({ PORT: 0, HOST })
    url = `http://${HOST}:${server.port}`
  })
  afterEach(() => server.close(0))

  test('is alive and not ready while the product is still opening', async () => {
    expect((await fetch(`${url}/health/live`)).status).toBe(200)
    const early = await fetch(`${url}/webhooks/whatsapp`, { method: 'POST' })
    expect([early.status, early.headers.get('retry-after')]).toEqual([503, '5'])

    server.serve((_req, res) => void res.end('product'))
    expect(await (await fetch(`${url}/health/live`)).text()).toBe('product')
  })

  test('while draining refuses webhooks and readiness, and answers everything else', async () => {
    server.serve((_req, res) => void res.end('product'))
    server.drain()
    const refused = await fetch(`${url}/webhooks/whatsapp/x`, { method: 'POST' })
    expect([refused.status, refused.headers.get('connection')]).toEqual([503, 'close'])
    expect((await fetch(`${url}/health/ready`)).status).toBe(503)
    expect((await fetch(`${url}/health/live`)).status).toBe(200)
    expect((await fetch(`${url}/inbox`)).status).toBe(200)
  })

  test('at its end finishes answers under way and tells streams to come back', async () => {
    let finish = (): void => undefined
    server.serve((req, res) => {
      if (req.url === '/slow') finish = () => void res.end('done')
      else res.writeHead(200, { 'content-type': 'text/event-stream' }).write(':\n\n')
    })
    const slow = fetch(`${url}/slow`).then((answer) => answer.text())
    const stream = await new Promise<IncomingMessage>((resolve) => {
      const headers = { accept: 'text/event-stream' }
      request(`${url}/stream`, { headers }, resolve).end()
    })
    const heard: string[] = []
    stream.setEncoding('utf8').on('data', (text: string) => heard.push(text))
    await until(() => heard.length > 0)

    const closed = server.close(5_000)
    await until(() => stream.complete)
    expect(heard.join('')).toMatch(/event: bye\nretry: \d+\ndata: .+\n\n$/)
    await expect(fetch(`${url}/late`)).rejects.toThrow('fetch failed')
    finish()
    expect(await slow).toBe('done')
    await closed
  })

  test('cuts what does not end in time', async () => {
    let isThere = false
    server.serve(() => (isThere = true))
    const endless = fetch(url).catch((error: Error) => error.message)
    await until(() => isThere)
    await server.close(30)
    expect(await endless).toBe('fetch failed')
  })

  test('names PORT when it is taken and HOST when it is not ours', async () => {
    await expect(listen({ PORT: server.port, HOST })).rejects.toThrow(
      new ConfigError(
        `PORT ${server.port} is taken by another program, e.g. PORT=${server.port + 1}`,
      ),
    )
    await expect(listen({ PORT: 0, HOST: '192.0.2.1' })).rejects.toThrow(
      /^HOST 192\.0\.2\.1 is not/,
    )
  })
})

test('a web and a worker process stand beside each other and end when told', async () => {
  const database = await cloneDatabase()
  const port = await freePort()
  const env = {
    DATABASE_URL: database.url,
    CHATFLOW_MASTER_KEY: `k1:${Buffer.alloc(32, 'a test master key').toString('base64')}`,
    PORT: String(port),
    LOG_LEVEL: 'info',
  }
  const web = run('web.ts', [], { env })
  const worker = run('worker.ts', [], { env: { ...env, WORKER_QUEUES: 'inbound,mail' } })
  const health = (path: string) =>
    fetch(`http://${HOST}:${port}/health/${path}`).then((a) => a.status)
  await until(async () => (await health('ready')) === 200, 30_000)
  await until(() => worker.stdout().includes('"queues":"inbound,mail"'), 30_000)

  for (const { child } of [web, worker]) child.kill('SIGTERM')
  await until(async () => (await health('ready')) === 503)
  expect([await health('live'), web.child.exitCode]).toEqual([200, null])
  expect([await web.ended, await worker.ended]).toEqual([0, 0])
  await database.drop()
}, 60_000)
