import { audit, SYSTEM, type AuditActor } from '../audit/audit.ts'
import { rows } from '../db.ts'
import type { Resources } from '../resources.ts'
import { announce } from './connections.ts'

/** What a person on Facebook granted an app: app-scoped user id, and the organizations meant; none means all of the app. */
export type Grant = { app: string; user: string; orgs: string[] }
type At = { org: string; id: string }
type Why = { by?: AuditActor; reason?: 'deauthorized' | 'disconnected' }

/** The connections whose token is this person's grant. */
export async function listGranted(on: Resources, { app, user, orgs }: Grant): Promise<At[]> {
  const found = await on.db.withSystem((tx) =>
    rows<{ org_id: string; id: string }>(
      tx,
      'select org_id, id from app_connections(?) where granted_by = ?',
      [app, user],
    ),
  )
  return found.flatMap(({ org_id: org, id }) =>
    orgs.length === 0 || orgs.includes(org) ? [{ org, id }] : [],
  )
}

/** Whether a connection that is not among `going` hangs on the same person's grant: it would lose its token too. */
export async function isGrantShared(
  on: Resources,
  { app, user, going }: { app: string; user: string; going: ReadonlySet<string> },
): Promise<boolean> {
  const known = await listGranted(on, { app, user, orgs: [] })
  return known.some(({ id }) => !going.has(id))
}

/**
 * The token is gone at Meta, or not wanted any more: it is destroyed, and whose it was is forgotten. Nothing is sent before somebody
 * enters another one; what waits stays, and webhooks are taken. Doing it again changes nothing.
 */
export async function disconnect(
  on: Resources,
  { org, id }: At,
  { by = SYSTEM, reason = 'deauthorized' }: Why = {},
): Promise<void> {
  await on.db.withTenant(org, async (tx) => {
    const changed = await rows(
      tx,
      `update connections set access_token = null, granted_by = null, settings = settings - 'check', updated_at = now(),
              state_reason = case when state in ('active', 'pending', 'suspended') then ? else state_reason end,
              state = case when state in ('active', 'pending') then 'suspended' else state end
        where org_id = ? and id = ? and (access_token is not null or granted_by is not null) returning id`,
      [reason, org, id],
    )
    const target = { kind: 'connection', id }
    if (changed.length > 0)
      await audit(tx, org, { actor: by, action: 'connection.disconnected', target })
  })
  await announce(on)
}
