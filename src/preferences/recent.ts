import { rows, type Tx } from '../db.ts'
import { mayPersonalise } from '../choices/allowed.ts'

/** So many names come first; older ones are forgotten. */
const KEPT = 5

/** Remember whom somebody gave a conversation to, unless they or their organization want nothing of the kind. */
export async function noteAssignee(
  tx: Tx,
  org: string,
  { user, assignee, now }: { user: string; assignee: string; now: Date },
): Promise<void> {
  if (!(await mayPersonalise(tx, org, user))) return
  await rows(
    tx,
    `insert into recent_assignees (org_id, user_id, assignee_id, at)
     select ?, ?, m.user_id, ? from memberships m where m.org_id = ? and m.user_id = ?
     on conflict (org_id, user_id, assignee_id) do update set at = excluded.at`,
    [org, user, now, org, assignee],
  )
  await rows(
    tx,
    `delete from recent_assignees where org_id = :org and user_id = :user and assignee_id not in (
       select assignee_id from recent_assignees where org_id = :org and user_id = :user order by at desc, assignee_id limit ${KEPT})`,
    { org, user },
  )
}

export type Recent = { id: string; name: string; at: Date }

/** The latest first. */
export const listRecent = (tx: Tx, org: string, user: string): Promise<Recent[]> =>
  rows<Recent>(
    tx,
    `select r.assignee_id as id, u.name, r.at from recent_assignees r join users u on u.id = r.assignee_id
      where r.org_id = ? and r.user_id = ? order by r.at desc, r.assignee_id`,
    [org, user],
  )

/** Of one person, or of everybody in the organization. */
export async function forgetRecent(tx: Tx, org: string, user?: string): Promise<void> {
  await rows(
    tx,
    `delete from recent_assignees where org_id = ? ${user === undefined ? '' : 'and user_id = ?'}`,
    user === undefined ? [org] : [org, user],
  )
}
