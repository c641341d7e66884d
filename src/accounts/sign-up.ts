import { rows, type Tx } from '../db.ts'
import { newId } from '../ids.ts'
import { queueMail, ringMail } from '../ops/mail.ts'
import { recordShown } from '../privacy/policy-shown.ts'
import { Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { finish, keepBeginning, openOrganization } from './accounts.ts'
import { checkEmail, checkName } from './fields.ts'
import { confirmMail, takenMail } from './letters.ts'
import { holderOf, issueToken, useToken, type Holder } from './one-time.ts'
import { checkPassword } from './password-rules.ts'
import { hashPassword, verifyPassword } from './passwords.ts'
import type { Throttles } from './throttle.ts'

export type SignUp = { organization: string; name: string; email: string; password: string }
export type SignedUp = { user: string; org: string }

/** Two first sign-ups at once: the second waits and finds that it is not the first. */
const FIRST_LOCK = 7_305_111

/**
 * Takes a sign-up. The answer is the same for a new address and for one that has an account ("check your mail"), so
 * that nobody can probe who is here: a new one gets a link that confirms the address, a taken one a note saying so.
 * Nothing but the person's row exists until the link is used.
 *
 * One exception, so that a fresh installation without SMTP does not lock its newcomer out: mail is kept under
 * /ops/mail then, which only its first person may read. The very first sign-up there goes straight in; there is
 * nobody yet whom the answer could give away. Later ones get their link from that first person.
 *
 * Throws Refusal 422 for bad fields or a weak password.
 */
export async function signUp(
  on: Resources,
  throttles: Throttles,
  form: SignUp,
): Promise<SignedUp | 'check_mail'> {
  const organization = checkName('organization', form.organization)
  const name = checkName('name', form.name)
  const email = checkEmail(form.email)
  checkPassword(form.password, { email, organization })
  const passwordHash = await hashPassword(on, form.password)
  const mayMail = await throttles.mail('sign_up', email)
  const signup = { org: newId(), organization }
  const kept = await on.db.withSystem(async (tx) => {
    const first = await isFirst(on, tx)
    const user = await keepBeginning(tx, { email, name, passwordHash, signup })
    if (user !== undefined) await recordShown(tx, { user, road: 'sign_up', at: on.now() })
    if (first && user !== undefined) return { user }
    return mayMail ? { mail: await writeTo(on, tx, { user, email }) } : {}
  })
  if (kept.mail !== undefined) await ringMail(on, kept.mail)
  if (kept.user === undefined) return 'check_mail'
  await openOrganization(on, kept.user, signup)
  await finish(on, kept.user, { verified: false })
  return { user: kept.user, org: signup.org }
}

/** Whose sign-up a link confirms; undefined when it was used, has run out, or never was. */
export function readSignUp(on: Resources, token: string): Promise<Holder | undefined> {
  return on.db.withSystem((tx) => holderOf(tx, { token, purpose: 'verify_email', now: on.now() }))
}

/**
 * Confirms the address and makes the organization. Asks for the password chosen at sign-up: otherwise somebody who
 * signed up with another person's address would be let in by that person's click.
 *
 * Throws Refusal 422 `wrong_password`, 410 when the link was used or has run out.
 */
export async function confirmSignUp(
  on: Resources,
  token: string,
  password: string,
): Promise<SignedUp> {
  const holder = await readSignUp(on, token)
  if (!holder?.signup?.org) throw usedUp()
  if (!(await verifyPassword(on, password, holder.passwordHash))) {
    const detail = 'This is not the password you chose when you signed up.'
    throw new Refusal(422, 'wrong_password', detail, { password: detail })
  }
  const { org, organization = '' } = holder.signup
  await openOrganization(on, holder.user, { org, organization })
  await finish(on, holder.user, { verified: true })
  const now = on.now()
  await on.db.withSystem((tx) => useToken(tx, { token, purpose: 'verify_email', now }))
  return { user: holder.user, org }
}

/** One sentence for a link that was used, has run out or was never given. */
export const usedUp = (): Refusal =>
  new Refusal(410, 'link_used_up', 'This link was used already or has run out.')

async function isFirst(on: Resources, tx: Tx): Promise<boolean> {
  if (on.config.SMTP_URL !== undefined) return false
  await rows(tx, `select pg_advisory_xact_lock(?)`, [FIRST_LOCK])
  const [found] = await rows<{ first: boolean }>(
    tx,
    `select not exists (select from users where preferences ->> 'signup' is null) as first`,
  )
  return found?.first ?? false
}

async function writeTo(
  on: Resources,
  tx: Tx,
  { user, email }: { user: string | undefined; email: string },
): Promise<string> {
  if (user === undefined) return queueMail(tx, on, takenMail(on, email))
  const token = await issueToken(tx, { user, purpose: 'verify_email', now: on.now() })
  return queueMail(tx, on, confirmMail(on, { user, email, token }))
}
