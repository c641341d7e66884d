import { auditEach, auditPerson, byPerson, SYSTEM, type Source } from '../audit/audit.ts'
import { rows } from '../db.ts'
import { Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { normalEmail } from './fields.ts'
import { hashPassword, isOutdated, verifyPassword } from './passwords.ts'

type Found = {
  id: string
  password_hash: string | null
  disabled: boolean
  beginning: boolean
  last_org: string | null
}

const WRONG =
  'E-mail and password do not fit together. If you have just signed up, open the link in your mail first.'

/**
 * The person and the organization to sign in to: the one they were in last, else the oldest.
 *
 * Throws Refusal 422 with one and the same sentence for an unknown address, a wrong password, an account that is
 * disabled or not confirmed; it takes a password hash's time in each case.
 */
export async function signIn(
  on: Resources,
  given: { email: string; password: string; source?: Source },
): Promise<{ user: string; org: string }> {
  const found = await findUser(on, normalEmail(given.email))
  const fits = await verifyPassword(on, given.password, found?.password_hash)
  if (!found || !fits || found.disabled || found.beginning) {
    if (found) await noteSignIn(on, { ...given, user: found.id }, 'sign_in.failed')
    throw new Refusal(422, 'wrong_pair', WRONG, { password: WRONG })
  }
  if (isOutdated(on, found.password_hash ?? '')) await renew(on, found.id, given.password)
  return enter(on, found, given.source)
}

async function enter(
  on: Resources,
  found: Found,
  source: Source | undefined,
): Promise<{ user: string; org: string }> {
  const orgs = await organizationsOf(on, found.id)
  const org = orgs.find(({ id }) => id === found.last_org) ?? orgs[0]
  if (org) {
    const actor = byPerson({ user: found.id, ...(source ? { source } : {}) })
    await on.db.withSystem((tx) => auditEach(tx, [org.id], () => ({ actor, action: 'sign_in.ok' })))
    return { user: found.id, org: org.id }
  }
  throw new Refusal(
    422,
    'no_organization',
    'You are not a member of any organization now. Ask an owner or an admin for an invitation.',
  )
}

/** Note that tries for an address were too many: nothing when it is nobody's. */
export async function noteBlocked(
  on: Resources,
  { email, source }: { email: string; source: Source },
): Promise<void> {
  const found = await findUser(on, normalEmail(email))
  if (found) await noteSignIn(on, { source, user: found.id }, 'sign_in.blocked')
}

/** Nobody has proved to be this person: the entry is about them, by nobody. */
async function noteSignIn(
  on: Resources,
  { user, source }: { user: string; source?: Source },
  action: 'sign_in.failed' | 'sign_in.blocked',
): Promise<void> {
  const entry = { actor: { ...SYSTEM, ...source }, action, target: { kind: 'user', id: user } }
  await on.db.withSystem((tx) => auditPerson(tx, user, entry))
}

/** The organizations of a person, the oldest first. */
export async function organizationsOf(
  on: Resources,
  user: string,
): Promise<{ id: string; name: string }[]> {
  return on.db.withSystem((tx) =>
    rows<{ id: string; name: string }>(
      tx,
      `select o.org_id as id, o.name from user_orgs(?) m join organizations o on o.org_id = m.org_id order by 1`,
      [user],
    ),
  )
}

async function findUser(on: Resources, email: string): Promise<Found | undefined> {
  const [found] = await on.db.withSystem((tx) =>
    rows<Found>(
      tx,
      `select id, password_hash, disabled_at is not null as disabled,
              preferences ->> 'signup' is not null as beginning, preferences ->> 'org' as last_org
         from users where email = ?`,
      [email],
    ),
  )
  return found
}

async function renew(on: Resources, user: string, password: string): Promise<void> {
  const hash = await hashPassword(on, password)
  await on.db.withSystem((tx) =>
    rows(tx, `update users set password_hash = ? where id = ?`, [hash, user]),
  )
}
