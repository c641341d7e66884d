import { rows, type Tx } from '../db.ts'
import { through } from '../privacy/export-plan.ts'
import { manifest } from '../privacy/manifest.ts'
import { butKept } from '../disclosures/scope.ts'
import type { Resources } from '../resources.ts'
import { BETWEEN, spellingsOf } from './spellings.ts'

/** A place where something of the subject is left, and how old it is in seconds, where that is known. It never carries the value. */
export type Finding = { place: string; what: 'row' | 'value'; age_s: number | null }

type Column = { table: string; column: string }

/**
 * Look for values in every column behind one door, in every spelling. A mention in what other people wrote is not ours to
 * remove and is no finding: words of a conversation belong to its own contact.
 */
export async function searchValues(
  on: Resources,
  org: string | undefined,
  values: string[],
): Promise<Finding[]> {
  if (values.length === 0) return []
  const spellings = patternsOf(values)
  return through(on.db, org, async (tx) => {
    await rows(tx, `set local statement_timeout = '10min'`)
    const findings: Finding[] = []
    for (const [table, columns] of await readable(tx, org !== undefined))
      findings.push(...(await searchTable(on, tx, { table, columns, org, ...spellings })))
    return findings
  })
}

export type Patterns = { patterns: string[]; digits: string[] }

/** For `ilike any`: upper and lower case of base64 are other values, but no shorter list would do. */
export function patternsOf(values: string[]): Patterns {
  const all = values.map(spellingsOf)
  const texts = new Set(all.flatMap(({ folded, exact }) => [...folded, ...exact]))
  return {
    patterns: [...texts].map((text) => `%${text.replaceAll(/[\\%_]/g, String.raw`\$&`)}%`),
    digits: all.flatMap(({ digits }) => (digits === undefined ? [] : [`%${digits}%`])),
  }
}

/** Whether a text of the statement holds one of the values, over `:patterns`, `:digits` and `:between`. */
export const holds = (text: string): string =>
  `(${text} ilike any(:patterns) or translate(${text}, :between, '') like any(:digits))`

type Wanted = { table: string; columns: string[]; org: string | undefined } & Patterns

async function searchTable(
  on: Resources,
  tx: Tx,
  { table, columns, org, ...spellings }: Wanted,
): Promise<Finding[]> {
  const tests = columns.map((column) => `bool_or(${holds(`"${column}"::text`)}) as "${column}"`)
  const own = org === undefined ? '' : `where org_id = :org ${butKept(table)}`
  const given = { ...spellings, between: BETWEEN, ...(org === undefined ? {} : { org }) }
  const [hits] = await rows<Record<string, boolean | null>>(
    tx,
    `select ${tests.join(', ')} from app."${table}" ${own}`,
    given,
  )
  const findings: Finding[] = []
  for (const column of columns.filter((name) => hits?.[name])) {
    const where = `${own === '' ? 'where' : `${own} and`} ${holds(`"${column}"::text`)}`
    const age_s = await ageOf(on, tx, { table, where, given })
    findings.push({ place: `${table}.${column}`, what: 'value', age_s })
  }
  return findings
}

type Rows = { table: string; where: string; given: Record<string, unknown> }

/** Since when the oldest of these rows is there, by the column that says so; null where none does. */
export async function ageOf(
  on: Resources,
  tx: Tx,
  { table, where, given }: Rows,
): Promise<number | null> {
  const [dated] = await rows<{ column: string }>(tx, DATED, { table: `app."${table}"` })
  if (!dated) return null
  const [oldest] = await rows<{ at: Date | null }>(
    tx,
    `select min("${dated.column}") as at from app."${table}" ${where}`,
    given as Record<string, string>,
  )
  return oldest?.at
    ? Math.max(0, Math.round((on.now().getTime() - oldest.at.getTime()) / 1000))
    : null
}

const DATED = `
  select a.attname as "column" from pg_attribute a
   where a.attrelid = cast(:table as regclass) and a.attnum > 0 and not a.attisdropped
     and format_type(a.atttypid, null) = 'timestamp with time zone' and has_column_privilege(a.attrelid, a.attnum, 'select')
   order by array_position(array['created_at', 'received_at', 'at', 'requested_at', 'first_seen_at'], a.attname::text), a.attnum
   limit 1`

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

/** Tables that still hold a row of an organization; what an order keeps is not left over. */
export async function countLeft(on: Resources, org: string): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const door of [org, undefined])
    await through(on.db, door, async (tx) => {
      for (const table of await tablesOf(tx)) {
        const left = await rows(
          tx,
          `select 1 from app."${table}" where org_id = ? ${butKept(table)} limit 1`,
          [org],
        )
        if (left.length === 0) continue
        const age_s = await ageOf(on, tx, {
          table,
          where: `where org_id = :org ${butKept(table)}`,
          given: { org },
        })
        findings.push({ place: table, what: 'row', age_s })
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
