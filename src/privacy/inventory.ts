import { rows, type Tx } from '../db.ts'
import type { Resources } from '../resources.ts'
import { findStrayPaths } from './json-paths.ts'
import { manifest } from './manifest.ts'
import type { Entry, Store, Table } from './manifest/vocabulary.ts'
import { findStrayFiles, findStrayKeys } from './places.ts'

/**
 * One thing on which the manifest and the running system do not agree. `undeclared`: it is there and has no entry;
 * `gone`: the entry is stale. `name` is that of a column, a path in JSON, a key or a file, and holds no value.
 */
export type Finding = {
  kind: 'column' | 'path' | 'key' | 'file'
  name: string
  what: 'undeclared' | 'gone'
}

export type Declared = { tables: readonly Table[]; stores: readonly Store[] }

export type Inventory = {
  /** Columns that were looked at, and how many of them have an entry. */
  columns: { live: number; declared: number }
  stores: number
  findings: Finding[]
}

/**
 * Compare the manifest with everything that can hold bytes: columns of all schemas, paths in JSON, keys in the store of the
 * queues, files. `orgs` are those into whose JSON it looks; all of them unless told. Changes nothing.
 * Source: privacy promise P9, "a new column without a reason breaks the build".
 */
export async function takeInventory(
  on: Resources,
  { declared = manifest, orgs }: { declared?: Declared; orgs?: readonly string[] } = {},
): Promise<Inventory> {
  const schema = await on.db.withSystem((tx) => compareColumns(tx, declared.tables))
  const paths = await findStrayPaths(on, declared.tables, orgs ?? (await allOrganizations(on)))
  const keys = await findStrayKeys(on, declared.stores)
  const files = await findStrayFiles(on, declared.stores)
  const undeclared = (kind: Finding['kind'], name: string): Finding => ({
    kind,
    name,
    what: 'undeclared',
  })
  return {
    columns: schema.columns,
    stores: declared.stores.length,
    findings: [
      ...schema.findings,
      ...paths.map(({ table, column, path }) => undeclared('path', `${table}.${column}: ${path}`)),
      ...keys.map((name) => undeclared('key', name)),
      ...files.map((name) => undeclared('file', name)),
    ],
  }
}

/**
 * The part of it that needs the database's catalogue only. Views and partitions count as tables: they show data too.
 * A column that became JSON and whose entry names no paths is a finding under its paths.
 */
export async function findDrift(
  tx: Tx,
  tables: readonly Table[] = manifest.tables,
): Promise<Finding[]> {
  return (await compareColumns(tx, tables)).findings
}

async function compareColumns(
  tx: Tx,
  tables: readonly Table[],
): Promise<Pick<Inventory, 'columns' | 'findings'>> {
  const live = await liveColumns(tx)
  const liveNames = new Set(live.map(({ name }) => name))
  const entries = new Map<string, Entry>(
    tables.flatMap(({ table, columns }) =>
      Object.entries(columns).map(([column, entry]) => [`${table}.${column}`, entry] as const),
    ),
  )
  const missing = live.filter(({ name }) => !entries.has(name))
  const open = live.filter(({ name, json }) => json && entries.get(name)?.paths === undefined)
  const stale = [...entries.keys()].filter((name) => !liveNames.has(name))
  return {
    columns: { live: live.length, declared: live.length - missing.length },
    findings: [
      ...missing.map(({ name }): Finding => ({ kind: 'column', name, what: 'undeclared' })),
      ...open
        .filter(({ name }) => entries.has(name))
        .map(({ name }): Finding => ({ kind: 'path', name, what: 'undeclared' })),
      ...stale.map((name): Finding => ({ kind: 'column', name, what: 'gone' })),
    ],
  }
}

type Live = { name: string; json: boolean }

/** What is not ours in a database: the system's schemas, extensions' tables, and the two stores that the manifest names. */
const liveColumns = (tx: Tx): Promise<Live[]> =>
  rows<Live>(
    tx,
    `select case n.nspname when 'app' then '' else n.nspname || '.' end || c.relname || '.' || a.attname as name,
            format_type(a.atttypid, null) in ('json', 'jsonb') as json
       from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
       join pg_catalog.pg_attribute a on a.attrelid = c.oid
      where c.relkind in ('r', 'p', 'v', 'm', 'f') and a.attnum > 0 and not a.attisdropped
        and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'jobs')
        and (n.nspname <> 'public' or c.relname not in ('knex_migrations', 'knex_migrations_lock'))
        and not exists (select from pg_catalog.pg_depend d where d.objid = c.oid and d.deptype = 'e')
      order by n.nspname, c.relname, a.attnum`,
  )

async function allOrganizations(on: Resources): Promise<string[]> {
  const found = await on.db.withSystem((tx) =>
    rows<{ org_id: string }>(tx, 'select org_id from organizations order by org_id'),
  )
  return found.map(({ org_id }) => org_id)
}
