import { randomBytes } from 'node:crypto'
import { rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import pg from 'pg'
import { ensureDatabase, startServer } from '../../src/embedded/cluster.ts'
import { startProxy } from '../support/proxy.ts'
import { until } from '../support/until.ts'

/** A durable PostgreSQL of our own behind one address, whichever process serves it. */
export type OwnPostgres = {
  url: string
  kill(): Promise<void>
  start(): Promise<void>
  remove(): Promise<void>
}

/** `url` names the database `drill` as superuser. */
export async function startPostgres(): Promise<OwnPostgres> {
  const folder = path.join(os.tmpdir(), `chatflow-drill-${randomBytes(6).toString('hex')}`)
  const options = { folder, password: randomBytes(12).toString('hex'), maxConnections: 100 }
  let server = await startServer(options)
  await ensureDatabase(server, 'drill')
  const to = { host: '127.0.0.1', port: server.port }
  const proxy = await startProxy(to)
  const address = new URL(`${server.url}/drill`)
  address.port = String(proxy.port)
  return {
    url: address.href,
    async kill() {
      process.kill(server.pid, 'SIGKILL')
      await server.ended
    },
    async start() {
      server = await startServer(options)
      to.port = server.port
    },
    async remove() {
      await proxy.stop()
      await server.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Rows of one statement, asked again until the database answers. */
export async function ask<T>(url: string, sql: string): Promise<T[]> {
  return until(async () => {
    const client = new pg.Client({ connectionString: url })
    client.on('error', () => undefined)
    await client.connect()
    try {
      await client.query('set search_path = app, public')
      return (await client.query(sql)).rows as T[]
    } finally {
      await client.end().catch(() => undefined)
    }
  }, 60_000)
}
