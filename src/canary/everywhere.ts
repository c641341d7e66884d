import path from 'node:path'
import pg from 'pg'
import type { Finding } from '../deletions/search.ts'
import { patternsOf } from '../deletions/search.ts'
import { findingOf, searchStores } from '../deletions/stores.ts'
import type { Resources } from '../resources.ts'

export type Everywhere = { findings: Finding[]; unsearched: string[] }

/**
 * Look for values that nobody else can hold in every column of every row of every organization, in the store of the queues,
 * in files and archives, in sealed mail and in the planner's samples. Reads whole tables: not for every day.
 */
export async function searchEverywhere(on: Resources, values: string[]): Promise<Everywhere> {
  const inRows = await searchRows(on, values)
  const skip = [path.resolve(on.config.DATA_DIR, 'pg')]
  const { hits, unsearched } = await searchStores(on, values, { skip })
  return { findings: [...inRows, ...hits.map(findingOf)], unsearched }
}

/** Through the role of backups, which sees all rows and writes none. */
async function searchRows(on: Resources, values: string[]): Promise<Finding[]> {
  const client = new pg.Client({
    connectionString: on.config.DATABASE_URL,
    application_name: 'chatflow',
  })
  await client.connect()
  try {
    await client.query('set role cf_backup')
    const { rows: tables } = await client.query<{ name: string }>(
      `select relname as name from pg_class
        where relnamespace = 'app'::regnamespace and relkind = 'r' order by relname`,
    )
    const findings: Finding[] = []
    for (const { name } of tables) findings.push(...(await searchTable(on, client, name, values)))
    return findings
  } finally {
    await client.end()
  }
}

/** The row as text first: only where it holds something the columns are told apart. */
async function searchTable(
  on: Resources,
  client: pg.Client,
  table: string,
  values: string[],
): Promise<Finding[]> {
  const { patterns } = patternsOf(values)
  const { rows } = await client.query<{ column: string; at: Date | null }>(
    `select c.key as "column", min((to_jsonb(t) ->> 'created_at')::timestamptz) as at
       from app."${table}" t cross join lateral jsonb_each_text(to_jsonb(t)) c
      where t::text ilike any($1) and c.value ilike any($1) group by c.key order by c.key`,
    [patterns],
  )
  return rows.map(({ column, at }) => ({
    place: `${table}.${column}`,
    what: 'value',
    age_s: at && Math.max(0, Math.round((on.now().getTime() - at.getTime()) / 1000)),
  }))
}
