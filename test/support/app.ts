import { randomBytes } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { completeConfig, readVariables, type Config } from '../../src/config.ts'
import { createWeb } from '../../src/listener.ts'
import { openLog } from '../../src/log.ts'
import { openResources, type Resources } from '../../src/resources.ts'
import { closeSandbox } from '../../src/sandbox/sandbox.ts'
import { cloneDatabase, type TestDatabase } from './database.ts'
import { makeOrg, type Org } from './org.ts'

export type Backend = 'postgres' | 'redis'

/** The queue back ends to test: Redis joins where there is one. */
export const BACKENDS: Backend[] = process.env['TEST_REDIS_URL']
  ? ['postgres', 'redis']
  : ['postgres']

export type Running = {
  url: string
  on: Resources
  backend: Backend
  /** What the keys of its queues begin with, where they lie in Redis. */
  queuePrefix: string
  /** Lines the product logged so far. */
  lines: string[]
  /** An organization of its own, with an owner and one connection. */
  org(): Promise<Org>
  stop(): Promise<void>
}

export type Wish = {
  backend?: Backend
  /** Start the workers too; true unless told. */
  workers?: boolean
  now?: () => Date
  /** A migrated database of the test's own, instead of a clone of the template. */
  database?: TestDatabase
  env?: Record<string, string>
}

const running = new Set<() => Promise<void>>()

// A test that fails halfway leaves its app running; the file still has to end.
afterAll(async () => {
  for (const stop of running) await stop()
})

/** The real app on a real port over a private database, with its workers in the same process. */
export async function startApp(wish: Wish = {}): Promise<Running> {
  const database = wish.database ?? (await cloneDatabase())
  const lines: string[] = []
  let answer: Parameters<typeof createServer>[1] = (_req, res) => void res.writeHead(503).end()
  const server = createServer((req, res) => {
    answer?.(req, res)
  })
  const port = await listen(server)
  const queuePrefix = `t${randomBytes(6).toString('hex')}`
  const on = await openResources(testConfig(database.url, port, wish), {
    log: openLog('debug', { write: (line: string) => void lines.push(line) }),
    queuePrefix,
    ...(wish.now ? { now: wish.now } : {}),
  })
  let stopWorkers: (() => Promise<void>) | undefined
  const stop = async (): Promise<void> => {
    if (!running.delete(stop)) return
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
    await stopWorkers?.()
    closeSandbox(on)
    await on.close()
    await rm(on.config.DATA_DIR, { recursive: true, force: true })
    await database.drop()
  }
  running.add(stop)
  answer = createWeb(on).answer
  // Imported late: a file that tests no worker does not load them.
  if (wish.workers !== false) stopWorkers = (await import('../../src/work.ts')).startWorkers(on)
  return {
    url: `http://127.0.0.1:${port}`,
    on,
    backend: wish.backend ?? 'postgres',
    queuePrefix,
    lines,
    org: () => makeOrg(on),
    stop,
  }
}

function testConfig(databaseUrl: string, port: number, wish: Wish): Config {
  const redis = wish.backend === 'redis' ? { REDIS_URL: process.env['TEST_REDIS_URL'] } : {}
  const variables = readVariables({
    NODE_ENV: 'test',
    HOST: '127.0.0.1',
    APP_URL: `http://127.0.0.1:${port}`,
    DATABASE_POOL: '6',
    DATA_DIR: path.join(os.tmpdir(), `chatflow-test-${randomBytes(6).toString('hex')}`),
    ...redis,
    ...wish.env,
  })
  const masterKey = `test:${Buffer.alloc(32, 'key of a test ').toString('base64')}`
  return completeConfig(variables, { databaseUrl, masterKey, port })
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))
  })
}
