import { isRetriable, rows, type Tx } from '../db.ts'
import type { Resources } from '../resources.ts'
import { DAY_MS } from './limits.ts'
import { manifest } from './manifest.ts'
import type { Sweep } from './manifest/vocabulary.ts'

/** Rows removed in one transaction: enough to get on, few enough that nobody waits for their locks. */
export const BATCH = 1_000
const TRIES = 3

/** One retention rule of the manifest for one table. */
export type DueRows = { table: string; sweep: Sweep; isSystem: boolean }

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
  return manifest.tables.flatMap(({ table, sweeps }) =>
    sweeps.map((sweep) => ({ table, sweep, isSystem: system.has(table) })),
  )
}

/** At which moment a sweep looks, and what tells it to stop between two batches. */
export type Moment = { now: Date; signal?: AbortSignal | undefined }

/** Removes what is due from a table of the system, or from one organization's part of a table; answers how many rows. */
export function removeDue(
  on: Resources,
  due: DueRows,
  at: Moment & { org?: string },
): Promise<number> {
  const { org, signal } = at
  return inBatches(signal, () => {
    if (due.sweep.by && org !== undefined)
      return on.db.withSystem((tx) => trim(tx, due.sweep, { org, now: at.now }))
    const batch = (tx: Tx): Promise<number> => removeBatch(tx, due, at)
    return org === undefined ? on.db.withSystem(batch) : on.db.withTenant(org, batch)
  })
}

/** Rows that somebody works on just now are left for the next sweep. */
async function removeBatch(
  tx: Tx,
  { table, sweep }: DueRows,
  { org, now }: { org?: string; now: Date },
): Promise<number> {
  const own = org === undefined ? '' : 'org_id = :org and'
  const { rowCount } = await tx.raw<{ rowCount: number }>(
    `delete from app.${table} where ctid = any(array(
       select ctid from app.${table} where ${own} (${sweep.due}) limit :batch for update skip locked))`,
    { ...(org === undefined ? {} : { org }), now, days: daysOf(sweep), batch: BATCH },
  )
  return rowCount
}

/** How many rows a sweep at `now` would remove; those that go with another row are counted here too. */
export function countDue(
  on: Resources,
  { table, sweep }: DueRows,
  { org, now }: { org?: string; now: Date },
): Promise<number> {
  const own = org === undefined ? '' : 'org_id = :org and'
  const count = async (tx: Tx): Promise<number> => {
    const [found] = await rows<{ n: number }>(
      tx,
      `select count(*)::int as n from app.${table} where ${own} (${sweep.due})`,
      { ...(org === undefined ? {} : { org }), now, days: daysOf(sweep) },
    )
    return found?.n ?? 0
  }
  return org === undefined ? on.db.withSystem(count) : on.db.withTenant(org, count)
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
