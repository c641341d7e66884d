import { rows, type Tx } from '../db.ts'
import { manifest } from './manifest.ts'
import type { Table } from './manifest/vocabulary.ts'

/** One thing the manifest and the live schema do not agree on. */
export type Finding = { table: string; column: string; what: 'undeclared' | 'gone' }

type Live = { table: string; column: string }

/**
 * Compare the manifest with schema `app` of the connected database, both ways; an empty list means that every
 * column has its reason. Views and partitions count as tables: they show data too.
 */
export async function findDrift(
  tx: Tx,
  declared: readonly Table[] = manifest.tables,
): Promise<Finding[]> {
  const live = await liveColumns(tx)
  const liveNames = new Set(live.map(nameOf))
  const entries = declared.flatMap(({ table, columns }) =>
    Object.keys(columns).map((column) => ({ table, column })),
  )
  const declaredNames = new Set(entries.map(nameOf))
  return [
    ...live.filter((c) => !declaredNames.has(nameOf(c))).map(finding('undeclared')),
    ...entries.filter((c) => !liveNames.has(nameOf(c))).map(finding('gone')),
  ]
}

const finding =
  (what: Finding['what']) =>
  ({ table, column }: Live): Finding => ({ table, column, what })

const nameOf = ({ table, column }: Live): string => `${table}.${column}`

const liveColumns = (tx: Tx): Promise<Live[]> =>
  rows<Live>(
    tx,
    `select c.relname as "table", a.attname as "column"
       from pg_catalog.pg_class c join pg_catalog.pg_attribute a on a.attrelid = c.oid
      where c.relnamespace = 'app'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f')
        and a.attnum > 0 and not a.attisdropped
      order by c.relname, a.attnum`,
  )
