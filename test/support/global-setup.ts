import { execFileSync } from 'node:child_process'
import path from 'node:path'
import pg from 'pg'
import { migrate } from '../../src/migrate.ts'
import { startBrowser } from './browser.ts'
import type { Cluster } from './cluster.ts'
import { findRedis } from './redis.ts'

const ROOT = path.join(import.meta.dirname, '../..')
const TSC = path.join(ROOT, 'node_modules/typescript/bin/tsc')

declare global {
  var cluster: Cluster | undefined
  var browser: { close(): Promise<void>; wsEndpoint(): string } | undefined
}

/**
 * One PostgreSQL and one Chromium for the whole run; each test file clones the migrated template.
 * Tests of the Redis back end run where there is a Redis, and must run when CI is set.
 */
export default async function setup({ nonFlagArgs }: { nonFlagArgs: string[] }): Promise<void> {
  const given = process.env['TEST_DATABASE_URL']
  if (!given) globalThis.cluster = await (await import('./cluster.ts')).startCluster()
  const base = given ?? globalThis.cluster?.url ?? ''
  const template = `chatflow_template_${process.pid}`
  const admin = new pg.Client({ connectionString: `${base}/postgres` })
  await admin.connect()
  await admin.query(`create database ${template}`)
  await admin.end()
  await migrate(`${base}/${template}`)
  process.env['TEST_CLUSTER_URL'] = base
  process.env['TEST_TEMPLATE'] = template

  const redis = await findRedis()
  if (redis) process.env['TEST_REDIS_URL'] = redis
  else if (process.env['CI'] === 'true')
    throw new Error('CI needs a Redis at REDIS_URL or 127.0.0.1:6379')
  else process.stdout.write('No Redis found: tests of the Redis back end are left out.\n')

  // For a few files it is not worth it: they run the sources, and start a browser only where one is used.
  if (nonFlagArgs.length > 0) return
  execFileSync(process.execPath, [TSC, '-p', 'test/support/tsconfig.json'], { cwd: ROOT })
  process.env['TEST_BUILD'] = '1'
  globalThis.browser = await startBrowser()
  process.env['TEST_BROWSER_WS'] = globalThis.browser.wsEndpoint()
}
