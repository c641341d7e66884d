import { realpath } from 'node:fs/promises'
import path from 'node:path'
import type pg from 'pg'
import { readIfThere } from '../embedded/files.ts'
import type { Resources } from '../resources.ts'

/** A table is locked while it is written anew; above this size that would hold up everybody else for too long. */
const MOST_BYTES = 256 * 1_048_576

/**
 * Deleted rows leave their bytes in the free space of pages and in the write-ahead log. Where the database's files are ours,
 * because it is the embedded one, tables of a moderate size are written anew without them, and the log goes on in a new file;
 * the old one is removed. Elsewhere this is the operator's disk. Answers how many tables were written anew, undefined
 * where the files are not ours. Source: privacy promise P45.
 */
export async function rewriteOwnFiles(
  on: Resources,
  client: pg.Client,
): Promise<number | undefined> {
  if (!(await areOurs(on, client))) return undefined
  let rewritten = 0
  for (const name of await listSmall(client)) {
    // Somebody is at it just now: what is left is overwritten as the table is used.
    const done = await client.query(`vacuum (full, analyze) ${name}`).then(
      () => 1,
      () => 0,
    )
    rewritten += done
  }
  for (const sql of ['checkpoint', 'select pg_switch_wal()', 'checkpoint']) await client.query(sql)
  return rewritten
}

async function areOurs(on: Resources, client: pg.Client): Promise<boolean> {
  const { rows } = await client.query<{ at: string | null }>(
    `select case when rolsuper then current_setting('data_directory') end as at
       from pg_roles where rolname = current_user`,
  )
  const place =
    (await readIfThere(path.join(on.config.DATA_DIR, 'postgres.path'))) ?? on.config.DATA_DIR
  const own = await realpath(path.join(place, 'pg')).catch(() => undefined)
  return own !== undefined && rows[0]?.at === own
}

async function listSmall(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select oid::regclass::text as name from pg_class
      where relkind = 'r' and (relnamespace in ('app'::regnamespace, 'jobs'::regnamespace) or oid = 'pg_statistic'::regclass)
        and pg_total_relation_size(oid) <= $1 order by oid = 'pg_statistic'::regclass, oid`,
    [MOST_BYTES],
  )
  return rows.map(({ name }) => name)
}
