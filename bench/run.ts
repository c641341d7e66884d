import { randomBytes } from 'node:crypto'
import { rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import pg from 'pg'
import { startServer } from '../src/embedded/cluster.ts'
import { startProduct, startRedis, type Product } from '../test/drills/processes.ts'
import { benchIngest } from './ingest.ts'
import { benchLive } from './live.ts'
import type { Target } from './load.ts'
import { benchPersist } from './persist.ts'

/**
 * `npm run bench`: each line beside its floor in the same run, on a PostgreSQL and a Redis of its own, both durable
 * (fsync on; append-only file, fsync every second). Needs `redis-server` on the path. Prints one JSON line per measurement; bench/README.md says how to read them.
 */
const password = 'nine lanterns over a kettle'

const chosen = new Set(process.argv.slice(2))
const wants = (line: string): boolean => chosen.size === 0 || chosen.has(line)

const redis = await startRedis()
const folder = path.join(os.tmpdir(), `chatflow-bench-${randomBytes(4).toString('hex')}`)
const server = await startServer({
  folder,
  password: randomBytes(12).toString('hex'),
  durable: true,
  maxConnections: 100,
})
const databaseUrl = `${server.url}/bench`
const admin = new pg.Client({ connectionString: `${server.url}/postgres` })
await admin.connect()
await admin.query('create database bench')
await admin.end()
const product = await startProduct(
  {
    DATABASE_URL: databaseUrl,
    REDIS_URL: redis.url,
    GRAPH_API_URL: 'http://127.0.0.1:9',
    NODE_ENV: 'production',
    QUEUE_ALLOW_WEAK_DURABILITY: '1',
  },
  'build',
)
try {
  const target = await setUp(product)
  if (wants('live')) print(await benchLive(target, await signIn(product.url)))
  await product.killWorker()
  if (wants('ingest')) for (const line of await benchIngest(target, redis.url)) print(line)
  await product.stop()
  if (wants('persist')) print(await benchPersist(redis.url))
} finally {
  await product.stop()
  await server.stop()
  await rm(folder, { recursive: true, force: true })
  await redis.remove()
}

async function setUp({ url, cli }: Product): Promise<Target> {
  const { org_id: org } = await cli(
    ['org', 'create', '--name', 'Bench', '--owner-email', 'bench@example.test'],
    { password },
  )
  const secret = randomBytes(16).toString('hex')
  const ids = { phoneNumberId: '10700000000001', wabaId: '20700000000001' }
  const connection = await cli(
    [
      'connection',
      'create',
      '--org',
      String(org),
      '--phone-number-id',
      ids.phoneNumberId,
      '--waba-id',
      ids.wabaId,
    ],
    { access_token: 'bench', app_secret: secret, verify_token: 'bench' },
  )
  return { origin: url, path: String(connection['webhook_path']), secret, ...ids }
}

async function signIn(url: string): Promise<string> {
  const answer = await fetch(`${url}/login`, {
    method: 'POST',
    redirect: 'manual',
    headers: { origin: url, 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ email: 'bench@example.test', password }),
  })
  const cookies = answer.headers.getSetCookie().map((cookie) => cookie.split(';')[0])
  if (answer.status !== 303) throw new Error(`sign-in answered ${answer.status}`)
  return cookies.join('; ')
}

function print(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}
