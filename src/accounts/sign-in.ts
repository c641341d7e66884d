import { noteExcess } from '../abuse/measures.ts'
import { watchNetwork } from '../abuse/new-network.ts'
import { auditEach, auditPerson, byPerson, SYSTEM, type Source } from '../audit/audit.ts'
import { rows } from '../db.ts'
import { noteUse } from '../deletions/dormant.ts'
import { digest } from '../ids.ts'
import { Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { normalEmail } from './fields.ts'
import { hashPassword, isOutdated, verifyPassword } from './passwords.ts'
import { hasFactor } from './second-factor.ts'
import type { Throttled } from './throttle.ts'

type Found = {
  id: string
  password_hash: string | null
  disabled: boolean
  beginning: boolean
  last_org: string | null
}

const WRONG =
  'E-mail and password do not fit together. If you have just signed up, open the link in your mail first.'

/** Who proved to know a password, and whether a code is still to come before they are signed in. */
export type Proven = { user: string; org: string; needsCode: boolean }

/**
 * The person and the organization to sign in to: the one they were in last, else the oldest.
 *
 * Throws Refusal 422 with one and the same sentence for an unknown address, a wrong password, an account that is
 * disabled or not confirmed; it takes a password hash's time in each case.
 */
export async function signIn(
  on: Resources,
  given: { email: string; password: string; source?: Source },
): Promise<Proven> {
  const found = await findUser(on, normalEmail(given.email))
  const fits = await verifyPassword(on, given.password, found?.password_hash)
  if (!found || !fits || found.disabled || found.beginning) {
    if (found) await noteSignIn(on, { ...given, user: found.id }, 'sign_in.failed')
    throw new Refusal(422, 'wrong_pair', WRONG, { password: WRONG })
  }
  if (isOutdated(on, found.password_hash ?? '')) await renew(on, found.id, given.password)
  return enter(on, found, given.source)
}

async function enter(on: Resources, found: Found, source: Source | undefined): Promise<Proven> {
  const orgs = await organizationsOf(on, found.id)
  const org = orgs.find(({ id }) => id === found.last_org) ?? orgs[0]
  if (org) {
    const proven = { user: found.id, org: org.id }
    const needsCode = await hasFactor(on, found.id)
    if (!needsCode) await noteEntered(on, { ...proven, ...(source ? { source } : {}) })
    return { ...proven, needsCode }
  }
  throw new Refusal(
    422,
    'no_organization',
    'You are not a member of any organization now. Ask an owner or an admin for an invitation.',
  )
}

/** Note that somebody is signed in, with everything that was asked of them. */
export async function noteEntered(
  on: Resources,
  who: { user: string; org: string; source?: Source },
): Promise<void> {
  await watchNetwork(on, who)
  const entry = { actor: byPerson(who), action: 'sign_in.ok' as const }
  await on.db.withSystem((tx) => auditEach(tx, [who.org], () => entry))
  await noteUse(on, who)
}

/** Note that tries for an address were too many: nothing when it is nobody's. */
export async function noteBlocked(
  on: Resources,
  { email, source, throttled }: { email: string; source: Source; throttled: Throttled },
): Promise<void> {
  const found = await findUser(on, normalEmail(email))
  if (!found) return
  await noteSignIn(on, { source, user: found.id }, 'sign_in.blocked')
  const [home] = await organizationsOf(on, found.id)
  const { tries, minutes, isNetwork } = throttled.limit
  const what = isNetwork ? 'from the network of somebody who tried your account' : 'to your account'
  if (home)
    await on.db.withSystem((tx) =>
      noteExcess(on, tx, {
        org: home.id,
        user: found.id,
        rule: isNetwork ? 'network_tries' : 'sign_in_tries',
        because: `${tries + 1} tries to sign in ${what} within ${minutes} minutes did not succeed; limit ${tries}.`,
        counts: { tries: tries + 1, limit: tries, minutes },
        until: new Date(on.now().getTime() + throttled.retryAfter * 1_000),
      }),
    )
}

/** Nobody has proved to be this person: the entry is about them, by nobody. */
export async function noteSignIn(
  on: Resources,
  { user, source }: { user: string; source?: Source },
  action: 'sign_in.failed' | 'sign_in.blocked' | 'factor.failed',
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

/** Tells one password of a person from the next and says nothing of it; the same for all who may not sign in. */
export async function passwordMark(on: Resources, user: string): Promise<string> {
  const [found] = await on.db.withSystem((tx) =>
    rows<{ password_hash: string | null }>(
      tx,
      `select password_hash from users where id = ? and disabled_at is null`,
      [user],
    ),
  )
  return digest(found?.password_hash ?? '').toString('base64url')
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
