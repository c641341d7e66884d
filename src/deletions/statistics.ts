import pg from 'pg'
import { rows } from '../db.ts'
import { manifest } from '../privacy/manifest.ts'
import type { Resources } from '../resources.ts'

/**
 * Read the statistics of these tables anew, and after a whole organization free their dead rows at once: both still hold
 * what was deleted. Neither runs in a transaction, and both need the tables' owner, so this takes a connection of its own.
 */
export async function freshStatistics(
  on: Resources,
  tables: string[],
  { isWhole }: { isWhole: boolean },
): Promise<number> {
  const known = new Set(manifest.tables.map(({ table }) => table))
  const touched = [...new Set(tables)].filter((table) => known.has(table))
  if (touched.length === 0) return 0
  const live = await on.db.withSystem((tx) =>
    rows<{ name: string }>(
      tx,
      `select relname as name from pg_class where relnamespace = 'app'::regnamespace and relname = any(?)`,
      [touched as never],
    ),
  )
  const client = new pg.Client({
    connectionString: on.config.DATABASE_URL,
    application_name: 'chatflow',
  })
  await client.connect()
  try {
    await client.query('set role cf_owner')
    for (const { name } of live)
      await client.query(`${isWhole ? 'vacuum (analyze)' : 'analyze'} app."${name}"`)
  } finally {
    await client.end()
  }
  return live.length
}
