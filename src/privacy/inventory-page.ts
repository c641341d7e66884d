import { rows, type Tx } from '../db.ts'
import { manifest, manifestHash } from './manifest.ts'
import type { Entry, Table } from './manifest/vocabulary.ts'
import { activities } from './record.ts'
import {
  BASES,
  CATEGORIES,
  eraseWords,
  exportWords,
  ORIGINS,
  PURPOSES,
  sealWords,
  SUBJECTS,
} from './words.ts'

/** An entry in words: of a column, or of another place. */
export type Line = {
  name: string
  about: string
  category: string
  purposes: string
  basis: string
  source: string
  stays: string
  exported: string
  erased: string
  sealed: string
  why: string
}
/** A table with its columns; `rows` are those of one organization, undefined where they are not counted. */
export type Chapter = { table: string; lines: Line[]; subjects: string[]; rows?: number }

export type InventoryPage = {
  hash: string
  columns: number
  chapters: Chapter[]
  stores: (Line & { kind: string; matches: string })[]
}

/** The inventory in words; `counts` are rows by table. */
export function inventoryPage(counts: Readonly<Record<string, number>> = {}): InventoryPage {
  const chapters = manifest.tables.map((each) => chapterOf(each, counts))
  return {
    hash: manifestHash(),
    columns: chapters.reduce((sum, { lines }) => sum + lines.length, 0),
    chapters,
    stores: manifest.stores.map((store) => ({
      ...lineOf(store.store, store),
      kind: store.kind,
      matches: store.matches,
    })),
  }
}

function chapterOf({ table, columns }: Table, counts: Readonly<Record<string, number>>): Chapter {
  const lines = Object.entries(columns).map(([column, entry]) => lineOf(column, entry))
  const n = counts[table]
  return {
    table,
    lines,
    subjects: [...new Set(lines.map(({ about }) => about))].filter((one) => one !== SUBJECTS.none),
    ...(n === undefined ? {} : { rows: n }),
  }
}

const lineOf = (name: string, entry: Entry): Line => ({
  name,
  about: SUBJECTS[entry.subject],
  category: CATEGORIES[entry.category],
  purposes: entry.purpose.map((one) => PURPOSES[one]).join(', '),
  basis: BASES[entry.lawfulBasis],
  source: ORIGINS[entry.collectedFrom],
  stays: manifest.retention[entry.retention]?.says ?? '',
  exported: exportWords(entry.export),
  erased: eraseWords(entry.erase),
  sealed: sealWords(entry),
  why: entry.why ?? entry.balance ?? '',
})

/** The manifest for programs: every entry as it is declared, and the record of processing that it amounts to. */
export const inventoryJson = (): object => ({
  manifest_hash: manifestHash(),
  retention: manifest.retention,
  tables: manifest.tables.map(({ table, columns }) => ({ table, columns })),
  stores: manifest.stores,
  activities: activities(),
})

/** How many rows an organization has in each table that a page may read. */
export async function countOwnRows(tx: Tx, org: string): Promise<Record<string, number>> {
  const own = await rows<{ table: string }>(
    tx,
    `select c.relname as "table" from pg_catalog.pg_class c
       join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attname = 'org_id'
      where c.relnamespace = 'app'::regnamespace and c.relkind in ('r', 'p')
        and has_column_privilege(c.oid, a.attnum, 'select')`,
  )
  const known = manifest.tables.filter(({ table }) => own.some((one) => one.table === table))
  const parts = known.map(
    ({ table }) =>
      `select '${table}' as name, count(*) as n from app."${table}" where org_id = :org`,
  )
  const counted = await rows<{ name: string; n: number }>(tx, parts.join(' union all '), { org })
  return Object.fromEntries(counted.map(({ name, n }) => [name, n]))
}
