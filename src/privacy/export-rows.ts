import { rows, type Tx } from '../db.ts'
import type { Resources } from '../resources.ts'
import { open, SealError, type SealingKey } from '../vault.ts'
import type { Condition } from './export-links.ts'
import { through, type Column, type Part } from './export-plan.ts'

/** One row as it leaves: a value for each exported column, in the order of the table. */
export type Row = Record<string, unknown>

type Read = { row: Row; key: string[] }

const BATCH = 500

/** How many rows a part has; outside a snapshot more or fewer may be read, as people go on working. */
export const countRows = (on: Resources, part: Part): Promise<number> => count(on, part, part.where)

/** How many rows of restricted contacts stay behind. */
export const countHeldBack = (on: Resources, part: Part): Promise<number> =>
  part.heldBack ? count(on, part, part.heldBack) : Promise.resolve(0)

async function count(on: Resources, { table, org }: Part, where: Condition): Promise<number> {
  const [counted] = await through(on.db, org, (tx) =>
    rows<{ n: number }>(
      tx,
      `select count(*)::int as n from "${table}" where ${where.sql}`,
      where.values,
    ),
  )
  return counted?.n ?? 0
}

/**
 * The rows of a part in batches, each through a door of its own and continued behind the last key. They are one
 * snapshot where the doors of `on` lead into one.
 */
export async function* readRows(on: Resources, part: Part): AsyncGenerator<Row[]> {
  let after: string[] | undefined
  for (;;) {
    const place = after
    const read = await through(on.db, part.org, async (tx) => {
      await tx.raw(`set local time zone 'UTC'`)
      // Without fresh statistics the planner sorts the whole table for each batch instead of walking its key.
      if (part.isWhole) await tx.raw('set local enable_sort = off')
      const found = await readBatch(tx, part, place)
      const keys = part.org === undefined ? [] : await on.keys.of(tx, part.org)
      return found.map(({ row, key }) => ({ row: shown(on, part, keys, row), key }))
    })
    if (read.length > 0) yield read.map(({ row }) => row)
    after = read.at(-1)?.key
    if (read.length < BATCH || !after || after.length === 0) return
  }
}

async function readBatch(
  tx: Tx,
  { table, columns, keys, where }: Part,
  after: string[] | undefined,
): Promise<Read[]> {
  const names = keys.map(({ name }) => `t."${name}"`).join(', ')
  const place = keys.map(({ type }) => `?::${type}`).join(', ')
  const isBehind = after ? `and (${names}) > (${place})` : ''
  const order = keys.length > 0 ? `order by ${names}` : ''
  const key = keys.map(({ name }) => `t."${name}"::text`).join(', ')
  return rows<Read>(
    tx,
    `select (select row_to_json(r) from (select ${columns.map(expression).join(', ')}) r) as "row",
            array[${key}]::text[] as key
       from "${table}" t where ${where.sql} ${isBehind} ${order} limit ${BATCH}`,
    [...columns.flatMap(({ emptyIn }) => emptyIn?.values ?? []), ...where.values, ...(after ?? [])],
  )
}

/** What is only said to be there leaves the database as yes or no; what stays with a restricted contact not at all. */
function expression({ name, how, emptyIn }: Column): string {
  const value = how === 'presence_only' ? `t."${name}" is not null` : `t."${name}"`
  return `${emptyIn ? `case when (${emptyIn.sql}) is not true then ${value} end` : value} as "${name}"`
}

/** Sealed values leave as what they say: the export has its own seal, or lies with the person who asked. */
function shown(on: Resources, part: Part, keys: readonly SealingKey[], row: Row): Row {
  const result = { ...row }
  for (const column of part.columns) {
    const value = result[column.name]
    if (column.others.length > 0) result[column.name] = withoutOthers(value, column.others)
    if (typeof value !== 'string') continue
    if (column.isStaff) {
      result[column.name] = 'agent'
      continue
    }
    const text = column.sealed.startsWith('gcm')
      ? opened(on, part, { keys, column, id: String(row['id']) }, value)
      : value
    result[column.name] = column.how === 'include_masked' && text !== null ? masked(text) : text
  }
  return result
}

type At = { keys: readonly SealingKey[]; column: Column; id: string }

/** A value whose key is gone is counted as missing: the rest can still be had. */
function opened(
  on: Resources,
  part: Part,
  { keys, column, id }: At,
  envelope: string,
): string | null {
  // What an organization seals for its own, the installation seals where it stands in for one.
  const org = (column.sealed === 'gcm_org' && part.org) || 'instance'
  const place = { purpose: `${part.table}|${column.name}`, org, row: id }
  try {
    return open(org === 'instance' ? on.vault.instance : keys, place, envelope).toString('utf8')
  } catch (error) {
    if (!(error instanceof SealError)) throw error
    part.missing.set(column.name, (part.missing.get(column.name) ?? 0) + 1)
    return null
  }
}

/** Every word below these keys is masked: a card that somebody shared is somebody else's. Source: promise P47. */
function withoutOthers(value: unknown, keys: readonly string[]): unknown {
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, keys.includes(key) ? hidden(inner) : inner]),
  )
}

function hidden(value: unknown): unknown {
  if (typeof value === 'string') return masked('')
  if (Array.isArray(value)) return value.map(hidden)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, hidden(inner)]))
}

const masked = (text: string): string => `••••${text.length > 8 ? text.slice(-4) : ''}`
