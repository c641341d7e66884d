import pg from 'pg'
import { BACKENDS, startApp, type Running, type Wish } from './support/app.ts'
import { startProxy, type Proxy } from './support/proxy.ts'
import { until } from './support/until.ts'

const running: Running[] = []
const proxies: Proxy[] = []
afterEach(async () => {
  for (const app of running.splice(0)) await app.stop()
  for (const proxy of proxies.splice(0)) await proxy.stop()
})
const start = async (wish: Wish = {}): Promise<Running> => {
  const app = await startApp({ workers: false, ...wish })
  running.push(app)
  return app
}

/** Shuts the app's database to everybody, or opens it again. */
async function setDatabase(app: Running, open: boolean): Promise<void> {
  const url = new URL(app.on.config.DATABASE_URL)
  const name = url.pathname.slice(1)
  url.pathname = '/postgres'
  const admin = new pg.Client({ connectionString: url.href })
  await admin.connect()
  await admin.query(`alter database ${name} with allow_connections ${String(open)}`)
  if (!open)
    await admin.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [
      name,
    ])
  await admin.end()
}

const ask = async (app: Running, path: string) => {
  const answer = await fetch(app.url + path)
  return { status: answer.status, body: await answer.json() }
}
const well = (...checks: string[]) => ({
  status: 200,
  body: { status: 'ok', checks: Object.fromEntries(checks.map((name) => [name, 'ok'])) },
})

describe.each(BACKENDS)('with the queue in %s', (backend) => {
  test('everything is well when everything answers', async () => {
    const app = await start({ backend })
    expect(await ask(app, '/health/live')).toEqual({ status: 200, body: { status: 'ok' } })
    expect(await ask(app, '/health/ready')).toEqual(well('database', 'queue', 'migrations'))
    expect(await ask(app, '/health/webhooks')).toEqual(well('queue', 'directory'))
  })

  test('without the database pages are not ready; webhooks are as well as the queue; and it mends itself', async () => {
    const app = await start({ backend })
    await setDatabase(app, false)
    try {
      const queue = backend === 'redis' ? 'ok' : 'failing'
      const ready = await until(async () => {
        const answer = await ask(app, '/health/ready')
        return answer.status === 503 && answer
      })
      expect(ready).toMatchObject({
        body: { status: 'unavailable', checks: { database: 'failing', queue } },
      })
      expect(await ask(app, '/health/webhooks')).toMatchObject({
        status: backend === 'redis' ? 200 : 503,
        body: { checks: { queue, directory: 'ok' } },
      })
      expect(await ask(app, '/health/live')).toMatchObject({ status: 200 })
    } finally {
      await setDatabase(app, true)
    }
    await until(async () => (await ask(app, '/health/ready')).status === 200)
    expect((await ask(app, '/health/webhooks')).status).toBe(200)
  })

  test('a queue store that stands still is told within seconds, and is well again when it goes on', async () => {
    const { app, thaw } = await frozenQueue(backend)
    try {
      const started = performance.now()
      expect(await ask(app, '/health/webhooks')).toMatchObject({
        status: 503,
        body: { checks: { queue: 'failing', directory: 'ok' } },
      })
      expect(performance.now() - started).toBeLessThan(3_000)
      expect(await ask(app, '/health/ready')).toMatchObject({
        status: 503,
        body: { checks: { database: 'ok', queue: 'failing' } },
      })
      expect((await ask(app, '/health/live')).status).toBe(200)
    } finally {
      await thaw()
    }
    await until(async () => (await ask(app, '/health/webhooks')).status === 200)
    expect((await ask(app, '/health/ready')).status).toBe(200)
  })
})

type Frozen = { app: Running; thaw(): Promise<void> }

/** An app whose queue store takes connections and answers nothing: a host that hangs, or tables that are locked. */
async function frozenQueue(backend: Running['backend']): Promise<Frozen> {
  if (backend === 'redis') {
    const { hostname: host, port } = new URL(process.env['TEST_REDIS_URL'] ?? '')
    const proxy = await startProxy({ host, port: Number(port || 6379) })
    proxies.push(proxy)
    const app = await start({ backend, env: { REDIS_URL: `redis://127.0.0.1:${proxy.port}` } })
    proxy.freeze()
    return { app, thaw: () => Promise.resolve(proxy.thaw()) }
  }
  const app = await start({ backend })
  const login = new pg.Client({ connectionString: app.on.config.DATABASE_URL })
  await login.connect()
  await login.query('begin; lock table jobs.job in access exclusive mode')
  return { app, thaw: () => login.end() }
}

