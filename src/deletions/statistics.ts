import pg from 'pg'
import type { Resources } from '../resources.ts'
import { rewriteOwnFiles } from './own-files.ts'

/**
 * Read the statistics of these tables anew, and after a whole organization free their dead rows at once: both still hold
 * what was deleted. Neither runs in a transaction, and both need the tables' owner, so this takes a connection of its own.
 */
export async function freshStatistics(
  on: Resources,
  tables: string[],
  { isWhole }: { isWhole: boolean },
): Promise<{ tables: number; rewritten?: number }> {
  const touched = [...new Set(tables)]
  const client = new pg.Client({
    connectionString: on.config.DATABASE_URL,
    application_name: 'chatflow',
  })
  await client.connect()
  try {
    await client.query(`set lock_timeout = '2s'`)
    if (isWhole) await freshJobs(client)
    await client.query('set role cf_owner')
    for (const table of touched)
      await client.query(`${isWhole ? 'vacuum (analyze)' : 'analyze'} app."${table}"`)
    await clearEmpty(client, touched)
    await client.query('reset role')
    const rewritten = isWhole ? await rewriteOwnFiles(on, client) : undefined
    return { tables: touched.length, ...(rewritten === undefined ? {} : { rewritten }) }
  } finally {
    await client.end()
  }
}

/** The queues' own tables, where they lie in this database; jobs held ids and sealed bodies. */
async function freshJobs(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname = 'jobs'`,
  )
  for (const { name } of rows) await client.query(`vacuum (analyze) ${name}`)
}

/**
 * Of a table without rows PostgreSQL keeps the old statistics. From version 18 on they can be cleared; before, giving
 * a column its own type again does, at once where there is no row. A column that a policy names refuses; it is an id.
 */
async function clearEmpty(client: pg.Client, tables: string[]): Promise<void> {
  const { rows } = await client.query<{ name: string; column: string; type: string }>(
    `select c.relname as name, a.attname as "column", format_type(a.atttypid, a.atttypmod) as type
       from pg_class c join pg_attribute a on a.attrelid = c.oid
      where c.relnamespace = 'app'::regnamespace and c.relname = any($1) and c.reltuples = 0
        and a.attnum > 0 and not a.attisdropped and a.attgenerated = '' and a.attidentity = ''`,
    [tables],
  )
  const { rows: version } = await client.query<{ at: number }>(
    `select current_setting('server_version_num')::int as at`,
  )
  const isClearable = (version[0]?.at ?? 0) >= 180_000
  for (const { name, column, type } of rows)
    await client
      .query(
        isClearable
          ? `select pg_clear_attribute_stats('app', '${name}', '${column}', false)`
          : `alter table app."${name}" alter column "${column}" type ${type}`,
      )
      .catch(() => undefined)
}
