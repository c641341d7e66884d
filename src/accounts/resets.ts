import { auditPerson, byPerson, type Source } from '../audit/audit.ts'
import { rows, type Tx } from '../db.ts'
import { queueMail, ringMail } from '../ops/mail.ts'
import type { Resources } from '../resources.ts'
import { finish, openOrganization } from './accounts.ts'
import { normalEmail } from './fields.ts'
import { resetMail } from './letters.ts'
import { holderOf, issueToken, useToken, type Holder } from './one-time.ts'
import { checkPassword } from './password-rules.ts'
import { hashPassword } from './passwords.ts'
import { usedUp } from './sign-up.ts'
import type { Throttles } from './throttle.ts'

/** Longer than either way takes, so that the time of the answer does not tell who has an account. */
const ANSWER_MS = 150

/** Sends a link to choose a new password when the address has an account; the answer is the same when not. */
export async function askReset(on: Resources, throttles: Throttles, given: string): Promise<void> {
  const floor = new Promise((resolve) => setTimeout(resolve, ANSWER_MS))
  const email = normalEmail(given)
  if (await throttles.mail('reset', email)) await sendLink(on, email)
  await floor
}

/** Whom a link to choose a new password belongs to; undefined when it was used or has run out. */
export function readReset(on: Resources, token: string): Promise<Holder | undefined> {
  return on.db.withSystem((tx) => holderOf(tx, { token, purpose: 'reset', now: on.now() }))
}

/**
 * Sets a new password once per link and ends all sessions of the person. The link came by mail, so the address is
 * proved by it; a sign-up that was waiting for that is completed. A second factor stays.
 *
 * Throws Refusal 422 for a weak password (the link stays good), 410 when the link was used or has run out.
 */
export async function resetPassword(
  on: Resources,
  token: string,
  { password, source }: { password: string; source?: Source },
): Promise<void> {
  const holder = await readReset(on, token)
  if (!holder) throw usedUp()
  checkPassword(password, { email: holder.email, organization: holder.signup?.organization })
  const hash = await hashPassword(on, password)
  const used = await on.db.withSystem((tx) =>
    replace(on, tx, { token, hash, user: holder.user, ...(source ? { source } : {}) }),
  )
  if (!used) throw usedUp()
  const { org, organization = '' } = holder.signup ?? {}
  if (org) await openOrganization(on, holder.user, { org, organization })
  await finish(on, holder.user, { verified: true })
  on.events.publish({ kind: 'sessions', user: holder.user })
}

async function sendLink(on: Resources, email: string): Promise<void> {
  const mail = await on.db.withSystem(async (tx) => {
    const [found] = await rows<{ id: string }>(
      tx,
      `select id from users where email = ? and disabled_at is null`,
      [email],
    )
    if (!found) return undefined
    const token = await issueToken(tx, { user: found.id, purpose: 'reset', now: on.now() })
    return queueMail(tx, on, resetMail(on, { user: found.id, email, token }))
  })
  if (mail !== undefined) await ringMail(on, mail)
}

async function replace(
  on: Resources,
  tx: Tx,
  { token, hash, ...by }: { token: string; hash: string; user: string; source?: Source },
): Promise<boolean> {
  const used = await useToken(tx, { token, purpose: 'reset', now: on.now() })
  if (!used) return false
  await rows(tx, `update users set password_hash = ?, updated_at = now() where id = ?`, [
    hash,
    by.user,
  ])
  await rows(tx, `delete from user_sessions where user_id = ?`, [by.user])
  await rows(tx, `delete from password_resets where user_id = ? and used_at is null`, [by.user])
  await auditPerson(tx, by.user, { actor: byPerson(by), action: 'password.reset' })
  return true
}
