import { auditEach, type AuditActor } from '../audit/audit.ts'
import { rows, type Tx } from '../db.ts'
import { digest } from '../ids.ts'
import { chosenIn, type Preferences } from '../preferences/keys.ts'
import type { Resources } from '../resources.ts'
import type { Role } from './roles.ts'

const HOUR_MS = 3_600_000
/** A sign-in ends after a day without a request, and after 14 days in any case. */
export const IDLE_MS = 24 * HOUR_MS
export const ABSOLUTE_MS = 14 * 24 * HOUR_MS
/** How long a password counts as entered lately. */
export const SUDO_MS = 900_000
/** Writing at each request would be a row version per click. */
const TOUCH_MS = 300_000
const AT_MOST = 10

/** What is stored, and all that anybody but the browser ever sees of a session's id. */
export const hashedId = (sid: string): string => digest(sid).toString('base64url')

export type SignedIn = {
  user: string
  email: string
  name: string
  role: Role
  org: string
  orgName: string
  session: string
  isOps: boolean
  /** When the password was last entered in this session, in milliseconds; 0 when it was not. */
  authAt: number
  isSudo: boolean
  /** The organization asks for a second factor, and this person has none yet. */
  mustEnroll: boolean
  preferences: Preferences
}
type Row = Omit<SignedIn, 'session' | 'isOps' | 'isSudo'> & {
  verified: boolean
  first: boolean
  created_at: Date
  expire: Date
}

/**
 * The person and membership behind a session (its hashed id), read fresh: a removed member or a changed role
 * shows at the next request. Undefined when the session, the account or the membership is gone, or time is up.
 * `isUse` is a request of the person: it moves the end on. A stream that is checked again is none, otherwise a
 * forgotten tab would never time out.
 */
export async function readSession(
  on: Resources,
  session: string,
  { isUse = false }: { isUse?: boolean } = {},
): Promise<SignedIn | undefined> {
  const now = on.now().getTime()
  return on.db.withSystem(async (tx) => {
    const [row] = await rows<Row>(tx, SIGNED_IN, [session])
    if (!row || row.expire.getTime() <= now || row.created_at.getTime() + ABSOLUTE_MS <= now)
      return undefined
    const isDue = row.expire.getTime() < now + IDLE_MS - TOUCH_MS
    if (isUse && isDue) await touch(tx, session, now)
    const { verified, first, created_at: _created, expire: _expire, ...person } = row
    const isSudo = now - row.authAt < SUDO_MS
    const preferences = chosenIn(person.preferences)
    return {
      ...person,
      preferences,
      session,
      isSudo,
      isOps: isOperator(on, row.email, { verified, first }),
    }
  })
}

const SIGNED_IN = `
  select u.id as "user", u.email, u.name, u.email_verified_at is not null as verified, m.role, m.org_id as org,
         o.name as "orgName", o.require_2fa and not exists (
           select from second_factors t where t.user_id = u.id and t.confirmed_at is not null) as "mustEnroll", s.created_at, s.expire, coalesce((s.sess ->> 'authAt')::bigint, 0) as "authAt",
         coalesce((select jsonb_object_agg(p.key, p.value) from user_preferences p
           where p.user_id = u.id and (p.org_id is null or p.org_id = m.org_id)), '{}') as preferences,
         u.id = (select f.id from users f where f.preferences ->> 'signup' is null order by f.id limit 1) as first
    from user_sessions s
    join users u on u.id = s.user_id and u.disabled_at is null
    join user_orgs(u.id) m on m.org_id = (s.sess ->> 'org')::uuid
    join organizations o on o.org_id = m.org_id
   where s.sid = ?`

async function touch(tx: Tx, session: string, now: number): Promise<void> {
  await rows(tx, `update user_sessions set expire = ? where sid = ?`, [
    new Date(now + IDLE_MS),
    session,
  ])
}

/**
 * Operators are named by OPS_EMAILS and have proved the address: whoever hands out invitations could make an account
 * with any. With nobody named, the embedded installation belongs to its first person.
 */
function isOperator(
  on: Resources,
  email: string,
  { verified, first }: { verified: boolean; first: boolean },
): boolean {
  const { opsEmails, firstUserIsOps } = on.config
  return opsEmails.length > 0 ? verified && opsEmails.includes(email) : firstUserIsOps && first
}

/** Starts the clocks of a session just stored, and ends the person's oldest ones beyond ten. */
export async function beginSession(on: Resources, session: string, user: string): Promise<void> {
  const now = on.now()
  const ended = await on.db.withSystem(async (tx) => {
    await rows(tx, `update user_sessions set created_at = ?, expire = ? where sid = ?`, [
      now,
      new Date(now.getTime() + IDLE_MS),
      session,
    ])
    return rows(
      tx,
      `delete from user_sessions where sid in (
         select sid from user_sessions where user_id = ? and sid <> ? order by created_at desc, sid offset ?)
       returning sid`,
      [user, session, AT_MOST - 1],
    )
  })
  if (ended.length > 0) on.events.publish({ kind: 'sessions', user })
}

export type Device = { session: string; device: string; since: Date; seen: Date }

/** Where a person is signed in, the latest first. `seen` is right to five minutes. */
export async function listSessions(on: Resources, user: string): Promise<Device[]> {
  return on.db.withSystem((tx) =>
    rows<Device>(
      tx,
      `select sid as session, coalesce(sess ->> 'device', '') as device, created_at as since,
              expire - ? * interval '1 millisecond' as seen
         from user_sessions where user_id = ? and expire > ? order by expire desc, sid`,
      [IDLE_MS, user, on.now()],
    ),
  )
}

/** Ends one session of a person; nothing happens when it is not theirs. With `by` it is a revocation, and told. */
export async function endSession(
  on: Resources,
  user: string,
  session: string,
  by?: AuditActor,
): Promise<void> {
  await on.db.withSystem(async (tx) => {
    const ended = await rows<Ended>(
      tx,
      `delete from user_sessions where user_id = ? and sid = ? returning sess ->> 'org' as org`,
      [user, session],
    )
    await tell(tx, { user, by, ended })
  })
  on.events.publish({ kind: 'sessions', user })
}

/** Ends a person's sessions, all or those in one organization, but for the one that is named; `by` as above. */
export async function endSessions(
  on: Resources,
  user: string,
  { except = '', org, by }: { except?: string; org?: string; by?: AuditActor } = {},
): Promise<void> {
  await on.db.withSystem(async (tx) => {
    const ended = await rows<Ended>(
      tx,
      `delete from user_sessions where user_id = ? and sid <> ? and (?::text is null or sess ->> 'org' = ?)
       returning sess ->> 'org' as org`,
      [user, except, org ?? null, org ?? null],
    )
    await tell(tx, { user, by, ended })
  })
  on.events.publish({ kind: 'sessions', user })
}

type Ended = { org: string }

async function tell(
  tx: Tx,
  { user, by, ended }: { user: string; by: AuditActor | undefined; ended: Ended[] },
): Promise<void> {
  if (!by) return
  const orgs = [...new Set(ended.map(({ org }) => org))]
  await auditEach(tx, orgs, (org) => ({
    actor: by,
    action: 'session.revoked',
    target: { kind: 'user', id: user },
    detail: { sessions: ended.filter((one) => one.org === org).length },
  }))
}
