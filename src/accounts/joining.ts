import type { Source } from '../audit/audit.ts'
import { rows } from '../db.ts'
import { recordShown } from '../privacy/policy-shown.ts'
import { Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { finish, keepBeginning } from './accounts.ts'
import { checkName } from './fields.ts'
import { accept, checkInviter, readInvitation, type Open } from './invitations.ts'
import { checkPassword } from './password-rules.ts'
import { hashPassword, verifyPassword } from './passwords.ts'
import type { SignedUp } from './sign-up.ts'

/**
 * Accepts an invitation with a password: the one of the account the address has, or a new one, which makes the
 * account. The address is not proved by this: whoever invited has seen the link.
 *
 * Throws Refusal 410 for a link that is used up, 403 when the inviter may not invite any more, 422 for bad fields.
 */
export async function joinWithPassword(
  on: Resources,
  code: string,
  form: { name: string; password: string; source?: Source },
): Promise<SignedUp> {
  const open = await readInvitation(on, code)
  checkInviter(open)
  const known = await accountOf(on, open.email)
  if (known && !(await verifyPassword(on, form.password, known.password_hash)))
    throw wrongPassword()
  const user = known?.id ?? (await makeAccount(on, open, form))
  await on.db.withTenant(open.org, (tx) => accept(on, tx, { ...open, ...sourceIn(form), user }))
  await on.db.withSystem((tx) => recordShown(tx, { user, road: 'invitation', at: on.now() }))
  if (!known) await finish(on, user, { verified: false })
  return { user, org: open.org }
}

/** Accepts an invitation as the person who is signed in; throws Refusal 403 when it is for another address. */
export async function joinAs(
  on: Resources,
  code: string,
  who: { user: string; email: string; source?: Source },
): Promise<SignedUp> {
  const open = await readInvitation(on, code)
  if (open.email !== who.email)
    throw new Refusal(
      403,
      'other_address',
      'This invitation is for another address than the one you are signed in with.',
    )
  await on.db.withTenant(open.org, (tx) =>
    accept(on, tx, { ...open, ...sourceIn(who), user: who.user }),
  )
  return { user: who.user, org: open.org }
}

const sourceIn = ({ source }: { source?: Source }): { source?: Source } =>
  source ? { source } : {}

async function accountOf(
  on: Resources,
  email: string,
): Promise<{ id: string; password_hash: string | null } | undefined> {
  const [found] = await on.db.withSystem((tx) =>
    rows<{ id: string; password_hash: string | null }>(
      tx,
      `select id, password_hash from users where email = ? and preferences ->> 'signup' is null`,
      [email],
    ),
  )
  return found
}

async function makeAccount(
  on: Resources,
  { email, orgName }: Open,
  form: { name: string; password: string },
): Promise<string> {
  const name = checkName('name', form.name)
  checkPassword(form.password, { email, organization: orgName })
  const passwordHash = await hashPassword(on, form.password)
  const beginning = { email, name, passwordHash, signup: {} }
  const user = await on.db.withSystem((tx) => keepBeginning(tx, beginning))
  if (user === undefined) throw wrongPassword()
  return user
}

function wrongPassword(): Refusal {
  const detail = 'This address has an account already, and this is not its password.'
  return new Refusal(422, 'wrong_password', detail, { password: detail })
}
