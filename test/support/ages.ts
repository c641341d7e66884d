import type pg from 'pg'
import { manifest } from '../../src/privacy/manifest.ts'
import type { Sweep } from '../../src/privacy/manifest/vocabulary.ts'
import { newIds, seedRows } from './rows.ts'

const DAY = 86_400_000
/** A connection that may do everything, and the moment a sweep will look from. */
export type Clock = { login: pg.Client; now: Date }

/**
 * Rows that a function of the database removes cannot be dated by a test, and days have no milliseconds: the audit log
 * and the daily counts of use have tests of their own.
 */
export const sweeps = manifest.tables.flatMap(({ table, sweeps: own }) =>
  own.filter(({ by }) => !by && table !== 'usage_daily').map((sweep) => ({ table, sweep })),
)

/** The moment before which the rule removes a row, and the column it looks at. */
function limitOf({ rule, due }: Sweep, now: Date): { column: string; limit: Date } {
  const found = manifest.retention[rule]
  const days = found && 'days' in found && due.includes(':days') ? found.days : 0
  const [, column = ''] = /(\w+)\)? </.exec(due) ?? []
  return { column, limit: new Date(now.getTime() - days * DAY) }
}

/** What has to fit the date of a row, besides the date. */
const EXTRA: Record<string, string> = {
  outbox: `, state = 'done'`,
  support_access: `, granted_at = $1::timestamptz - interval '1 hour'`,
}

/** A row of each table in one organization of its own, each `ms` from the moment its rule looks at. */
export async function seedAt({ login, now }: Clock, ms: number): Promise<void> {
  const ids = newIds()
  const before = new Map<string, string[]>()
  for (const { table } of sweeps) before.set(table, await ctids(login, table))
  await seedRows(login, ids)
  // A deletion refuses to be dated anew, as it should; a test of ages must.
  await login.query(`set session_replication_role = replica`)
  for (const { table, sweep } of sweeps) {
    const { column, limit } = limitOf(sweep, now)
    const value = table === 'throttles' ? limit.getTime() + ms : new Date(limit.getTime() + ms)
    const extra = EXTRA[table] ?? ''
    await login.query(
      `update app.${table} set ${column} = $1 ${extra} where not ctid = any($2::tid[])`,
      [value, before.get(table)],
    )
  }
  await login.query(`reset session_replication_role`)
  // The last entry of the ledger stays, whatever its age: here it is another one.
  await login.query(
    `insert into app.deletion_ledger (n, at, line) values (9e15, $1, '{"certificate":{"n":9e15}}') on conflict do nothing`,
    [new Date(now.getTime() + 1_000 * DAY)],
  )
}

const ctids = async (login: pg.Client, table: string): Promise<string[]> =>
  (await login.query<{ at: string }>(`select ctid::text as at from app.${table}`)).rows.map(
    ({ at }) => at,
  )

/** How far from their limits the rows of a table lie that are still there, in milliseconds. */
export async function offsets(
  { login, now }: Clock,
  table: string,
  sweep: Sweep,
): Promise<number[]> {
  const { column, limit } = limitOf(sweep, now)
  const { rows } = await login.query<{ at: Date | string }>(
    `select ${column} as at from app.${table} where ${column} is not null order by 1`,
  )
  return rows.map(({ at }) => Number(at) - limit.getTime())
}
