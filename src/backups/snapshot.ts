import type pg from 'pg'
import type { Line } from '../deletions/ledger.ts'
import { manifest } from '../privacy/manifest.ts'
import { copyOut } from '../copy.ts'
import { END, frame, headFrame } from './frames.ts'

/** What stands at the beginning of a backup. */
export type About = {
  what: 'backup'
  id: string
  made_at: string
  expires_at: string
  /** The migrations that made the schema, by which a restore makes it again. */
  migrations: string[]
  /** The end of the deletion ledger as it was: everything behind it has to be done again. */
  ledger: Line
}
export type Columns = { table: string; columns: string[] }

/** Rows that are worth nothing to a restored installation and something to whoever finds the file. */
const FLEETING = new Set(['session', 'reset', 'throttle'])

/**
 * Everything in schema `app` as one moment saw it, in entries; `records` gets the number of rows by table. The role it reads
 * through sees all organizations and writes nothing.
 */
export async function* readSnapshot(
  client: pg.Client,
  { id, made_at, expires_at }: { id: string; made_at: Date; expires_at: Date },
  records: Record<string, number>,
): AsyncGenerator<Buffer> {
  await client.query('begin isolation level repeatable read read only')
  const { rows: names } = await client.query<{ name: string }>(
    'select name from public.knex_migrations order by name',
  )
  await client.query('set local role cf_backup')
  const { rows: ends } = await client.query<Line>(
    'select n::float8 as n, line from app.deletion_ledger order by n desc limit 1',
  )
  const [ledger] = ends
  if (!ledger) throw new Error('the ledger does not know of this backup')
  const about: About = {
    what: 'backup',
    id,
    made_at: made_at.toISOString(),
    expires_at: expires_at.toISOString(),
    migrations: names.map(({ name }) => name),
    ledger,
  }
  yield headFrame(about)
  yield END
  for (const { table, columns } of await listColumns(client)) {
    const isFleeting = fleetingTables().has(table)
    if (isFleeting) continue
    yield headFrame({ what: 'table', table, columns })
    records[table] = yield* copyTable(client, { table, columns })
    yield END
  }
  yield headFrame({ what: 'end', records })
  yield END
  await client.query('commit')
}

const fleetingTables = (): Set<string> =>
  new Set(
    manifest.tables.flatMap(({ table, columns }) =>
      Object.values(columns).every(({ retention }) => FLEETING.has(retention)) ? [table] : [],
    ),
  )

async function* copyTable(
  client: pg.Client,
  { table, columns }: Columns,
): AsyncGenerator<Buffer, number> {
  const names = columns.map((column) => `"${column}"`).join(', ')
  const rows = copyOut(client, `copy (select ${names} from app."${table}") to stdout`)
  for (;;) {
    const { done, value } = await rows.next()
    if (done) return value
    yield frame(value)
  }
}

/** Tables of the schema with the columns that are stored and not computed, in the order of their names. */
export async function listColumns(client: pg.ClientBase): Promise<Columns[]> {
  const { rows } = await client.query<Columns>(
    `select c.relname as "table", array_agg(a.attname::text order by a.attnum) as columns
       from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
      where c.relnamespace = 'app'::regnamespace and c.relkind = 'r' group by c.relname order by c.relname`,
  )
  return rows
}
