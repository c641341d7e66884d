import { audit, byPerson, type Source } from '../audit/audit.ts'
import { rows, type Tx } from '../db.ts'
import { newId } from '../ids.ts'
import { notFound } from '../refusal.ts'
import type { Resources } from '../resources.ts'

/** `configuration`: settings and the outline of what happened; `content`: also names, numbers and words. */
export type Scope = 'configuration' | 'content'
/** How long an owner may let somebody look in, in hours. */
export const HOURS = [1, 4, 24, 72] as const

export type Grant = {
  id: string
  scope: Scope
  granted_at: Date
  until: Date
  revoked_at: Date | null
}
export type Active = Pick<Grant, 'scope' | 'until'>
type Owner = { user: string; org: string; source?: Source }

/** Lets whoever operates the product look in. Only an owner is let do this, and it ends when they are one no more. */
export async function grantAccess(
  on: Resources,
  who: Owner,
  { scope, hours }: { scope: Scope; hours: (typeof HOURS)[number] },
): Promise<void> {
  const [id, now] = [newId(), on.now()]
  const until = new Date(now.getTime() + hours * 3_600_000)
  await on.db.withTenant(who.org, async (tx) => {
    await rows(
      tx,
      `insert into support_access (org_id, id, granted_by, scope, granted_at, until) values (?, ?, ?, ?, ?, ?)`,
      [who.org, id, who.user, scope, now, until],
    )
    await audit(tx, who.org, {
      actor: byPerson(who),
      action: 'support.granted',
      target: { kind: 'support_access', id },
      detail: { scope, hours },
    })
  })
}

/** Takes it back, from the next look on. Throws Refusal 404 for what is not there or over. */
export async function revokeAccess(on: Resources, who: Owner, id: string): Promise<void> {
  await on.db.withTenant(who.org, async (tx) => {
    const revoked = await rows(
      tx,
      `update support_access set revoked_at = ? where org_id = ? and id = ? and revoked_at is null and until > ? returning id`,
      [on.now(), who.org, id, on.now()],
    )
    if (revoked.length === 0) throw notFound('grant')
    const target = { kind: 'support_access', id }
    await audit(tx, who.org, { actor: byPerson(who), action: 'support.revoked', target })
  })
}

/** What was allowed in an organization, the latest first. */
export const listGrants = (on: Resources, org: string): Promise<Grant[]> =>
  on.db.withTenant(org, (tx) =>
    rows<Grant>(
      tx,
      `select id, scope, granted_at, until, revoked_at from support_access where org_id = ? order by granted_at desc limit 20`,
      [org],
    ),
  )

/** Whoever granted still owns the organization. Both doors may ask: one reads memberships, the other looks them up. */
const HOLDS = `a.revoked_at is null and a.until > :now and a.granted_at <= :now`
const WIDEST = `order by a.scope = 'content' desc, a.until desc`

/** What holds at this moment, behind the organization's own door; undefined when nothing does. */
export async function activeGrant(tx: Tx, org: string, now: Date): Promise<Active | undefined> {
  const [grant] = await rows<Active>(
    tx,
    `select a.scope, a.until from support_access a
       join memberships m on m.org_id = a.org_id and m.user_id = a.granted_by and m.role = 'owner'
      where a.org_id = :org and ${HOLDS} ${WIDEST} limit 1`,
    { org, now },
  )
  return grant
}

const BY_OWNER = `exists (select from user_orgs(a.granted_by) m where m.org_id = a.org_id and m.role = 'owner')`

/** The same through the system's door: for the banner that everybody in the organization sees. */
export async function grantFor(tx: Tx, org: string, now: Date): Promise<Active | undefined> {
  const [grant] = await rows<Active>(
    tx,
    `select a.scope, a.until from support_access a where a.org_id = :org and ${HOLDS} and ${BY_OWNER} ${WIDEST} limit 1`,
    { org, now },
  )
  return grant
}

export type Granted = Active & { org: string; name: string }

/** The organizations that may be looked into now; for operators. */
export const listGranted = (on: Resources): Promise<Granted[]> =>
  on.db.withSystem((tx) =>
    rows<Granted>(
      tx,
      `select distinct on (o.name, o.org_id) o.org_id as org, o.name, a.scope, a.until
         from support_access a join organizations o on o.org_id = a.org_id
        where ${HOLDS} and ${BY_OWNER}
        order by o.name, o.org_id, a.scope = 'content' desc, a.until desc`,
      { now: on.now() },
    ),
  )
