import pg from 'pg'
import { openQueues, type Queues } from '../src/queues.ts'
import { startApp, type Running } from './support/app.ts'
import { startProxy, type Proxy } from './support/proxy.ts'
import { until } from './support/until.ts'

jest.setTimeout(60_000)

/** Another process with its queues in PostgreSQL, and the way there. */
let app: Running
let proxy: Proxy
let queues: Queues
let done: string[]

beforeAll(async () => {
  app = await startApp({ workers: false, backend: 'postgres' })
  const { hostname: host, port } = new URL(app.on.config.DATABASE_URL)
  proxy = await startProxy({ host, port: Number(port) })
})
afterEach(() => queues.close())
afterAll(async () => {
  await proxy.stop()
  await app.stop()
})

function anotherProcess(): void {
  const url = new URL(app.on.config.DATABASE_URL)
  url.port = String(proxy.port)
  done = []
  queues = openQueues({ ...app.on.config, DATABASE_URL: url.href }, app.on)
  queues.work('usage', ({ id }) => {
    done.push(id)
    return Promise.resolve()
  })
}

const troubles = (): number => app.lines.filter((line) => line.includes('worker connection')).length
const add = (to: Queues): Promise<unknown> => to.addUsage({ org: 'o', events: [] })
const isEmpty = async (): Promise<boolean> => {
  const { waiting, active, delayed } = (await app.on.queues.depths()).usage
  return waiting + active + delayed === 0
}

test('what started while the store was away works when it is back: workers end their jobs, producers add', async () => {
  proxy.shut()
  anotherProcess()
  await expect(add(queues)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  await add(app.on.queues)
  proxy.open()
  await until(() => done.length > 0)
  await until(isEmpty)
  await add(queues)
  await until(() => done.length > 1)
  await until(isEmpty)
  expect(done).toHaveLength(2)
})

test('a worker asks for jobs about once a second while the store is away, and goes on afterwards', async () => {
  anotherProcess()
  await until(() => queues.ready().then(() => true))
  const before = troubles()
  proxy.shut()
  await add(app.on.queues)
  await until(() =>
    add(queues).then(
      () => false,
      () => true,
    ),
  )
  proxy.open()
  await until(() => done.length > 0, 20_000)
  await until(isEmpty)
  expect(troubles() - before).toBeLessThan(20)
})

test('a job is kept when the store counts its numbers anew, as it may after a crash or a restore', async () => {
  anotherProcess()
  const body = { org: null, connection: null, at: 1, sealed: 'v1.k.x' }
  await app.on.queues.addInbound([body])
  const login = new pg.Client({ connectionString: app.on.config.DATABASE_URL })
  await login.connect()
  await login.query(
    `select setval(c.oid, 1, false) from pg_class c where c.relkind = 'S' and c.relname like 'bullmq_jid_%'`,
  )
  await login.end()
  await app.on.queues.addInbound([body])
  expect((await app.on.queues.depths()).inbound.waiting).toBe(2)
})
