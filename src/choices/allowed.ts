import { rows, type Tx } from '../db.ts'

/** SQL for "nobody objected to usage data": neither the member `m` nor their organization `o`. */
export const USAGE_ALLOWED = 'm.usage_objected_at is null and not o.no_usage'

/** Whether something may be made out of what somebody does; of the two answers the stricter wins. Held until the commit. */
export async function mayPersonalise(tx: Tx, org: string, user: string): Promise<boolean> {
  const allowed = await rows(
    tx,
    `select from memberships m join organizations o using (org_id)
      where m.org_id = ? and m.user_id = ? and m.personalisation_objected_at is null and not o.no_personalisation
        for share of m, o`,
    [org, user],
  )
  return allowed.length > 0
}
