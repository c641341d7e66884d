import { readdir } from 'node:fs/promises'
import path from 'node:path'
import { runMigrations } from 'bullmq'
import knex, { type Knex } from 'knex'
import pg from 'pg'
import { SILENT } from './db.ts'
import { Refusal } from './refusal.ts'

const FOLDER = path.join(import.meta.dirname, '../migrations')
/** Any number will do, as long as every migrator takes the same one. */
const LOCK = 1_128_679_001

/**
 * Names recorded in `knex_migrations` carry no extension, so a database migrated from `.ts` in development
 * and from `.js` in production tells one story.
 */
const source: Knex.MigrationSource<string> = {
  getMigrations: async () =>
    (await readdir(FOLDER)).filter((file) => /^\d{4}_\w+\.(ts|js)$/.test(file)).toSorted(),
  getMigrationName: (file) => path.parse(file).name,
  getMigration: async (file) => (await import(path.join(FOLDER, file))) as Knex.Migration,
}

/**
 * Bring the schema and the queue's tables up to date; returns the names applied now, so a second run returns none.
 * `url` logs in as whoever may create roles and schemas. Several migrators at once wait for each other (advisory lock).
 */
export async function migrate(url: string): Promise<string[]> {
  const guard = new pg.Client({ connectionString: url })
  await guard.connect()
  const db = knex({ client: 'pg', connection: url, pool: { min: 0, max: 1 }, log: SILENT })
  try {
    await guard.query('select pg_advisory_lock($1)', [LOCK])
    const config = { migrationSource: source, schemaName: 'public' }
    // knex' own lock row outlives a killed migrator; ours does not, and we hold it.
    await db.migrate.forceFreeMigrationsLock(config)
    const [, applied] = (await db.migrate.latest(config)) as [number, string[]]
    await migrateQueues(guard)
    return applied
  } finally {
    await db.destroy()
    await guard.end()
  }
}

/**
 * Schema `app` as these migrations make it, empty, in the place of the one there is: in the caller's transaction, as the
 * login that migrates. Throws Refusal 422 `newer_version` for a migration this version does not have.
 */
export async function remake(tx: Knex.Transaction, names: string[]): Promise<void> {
  const files = await source.getMigrations([])
  const wanted = names.map((name) => files.find((file) => path.parse(file).name === name))
  const known = wanted.filter((file) => file !== undefined)
  if (known.length < names.length)
    throw new Refusal(422, 'newer_version', 'A newer version of ChatFlow CRM made this backup.')
  await tx.raw('drop schema app cascade')
  for (const file of known.toSorted()) {
    const migration = await source.getMigration(file)
    await migration.up(tx)
  }
  await tx.raw('delete from public.knex_migrations where not name = any(?)', [names])
}

/** Names of the migrations that wait to be applied, for readiness and doctor. */
export async function pendingMigrations(url: string): Promise<string[]> {
  const db = knex({ client: 'pg', connection: url, pool: { min: 0, max: 1 }, log: SILENT })
  try {
    const [, pending] = (await db.migrate.list({
      migrationSource: source,
      schemaName: 'public',
    })) as [unknown, string[]]
    return pending.map((file) => path.parse(file).name)
  } finally {
    await db.destroy()
  }
}

/** BullMQ's tables in schema `jobs`, for its role and nobody else; it makes a sequence of ids per queue by itself. */
async function migrateQueues(client: pg.Client): Promise<void> {
  await runMigrations(client, 'jobs')
  await client.query(`
    grant usage, create on schema jobs to cf_queue;
    grant select, insert, update, delete on all tables in schema jobs to cf_queue;
    grant usage, select on all sequences in schema jobs to cf_queue;
    grant execute on all functions in schema jobs to cf_queue;`)
}
