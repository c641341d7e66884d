import pg from 'pg'
import { IDLE, openDb, type Db } from '../../src/db.ts'
import { newId } from '../../src/ids.ts'
import { cloneDatabase } from './database.ts'
import { newIds, seedRows, type Ids } from './rows.ts'
import { columnsOf, foreignKeysOf, type ForeignKey, type LiveColumn } from './schema.ts'

/** Two organizations in one database, each with a row of every table. */
export type Neighbours = {
  db: Db
  url: string
  /** The login of the migrations: it seeds, and sees what the roles of the product may not. */
  login: pg.Client
  ours: Ids
  theirs: Ids
  columns: LiveColumn[]
  foreignKeys: ForeignKey[]
  stop(): Promise<void>
}

export async function openNeighbours(): Promise<Neighbours> {
  const database = await cloneDatabase()
  const login = new pg.Client({ connectionString: database.url })
  await login.connect()
  const db = openDb(database.url, 2)
  const [ours, theirs] = [newIds(), newIds()]
  await seedRows(login, ours)
  await seedRows(login, theirs)
  return {
    db,
    url: database.url,
    login,
    ours,
    theirs,
    columns: await columnsOf(login),
    foreignKeys: await foreignKeysOf(login),
    async stop() {
      await login.end()
      await db.close()
      await database.drop()
    },
  }
}

type Schema = Pick<Neighbours, 'columns'>

export const allTables = ({ columns }: Schema): string[] => [
  ...new Set(columns.map(({ table }) => table)),
]
export const hasOrg = ({ columns }: Schema, table: string): boolean =>
  columns.some((c) => c.table === table && c.column === 'org_id')
export const tenantTables = (at: Schema): string[] =>
  allTables(at).filter((table) => hasOrg(at, table))
export const otherTables = (at: Schema): string[] =>
  allTables(at).filter((table) => !hasOrg(at, table))

/** How each table answers; one that answers as expected is left out, so the right result is `{}`. */
export async function failures(
  tables: string[],
  attempt: (table: string) => Promise<string>,
  expected: RegExp,
): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const table of tables) {
    const outcome = await attempt(table).catch(
      (error: Error & { code?: string }) => `${error.code}: ${error.message}`,
    )
    if (!expected.test(outcome)) found[table] = outcome
  }
  return found
}

/** A statement inside our own door; says how many rows it met. */
export const asUs = (at: Neighbours, sql: string, values: string[] = []): Promise<string> =>
  at.db.withTenant(at.ours.org, async (tx) => {
    const result = await tx.raw<{ rowCount: number | null }>(sql, values)
    return `${result.rowCount} rows`
  })

/** One statement as `role` on a connection as the pool opens them, before any door. */
export async function outside(at: Neighbours, sql: string, role: string): Promise<string> {
  const client = new pg.Client({ connectionString: at.url, options: IDLE })
  await client.connect()
  try {
    if (role !== 'cf_idle') await client.query(`set role ${role}`)
    return `${(await client.query(sql)).rowCount} rows`
  } finally {
    await client.end()
  }
}

/** Everything an organization has, as text, to see that nothing of it changed. */
export async function stateOf(at: Neighbours, org: string): Promise<string> {
  const parts: string[] = []
  for (const table of tenantTables(at)) {
    const { rows } = await at.login.query(
      `select md5(string_agg(t::text, '|' order by t::text)) as sum, count(*)::int as n
         from app.${table} t where org_id = $1`,
      [org],
    )
    parts.push(`${table} ${JSON.stringify(rows[0])}`)
  }
  return parts.join('\n')
}

const quoted = (name: string): string => `"${name}"`

/** Inserts a copy of their row into our database session, with a fresh id, so that only row security can refuse it. */
export async function insertAsThem(at: Neighbours, table: string): Promise<string> {
  const own = at.columns.filter((c) => c.table === table && !c.generated)
  const names = own.map(({ column }) => quoted(column))
  const texts = names.map((name) => `quote_nullable(${name}::text) as ${name}`)
  const { rows } = await at.login.query<Record<string, unknown>>(
    `select ${texts.join(', ')} from app.${table} where org_id = $1`,
    [at.theirs.org],
  )
  const values = own.map(({ column, type }) => {
    if (column === 'org_id') return '?'
    return `${column === 'id' ? `'${newId()}'` : String(rows[0]?.[column])}::${type}`
  })
  const sql = `insert into app.${table} (${names.join(', ')}) values (${values.join(', ')})`
  return asUs(at, sql, [at.theirs.org])
}

/** Foreign keys between tables of organizations that name more than the organization. */
export const crossingKeys = (at: Neighbours): ForeignKey[] =>
  at.foreignKeys.filter(
    ({ from, to, columns }) => hasOrg(at, from) && hasOrg(at, to) && columns.length > 1,
  )

/** Points our row at what their row points at. */
export async function pointAtTheirs(at: Neighbours, key: ForeignKey): Promise<string> {
  const own = key.columns.filter((name) => name !== 'org_id')
  const { rows } = await at.login.query<Record<string, string>>(
    `select ${key.targets.map(quoted).join(', ')} from app.${key.to} where org_id = $1`,
    [at.theirs.org],
  )
  const values = own.map((name) => rows[0]?.[key.targets[key.columns.indexOf(name)] ?? ''] ?? '')
  const changes = own.map((name) => `${quoted(name)} = ?`)
  return asUs(at, `update app.${key.from} set ${changes.join(', ')}`, values)
}
