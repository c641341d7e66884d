import { randomBytes } from 'node:crypto'
import { rows, type Tx } from '../db.ts'
import { newId } from '../ids.ts'

/** SQL: how a row of former_members under this alias is called where a name would stand; null without one. */
export const formerSql = (alias: string): string => `'former member ' || ${alias}.label`

/**
 * What stands in an organization for a colleague whose account was erased: an id and a label, both random, of this
 * organization alone. Undefined where nothing of theirs stays: they never were a member here and never did anything.
 * `taken` are labels of the same person elsewhere: two organizations shall not find out that it is one.
 */
export async function formerMember(
  tx: Tx,
  { org, user, at }: { org: string; user: string; at: Date },
  taken: Set<string>,
): Promise<string | undefined> {
  if (!(await wasHere(tx, org, user))) return undefined
  for (;;) {
    const known = await find(tx, org, user)
    if (known) {
      taken.add(known.label)
      return known.id
    }
    const label = randomBytes(2).toString('hex').toUpperCase()
    if (taken.has(label)) continue
    // A label that somebody else here has is left to them: the next look finds nobody, and another one is drawn.
    await rows(
      tx,
      `insert into former_members (org_id, id, user_id, label, at) values (?, ?, ?, ?, ?) on conflict do nothing`,
      [org, newId(), user, label, at],
    )
  }
}

async function wasHere(tx: Tx, org: string, user: string): Promise<boolean> {
  const found = await rows(
    tx,
    `select from (select org_id, user_id from memberships union all select org_id, author_id from messages
       union all select org_id, actor_id from audit_log where actor_kind = 'user') t
      where t.org_id = ? and t.user_id = ? limit 1`,
    [org, user],
  )
  return found.length > 0
}

async function find(
  tx: Tx,
  org: string,
  user: string,
): Promise<{ id: string; label: string } | undefined> {
  const [found] = await rows<{ id: string; label: string }>(
    tx,
    'select id, label from former_members where org_id = ? and user_id = ?',
    [org, user],
  )
  return found
}
