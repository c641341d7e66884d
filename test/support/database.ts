import { randomBytes } from 'node:crypto'
import pg from 'pg'

export type TestDatabase = { url: string; drop(): Promise<void> }

/** A fresh clone of the migrated template, private to the calling test file. */
export async function cloneDatabase(): Promise<TestDatabase> {
  const base = process.env['TEST_CLUSTER_URL']
  const template = process.env['TEST_TEMPLATE']
  if (!base || !template) throw new Error('global-setup did not run')
  const name = `test_${randomBytes(6).toString('hex')}`
  const run = async (sql: string): Promise<void> => {
    const admin = new pg.Client({ connectionString: `${base}/postgres` })
    await admin.connect()
    await admin.query(sql).finally(() => admin.end())
  }
  await run(`create database ${name} template ${template} strategy file_copy`)
  return { url: `${base}/${name}`, drop: () => run(`drop database if exists ${name} with (force)`) }
}
