import { isRetriable, rows, type Tx } from '../db.ts'
import type { Resources } from '../resources.ts'
import type { Held } from './held.ts'
import { DAY_MS } from './limits.ts'
import { manifest } from './manifest.ts'
import type { Sweep, Table } from './manifest/vocabulary.ts'

/** Rows removed in one transaction: enough to get on, few enough that nobody waits for their locks. */
export const BATCH = 1_000
const TRIES = 3

/** One retention rule of the manifest for one table. */
export type DueRows = { table: string; declared: Table; sweep: Sweep; isSystem: boolean }

/**
 * Every rule that ends after a number of days, with the door its table is reached through: tables that the system
 * role may delete from are swept once, the others organization by organization.
 */
export async function listDueRows(on: Resources): Promise<DueRows[]> {
  const open = await on.db.withSystem((tx) =>
    rows<{ name: string }>(
      tx,
      `select relname as name from pg_catalog.pg_class
        where relnamespace = 'app'::regnamespace and relkind in ('r', 'p') and has_table_privilege(oid, 'delete')`,
    ),
  )
  const system = new Set(open.map(({ name }) => name))
  return manifest.tables.flatMap((declared) => {
    const { table, sweeps } = declared
    return sweeps.map((sweep) => ({ table, declared, sweep, isSystem: system.has(table) }))
  })
}

/** At which moment a sweep looks, and what tells it to stop between two batches. */
export type Moment = { now: Date; signal?: AbortSignal | undefined }
/** The part of a table that is looked at, and what in it stays whatever its age. */
export type Part = { org?: string; held?: Held | undefined }

/** Removes what is due from a table of the system, or from one organization's part of a table; answers how many rows. */
export function removeDue(on: Resources, due: DueRows, at: Moment & Part): Promise<number> {
  const { org, signal } = at
  return inBatches(signal, () => {
    if (due.sweep.by && org !== undefined)
      return on.db.withSystem((tx) => trim(tx, due.sweep, { org, now: at.now }))
    const batch = (tx: Tx): Promise<number> => removeBatch(tx, due, at)
    return org === undefined ? on.db.withSystem(batch) : on.db.withTenant(org, batch)
  })
}

type Looked = Part & { now: Date }
type Values = Record<string, string | number | Date>

/** Rows that somebody works on just now are left for the next sweep. */
async function removeBatch(tx: Tx, due: DueRows, at: Looked): Promise<number> {
  const { sql, values } = conditionOf(due, at, 'is not true')
  const { rowCount } = await tx.raw<{ rowCount: number }>(
    `delete from app.${due.table} where ctid = any(array(
       select ctid from app.${due.table} where ${sql} limit :batch for update skip locked))`,
    { ...values, batch: BATCH },
  )
  return rowCount
}

/** How many rows a sweep at `now` would remove; those that go with another row are counted here too. */
export const countDue = (on: Resources, due: DueRows, at: Looked): Promise<number> =>
  count(on, due, at, 'is not true')

/** How many rows are over their time and stay, because somebody needs them. */
export const countHeld = (on: Resources, due: DueRows, at: Looked): Promise<number> =>
  at.held?.rowsOf(due.declared) ? count(on, due, at, 'is true') : Promise.resolve(0)

function count(on: Resources, due: DueRows, at: Looked, held: HeldIs): Promise<number> {
  const { sql, values } = conditionOf(due, at, held)
  const run = async (tx: Tx): Promise<number> => {
    const [found] = await rows<{ n: number }>(
      tx,
      `select count(*)::int as n from app.${due.table} where ${sql}`,
      values,
    )
    return found?.n ?? 0
  }
  return at.org === undefined ? on.db.withSystem(run) : on.db.withTenant(at.org, run)
}

type HeldIs = 'is true' | 'is not true'

/** Named values all through: the conditions of sweeps are written with names. */
function conditionOf(
  { declared, sweep }: DueRows,
  { org, now, held }: Looked,
  heldIs: HeldIs,
): { sql: string; values: Values } {
  const values: Values = { now, days: daysOf(sweep), ...(org === undefined ? {} : { org }) }
  const own = org === undefined ? '' : 'org_id = :org and'
  const kept = held?.rowsOf(declared)
  if (!kept) return { sql: `${own} (${sweep.due})`, values }
  kept.values.forEach((value, n) => (values[`held${n}`] = value))
  let n = 0
  const sql = kept.sql.replaceAll('?', () => `:held${n++}`)
  return { sql: `${own} (${sweep.due}) and (${sql}) ${heldIs}`, values }
}

/** Rows that a function alone may remove: the audit log stays a chain when its oldest entries go. */
async function trim(
  tx: Tx,
  sweep: Sweep,
  { org, now }: { org: string; now: Date },
): Promise<number> {
  const before = new Date(now.getTime() - daysOf(sweep) * DAY_MS)
  const [row] = await rows<{ n: number }>(tx, `select app.${sweep.by ?? ''}(?, ?, ?) as n`, [
    org,
    before,
    BATCH,
  ])
  return row?.n ?? 0
}

function daysOf({ rule }: Sweep): number {
  const found = manifest.retention[rule]
  if (!found || !('days' in found)) throw new Error(`retention rule ${rule} has no days`)
  return found.days
}

/**
 * Runs batches until one comes back short. A batch that met a lock or lost its connection is tried again: what is
 * gone is gone, so where it stopped needs no note.
 */
export async function inBatches(
  signal: AbortSignal | undefined,
  batch: () => Promise<number>,
): Promise<number> {
  let removed = 0
  let failures = 0
  for (;;) {
    if (signal?.aborted) return removed
    try {
      const n = await batch()
      removed += n
      if (n < BATCH) return removed
    } catch (error) {
      failures += 1
      if (failures >= TRIES || !isRetriable(error)) throw error
    }
  }
}
