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
import { release } from '../src/release.ts'
import { openResources, type Resources } from '../src/resources.ts'

/** Everything the product stands on, in this process, with a PostgreSQL and a folder of its own. */
export type Installation = { on: Resources; folder: string; close(): Promise<void> }

export async function openInstallation(
  variables: Record<string, string> = {},
  { durable = false } = {},
): Promise<Installation> {
  const folder = path.join(os.tmpdir(), `chatflow-bench-${randomBytes(4).toString('hex')}`)
  const server = await startServer({
    folder,
    password: randomBytes(12).toString('hex'),
    durable,
  })
  const databaseUrl = `${server.url}/bench`
  const admin = new pg.Client({ connectionString: `${server.url}/postgres` })
  await admin.connect()
  await admin.query('create database bench')
  await admin.end()
  await release(databaseUrl)
  const given = readVariables({ LOG_LEVEL: 'silent', DATA_DIR: folder, ...variables })
  const on = await openResources(
    completeConfig(given, { databaseUrl, masterKey: newMasterKey(), port: 0 }),
  )
  return {
    on,
    folder,
    async close() {
      await on.close()
      await server.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

export async function newOrganization(on: Resources, name: string): Promise<string> {
  const owner = {
    ownerEmail: `${name}@example.test`,
    ownerName: 'Bench',
    password: 'nine lanterns over a kettle',
  }
  return (await createOrganization(on, { name, ...owner })).org
}

/** `messages` messages of ten in a conversation, on a connection with this number. */
export async function fill(
  on: Resources,
  org: string,
  { messages, number }: { messages: number; number: string },
): Promise<void> {
  await createConnection(on, org, {
    phoneNumberId: `1${number}`,
    wabaId: `2${number}`,
    accessToken: 'token',
    appSecret: 'a'.repeat(32),
    verifyToken: 'shake',
  })
  await seedLoad(on, org, { conversations: Math.ceil(messages / 10), messages })
}