test('a schema that waits for a migration is not ready', async () => {
  const app = await start()
  const login = new pg.Client({ connectionString: app.on.config.DATABASE_URL })
  await login.connect()
  const last = '(select max(id) from public.knex_migrations)'
  const { rows } = await login.query<{ name: string; batch: number }>(
    `delete from public.knex_migrations where id = ${last} returning name, batch`,
  )
  expect(await ask(app, '/health/ready')).toMatchObject({
    status: 503,
    body: { checks: { database: 'ok', migrations: 'failing' } },
  })
  await login.query(
    'insert into public.knex_migrations (name, batch, migration_time) values ($1, $2, now())',
    [rows[0]?.name, rows[0]?.batch],
  )
  await login.end()
  expect((await ask(app, '/health/ready')).status).toBe(200)
})

describe('metrics', () => {
  const scrape = (app: Running, headers: Record<string, string> = {}) =>
    fetch(`${app.url}/metrics`, { headers })

  test('count requests by route pattern and jobs by queue, and name nobody', async () => {
    const app = await start()
    const { connection } = await app.org()
    await fetch(`${app.url}/webhooks/whatsapp/${connection.id}?hub.mode=x`)
    await fetch(`${app.url}/webhooks/whatsapp/${connection.id}`, { method: 'POST', body: '{}' })
    await fetch(`${app.url}/nowhere/${connection.id}`)
    await fetch(`${app.url}/privacy`)
    const answer = await scrape(app)
    const text = await answer.text()
    expect(answer.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/)
    expect(text).toMatch(
      /chatflow_http_request_duration_seconds_count\{method="GET",route="\/privacy",status="200"\} 1\n/,
    )
    expect(text).toMatch(/_count\{method="GET",route="\/webhooks\/whatsapp",status="403"\} 1\n/)
    expect(text).toMatch(/_count\{method="POST",route="\/webhooks\/whatsapp",status="415"\} 1\n/)
    expect(text).toMatch(/_count\{method="GET",route="none",status="404"\} 1\n/)
    expect(text).toMatch(/chatflow_queue_jobs\{queue="inbound",state="waiting"\} 0\n/)
    expect(text).toContain('chatflow_queue_up 1\n')
    expect(text).toMatch(/chatflow_process_resident_memory_bytes \d+/)
    expect(text).not.toContain(connection.id)
  })

  test('are for this machine only when no token is set, and not for what a proxy brings', async () => {
    const app = await start()
    expect((await scrape(app)).status).toBe(200)
    expect((await scrape(app, { 'x-forwarded-for': '127.0.0.1' })).status).toBe(403)
    expect((await scrape(app, { forwarded: 'for=127.0.0.1' })).status).toBe(403)
  })

  test('need the token when there is one, from everywhere', async () => {
    const app = await start({ env: { METRICS_TOKEN: 'a-token-of-enough-letters' } })
    expect((await scrape(app)).status).toBe(403)
    expect((await scrape(app, { authorization: 'Bearer a-token-of-enough-letterz' })).status).toBe(
      403,
    )
    const behindProxy = {
      authorization: 'Bearer a-token-of-enough-letters',
      'x-forwarded-for': '192.0.2.1',
    }
    expect((await scrape(app, behindProxy)).status).toBe(200)
  })

  test('say that the queue is away instead of failing', async () => {
    const app = await start()
    await setDatabase(app, false)
    const text = await until(async () => {
      const lines = await (await scrape(app)).text()
      return lines.includes('chatflow_queue_up 0\n') && lines
    }).finally(() => setDatabase(app, true))
    expect(text).not.toContain('chatflow_queue_jobs{')
  })
})

test('researchers find whom to write to, and until when that is true', async () => {
  const now = new Date('2026-09-01T00:00:00Z')
  const env = { PRIVACY_CONTACT: 'privacy@example.com' }
  const app = await start({ now: () => now, env })
  const answer = await fetch(`${app.url}/.well-known/security.txt`)
  expect(answer.headers.get('content-type')).toBe('text/plain; charset=utf-8')
  expect((await answer.text()).split('\n')).toEqual([
    'Contact: mailto:privacy@example.com',
    'Expires: 2027-02-28T00:00:00.000Z',
    'Preferred-Languages: en',
    `Canonical: ${app.url}/.well-known/security.txt`,
    `Policy: ${app.url}/privacy`,
    '',
  ])
})
