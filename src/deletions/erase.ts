import { formerMember } from '../accounts/former.ts'
import { rows, type Tx } from '../db.ts'
import { butKept } from '../disclosures/scope.ts'
import type { Resources } from '../resources.ts'
import { through } from '../privacy/export-plan.ts'
import { manifest } from '../privacy/manifest.ts'
import type { Entry } from '../privacy/manifest/vocabulary.ts'
import type { Doomed } from './plan.ts'

/** Rows removed in one transaction: short locks, and the inbox of others stays usable. */
export const BATCH = 5_000

/** Called before each batch; what it throws ends the run there, and the next one goes on. */
export type Beat = (where: string) => Promise<void>

/**
 * Removes the rows batch by batch; what is gone is gone, so a run that was cut off needs no note of where. Rows that an
 * order keeps are left, each batch asking anew: an order that comes meanwhile reaches what is still there.
 */
export async function eraseRows(on: Resources, doomed: Doomed, beat: Beat): Promise<number> {
  let removed = 0
  for (let last = BATCH; last === BATCH; removed += last) {
    await beat(doomed.table)
    last = await through(on.db, doomed.org, (tx) => removeBatch(tx, doomed))
  }
  return removed
}

async function removeBatch(tx: Tx, { table, where }: Doomed): Promise<number> {
  const { rowCount } = await tx.raw<{ rowCount: number }>(
    `delete from app."${table}" where ctid = any(array(select ctid from app."${table}" where ${where.sql} ${butKept(table)} limit ${BATCH}))`,
    where.values,
  )
  return rowCount
}

type Colleague = { org: string; user: string; labels: Set<string> }

/**
 * A colleague's id in rows that stay with the organization: what was written stays, by whom is told by a random label or
 * not at all. `labels` are those of the same person elsewhere.
 */
export async function forgetColleague(
  on: Resources,
  { org, user, labels }: Colleague,
  beat: Beat,
): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  const former = await on.db.withTenant(org, (tx) =>
    formerMember(tx, { org, user, at: on.now() }, labels),
  )
  for (const { table, column, erase } of colleagueColumns()) {
    await beat(table)
    const stays = erase === 'pseudonymise' ? (former ?? null) : null
    const { rowCount } = await on.db.withTenant(org, (tx) =>
      tx.raw<{ rowCount: number }>(
        `update app."${table}" set "${column}" = ? where org_id = ? and "${column}" = ?`,
        [stays, org, user],
      ),
    )
    if (rowCount > 0) counts[`${table}.${column}`] = rowCount
  }
  return counts
}

/** A table of no organization lies behind no tenant's door; its foreign key takes the id when the account goes. */
const colleagueColumns = (): { table: string; column: string; erase: Entry['erase'] }[] =>
  manifest.tables.flatMap(({ table, columns }) =>
    Object.entries(columns).flatMap(([column, { subject, erase }]) =>
      'org_id' in columns &&
      subject === 'account_user' &&
      (erase === 'null' || erase === 'pseudonymise')
        ? [{ table, column, erase }]
        : [],
    ),
  )

/** The organization's audit log ends in a tombstone: its last hash, and nobody's data. */
export const forgetAudit = (on: Resources, org: string): Promise<unknown> =>
  on.db.withSystem(async (tx) => {
    const [found] = await rows(tx, 'select 1 from organizations where org_id = ?', [org])
    if (found) await rows(tx, 'select audit_forget(?)', [org])
  })
