import { audit, auditPerson, byPerson, type Source } from '../audit/audit.ts'
import { rows } from '../db.ts'
import { Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { checkName } from './fields.ts'
import { checkPassword } from './password-rules.ts'
import { hashPassword, verifyPassword } from './passwords.ts'
import { endSessions } from './sessions.ts'

/** Throws Refusal 422 for an empty or long name. */
export async function renamePerson(on: Resources, user: string, text: string): Promise<void> {
  const name = checkName('name', text)
  await on.db.withSystem((tx) =>
    rows(tx, `update users set name = ?, updated_at = now() where id = ?`, [name, user]),
  )
}

/** Throws Refusal 422 for an empty or long name. */
export async function renameOrganization(
  on: Resources,
  who: { user: string; org: string; source?: Source },
  text: string,
): Promise<void> {
  const { org } = who
  const name = checkName('organization', text)
  await on.db.withTenant(org, async (tx) => {
    await rows(tx, `update organizations set name = ?, updated_at = now() where org_id = ?`, [
      name,
      org,
    ])
    const target = { kind: 'organization', id: org }
    await audit(tx, org, { actor: byPerson(who), action: 'organization.renamed', target })
  })
}

/** The organization to open at the next sign-in. */
export async function rememberOrganization(
  on: Resources,
  user: string,
  org: string,
): Promise<void> {
  await on.db.withSystem((tx) =>
    rows(tx, `update users set preferences = preferences || ?::jsonb where id = ?`, [
      JSON.stringify({ org }),
      user,
    ]),
  )
}

type PasswordChange = { current: string; password: string }

/**
 * Sets another password and ends the person's other sessions. Throws Refusal 422 when the present one is not right
 * or the new one is weak.
 */
export async function changePassword(
  on: Resources,
  who: { user: string; email: string; orgName: string; session: string; source?: Source },
  { current, password }: PasswordChange,
): Promise<void> {
  const [found] = await on.db.withSystem((tx) =>
    rows<{ password_hash: string | null }>(tx, `select password_hash from users where id = ?`, [
      who.user,
    ]),
  )
  if (!(await verifyPassword(on, current, found?.password_hash))) {
    const detail = 'This is not your present password.'
    throw new Refusal(422, 'wrong_password', detail, { current: detail })
  }
  checkPassword(password, { email: who.email, organization: who.orgName })
  const hash = await hashPassword(on, password)
  await on.db.withSystem(async (tx) => {
    await rows(tx, `update users set password_hash = ?, updated_at = now() where id = ?`, [
      hash,
      who.user,
    ])
    await rows(tx, `delete from password_resets where user_id = ? and used_at is null`, [who.user])
    await auditPerson(tx, who.user, { actor: byPerson(who), action: 'password.changed' })
  })
  await endSessions(on, who.user, { except: who.session })
}
