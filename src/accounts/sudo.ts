import { audit, byPerson, type Source } from '../audit/audit.ts'
import { rows } from '../db.ts'
import type { Resources } from '../resources.ts'
import { verifyPassword } from './passwords.ts'

/** Whether this is the person's password; either way it is told to the organization they work in. */
export async function confirmPassword(
  on: Resources,
  who: { user: string; org: string; source: Source },
  password: string,
): Promise<boolean> {
  const [found] = await on.db.withSystem((tx) =>
    rows<{ password_hash: string | null }>(tx, `select password_hash from users where id = ?`, [
      who.user,
    ]),
  )
  const fits = await verifyPassword(on, password, found?.password_hash)
  const action = fits ? 'sudo.confirmed' : 'sudo.failed'
  await on.db.withTenant(who.org, (tx) => audit(tx, who.org, { actor: byPerson(who), action }))
  return fits
}
