import { randomBytes } from 'node:crypto'
import { rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import pg from 'pg'
import { createOrganization } from '../src/accounts/accounts.ts'
import { completeConfig, readVariables } from '../src/config.ts'
import { createConnection } from '../src/connections/connections.ts'
import { seedLoad } from '../src/demo/load.ts'
import { startServer } from '../src/embedded/cluster.ts'
import { newMasterKey } from '../src/embedded/keys.ts'
import { exportToFile } from '../src/privacy/export-file.ts'
import { importExport } from '../src/privacy/import.ts'
import { release } from '../src/release.ts'
import { openResources, type Resources } from '../src/resources.ts'

/**
 * `npx tsx bench/export.ts [messages]`: an organization of so many messages (100,000) is exported and read back, on a
 * PostgreSQL of its own; memory is sampled every 50 ms in this process, which does both. Prints one JSON line for each.
 */
const messages = Number(process.argv[2] ?? 100_000)
const password = 'nine lanterns over a kettle'
const folder = path.join(os.tmpdir(), `chatflow-bench-${randomBytes(4).toString('hex')}`)
const server = await startServer({
  folder,
  password: randomBytes(12).toString('hex'),
  durable: false,
})
const databaseUrl = `${server.url}/bench`
const admin = new pg.Client({ connectionString: `${server.url}/postgres` })
await admin.connect()
await admin.query('create database bench')
await admin.end()
await release(databaseUrl)
const variables = readVariables({ LOG_LEVEL: 'silent', DATA_DIR: folder })
const on = await openResources(
  completeConfig(variables, { databaseUrl, masterKey: newMasterKey(), port: 0 }),
)
try {
  const from = await organization(on, 'from')
  await createConnection(on, from, {
    phoneNumberId: '10700000000001',
    wabaId: '20700000000001',
    accessToken: 'token',
    appSecret: 'a'.repeat(32),
    verifyToken: 'shake',
  })
  await seedLoad(on, from, { conversations: Math.ceil(messages / 10), messages })
  const file = path.join(folder, 'bench.zip')
  await measured('export', () => exportToFile(on, { kind: 'org', org: from }, file))
  const to = await organization(on, 'to')
  await measured('import', () => importExport(on, to, file))
} finally {
  await on.close()
  await server.stop()
  await rm(folder, { recursive: true, force: true })
}

async function organization(at: Resources, name: string): Promise<string> {
  const owner = { ownerEmail: `${name}@example.test`, ownerName: 'Bench', password }
  return (await createOrganization(at, { name, ...owner })).org
}

async function measured(
  bench: string,
  run: () => Promise<{ records: Record<string, number> }>,
): Promise<void> {
  globalThis.gc?.()
  const before = process.memoryUsage().rss
  let peak = before
  const timer = setInterval(() => (peak = Math.max(peak, process.memoryUsage().rss)), 50)
  const started = performance.now()
  const { records } = await run()
  clearInterval(timer)
  const line = {
    bench,
    messages: records['messages'],
    seconds: Number(((performance.now() - started) / 1000).toFixed(1)),
    rssBeforeMb: Math.round(before / 1_048_576),
    rssGrowthMb: Math.round((peak - before) / 1_048_576),
  }
  process.stdout.write(`${JSON.stringify(line)}\n`)
}
