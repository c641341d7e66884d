import { rows, type Tx } from '../db.ts'
import { readCatalogue, type LiveColumn } from '../privacy/catalogue.ts'
import { manifest } from '../privacy/manifest.ts'
import type { Resources } from '../resources.ts'

/** Values looked at in one column of content, the newest by their key; secrets are looked at all. */
const SAMPLE = 200

export type Unsealed = { columns: number; found: number }

/** Values in columns that are declared as sealed and hold no envelope, behind one door of the database. */
export async function countUnsealed(
  on: Pick<Resources, 'db'>,
  org: string | undefined,
): Promise<Unsealed> {
  const run = (tx: Tx): Promise<Unsealed> => countBehind(tx, org)
  return org === undefined ? on.db.withSystem(run) : on.db.withTenant(org, run)
}

async function countBehind(tx: Tx, org: string | undefined): Promise<Unsealed> {
  const catalogue = await readCatalogue(tx)
  const total: Unsealed = { columns: 0, found: 0 }
  for (const { table, columns } of manifest.tables) {
    const live = catalogue.columns(table)
    if (org !== undefined && !live.some(({ column }) => column === 'org_id')) continue
    const sealed = Object.entries(columns).filter(([, entry]) => entry.sealed.startsWith('gcm'))
    for (const [column, { category }] of sealed) {
      if (!live.some((one) => one.column === column && one.readable)) continue
      const limit = category === 'content' ? `${newestFirst(live)} limit ${SAMPLE}` : ''
      total.columns += 1
      total.found += await countBare(tx, { table, column, limit, org })
    }
  }
  return total
}

async function countBare(
  tx: Tx,
  at: { table: string; column: string; limit: string; org: string | undefined },
): Promise<number> {
  const own = at.org === undefined ? '' : 'and org_id = :org'
  const [counted] = await rows<{ n: number }>(
    tx,
    `select count(*)::int as n from (select "${at.column}" as v from app."${at.table}"
        where "${at.column}" is not null ${own} ${at.limit}) s where v not like 'v1.%.%'`,
    at.org === undefined ? {} : { org: at.org },
  )
  return counted?.n ?? 0
}

function newestFirst(live: LiveColumn[]): string {
  const keys = live
    .filter(({ key }) => key !== null)
    .toSorted((a, b) => Number(a.key) - Number(b.key))
  return keys.length > 0
    ? `order by ${keys.map(({ column }) => `"${column}" desc`).join(', ')}`
    : ''
}
