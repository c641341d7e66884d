import { audit, byPerson, type Source } from '../audit/audit.ts'
import { rows } from '../db.ts'
import type { Resources } from '../resources.ts'
import { verifyPassword } from './passwords.ts'
import { hasFactor, takeCode } from './second-factor.ts'

export type Confirmed = 'yes' | 'wrong_password' | 'wrong_code'

/**
 * Whether this is the person's password and, where they have a second factor, a code of it. Either way it is told to
 * the organization they work in. A code is used up only once the password was right.
 */
export async function confirmSelf(
  on: Resources,
  who: { user: string; org: string; source: Source },
  given: { password: string; code: string },
): Promise<Confirmed> {
  const [found] = await on.db.withSystem((tx) =>
    rows<{ password_hash: string | null }>(tx, `select password_hash from users where id = ?`, [
      who.user,
    ]),
  )
  const confirmed = (await verifyPassword(on, given.password, found?.password_hash))
    ? await confirmCode(on, who, given.code)
    : 'wrong_password'
  const action = confirmed === 'yes' ? 'sudo.confirmed' : 'sudo.failed'
  await on.db.withTenant(who.org, (tx) => audit(tx, who.org, { actor: byPerson(who), action }))
  return confirmed
}

async function confirmCode(
  on: Resources,
  who: { user: string; source: Source },
  code: string,
): Promise<Confirmed> {
  if (!(await hasFactor(on, who.user))) return 'yes'
  return (await takeCode(on, who, code)) ? 'yes' : 'wrong_code'
}
