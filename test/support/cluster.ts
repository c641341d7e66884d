import { randomBytes } from 'node:crypto'
import { rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { startServer } from '../../src/embedded/cluster.ts'

export type Cluster = { url: string; stop(): Promise<void> }

/** A private PostgreSQL from the product's own embedded one; nothing of it is kept, so nothing is synced. */
export async function startCluster(): Promise<Cluster> {
  const folder = path.join(os.tmpdir(), `chatflow-test-${randomBytes(6).toString('hex')}`)
  const server = await startServer({
    folder,
    password: randomBytes(12).toString('hex'),
    durable: false,
    maxConnections: 400,
  })
  return {
    url: server.url,
    async stop() {
      await server.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
