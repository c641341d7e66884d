import { rows } from '../../src/db.ts'
import type { Running } from './app.ts'
import type { Org } from './org.ts'

/** Of each table with rows of the organization, how many; proof of deletions and digests of the erased aside. */
export const rowsLeft = (app: Running, org: Org): Promise<Record<string, number>> =>
  app.on.db.withTenant(org.id, async (tx) => {
    const tables = await rows<{ name: string }>(
      tx,
      `select c.relname as name from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'org_id'
        where c.relnamespace = 'app'::regnamespace and c.relkind = 'r' and has_table_privilege(c.oid, 'select')
          and c.relname not in ('deletions', 'suppressions') order by 1`,
    )
    const counts: Record<string, number> = {}
    for (const { name } of tables) {
      const found = await rows(tx, `select 1 from ${name} where org_id = ?`, [org.id])
      if (found.length > 0) counts[name] = found.length
    }
    return counts
  })
