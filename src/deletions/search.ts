import { rows, type Tx } from '../db.ts'
import { through } from '../privacy/export-plan.ts'
import { manifest } from '../privacy/manifest.ts'
import type { Resources } from '../resources.ts'

/** A place where something of the subject is left. It never carries the value. */
export type Finding = { table: string; column: string; what: 'row' | 'value' }

type Column = { table: string; column: string }

/**
 * Look for values in every column behind one door, in their plain spelling, in hex and in base64. A mention in what
 * other people wrote is not ours to remove and is no finding: words of a conversation belong to its own contact.
 */
export async function searchValues(
  on: Resources,
  org: string | undefined,
  values: string[],
): Promise<Finding[]> {
  if (values.length === 0) return []
  const spellings = [...new Set(values.flatMap(spellingsOf))]
  return through(on.db, org, async (tx) => {
    await rows(tx, `set local statement_timeout = '10min'`)
    const findings: Finding[] = []
    for (const [table, columns] of await readable(tx, org !== undefined))
      findings.push(...(await searchTable(tx, { table, columns, org, spellings })))
    return findings
  })
}

/** A value inside base64 looks one of three ways, by where in a group of three bytes it begins. */
export function spellingsOf(value: string): string[] {
  const bytes = Buffer.from(value)
  const shifted = [0, 1, 2].map((offset) => {
    const text = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64')
    // The first and last group also hold bits of their neighbours.
    return text.slice(offset === 0 ? 0 : 4, Math.floor(text.length / 4) * 4 - 4)
  })
  return [value, bytes.toString('hex'), ...shifted.filter((text) => text.length >= 6)]
}

type Wanted = { table: string; columns: string[]; org: string | undefined; spellings: string[] }

async function searchTable(tx: Tx, { table, columns, org, spellings }: Wanted): Promise<Finding[]> {
  const patterns = spellings.map((text) => `%${text.replaceAll(/[\\%_]/g, String.raw`\$&`)}%`)
  const tests = columns.map(
    (column) => `bool_or("${column}"::text ilike any(:patterns)) as "${column}"`,
  )
  const own = org === undefined ? '' : 'where org_id = :org'
  const [hits] = await rows<Record<string, boolean | null>>(
    tx,
    `select ${tests.join(', ')} from app."${table}" ${own}`,
    { patterns, ...(org === undefined ? {} : { org }) },
  )
  return columns
    .filter((column) => hits?.[column])
    .map((column) => ({ table, column, what: 'value' }))
}

/** Columns that can hold somebody's value; sealed ones show nothing, and free text holds mentions. */
async function readable(tx: Tx, isTenant: boolean): Promise<[string, string[]][]> {
  const live = await rows<Column>(tx, READABLE, { tenant: isTenant })
  return manifest.tables.flatMap(({ table, columns }): [string, string[]][] => {
    const wanted = Object.entries(columns).filter(
      ([column, { category, sealed }]) =>
        category !== 'content' &&
        sealed === 'none' &&
        live.some((one) => one.table === table && one.column === column),
    )
    return wanted.length > 0 ? [[table, wanted.map(([column]) => column)]] : []
  })
}

const READABLE = `
  select c.relname as "table", a.attname as "column"
    from pg_class c join pg_attribute a on a.attrelid = c.oid
   where c.relnamespace = 'app'::regnamespace and c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped
     and has_column_privilege(c.oid, a.attnum, 'select')
     and format_type(a.atttypid, null) in ('text', 'json', 'jsonb', 'text[]', 'bytea', 'character varying(255)')
     and (not :tenant or exists (select from pg_attribute o where o.attrelid = c.oid and o.attname = 'org_id'))`

/** Tables that still hold a row of an organization. */
export async function countLeft(on: Resources, org: string): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const door of [org, undefined])
    await through(on.db, door, async (tx) => {
      for (const table of await tablesOf(tx)) {
        const left = await rows(tx, `select 1 from app."${table}" where org_id = ? limit 1`, [org])
        if (left.length > 0) findings.push({ table, column: 'org_id', what: 'row' })
      }
    })
  return findings
}

async function tablesOf(tx: Tx): Promise<string[]> {
  const found = await rows<{ name: string }>(
    tx,
    `select c.relname as name from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'org_id'
      where c.relnamespace = 'app'::regnamespace and c.relkind in ('r', 'p')
        and has_column_privilege(c.oid, a.attnum, 'select')`,
  )
  const names = new Set(found.map(({ name }) => name))
  return manifest.tables.flatMap(({ table, columns }) =>
    names.has(table) && !Object.values(columns).every(({ erase }) => typeof erase === 'object')
      ? [table]
      : [],
  )
}
