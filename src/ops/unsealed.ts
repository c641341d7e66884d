import { rows } from '../db.ts'
import { through } from '../privacy/export-plan.ts'
import { countStoredFiles } from '../privacy/stored-files.ts'
import { listSwept } from '../privacy/sweep-runs.ts'
import type { Resources } from '../resources.ts'
import { listSealed } from './sealed-columns.ts'

/** Values and files that have to be sealed, and how many of them are not. */
export type SealedCount = { values: number; files: number; unsealed: number }

/** So many organizations are looked at for the evidence page; the sweep of the night looks at all of them. */
const LOOKED_AT = 20

/** What is not sealed although it should be, in the newest organizations, the installation's own columns and the files. */
export async function unsealedCount(on: Resources): Promise<SealedCount> {
  const { files, unsealed } = await countStoredFiles(on)
  const sum: SealedCount = { values: 0, files, unsealed }
  const orgs = (await listSwept(on)).slice(-LOOKED_AT)
  for (const org of [null, ...orgs])
    for (const found of Object.values(await countUnsealed(on, org))) {
      sum.values += found.values
      sum.unsealed += found.unsealed
    }
  return sum
}

/** By column, how many values there are and how many are no envelopes; an emptied one is neither. */
export async function countUnsealed(
  on: Resources,
  org: string | null,
): Promise<Record<string, { values: number; unsealed: number }>> {
  const counts: Record<string, { values: number; unsealed: number }> = {}
  for (const { table, column, door, where } of await listSealed(on, org)) {
    const [found] = await through(on.db, door, (tx) =>
      rows<{ values: number; unsealed: number }>(
        tx,
        `select count(*)::int as values, (count(*) filter (where t."${column}" !~ :form))::int as unsealed
           from app."${table}" t where ${where} and t."${column}" <> ''`,
        { form: ENVELOPE, ...(where.includes(':org') ? { org } : {}) },
      ),
    )
    if (found) counts[`${table}.${column}`] = found
  }
  return counts
}

const ENVELOPE = '^v1\\.[A-Za-z0-9_-]+\\.[A-Za-z0-9_-]{38,}$'

/** For the sweep: says in the log which column of an organization holds something in clear, and throws. */
export async function checkSealed(on: Resources, org: string): Promise<void> {
  const found = Object.entries(await countUnsealed(on, org))
  const open = found.filter(([, { unsealed }]) => unsealed > 0)
  if (open.length === 0) return
  on.log.error({ org, columns: open.map(([name]) => name) }, 'values that are not sealed')
  throw new Error('values are not sealed')
}
