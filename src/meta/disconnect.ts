import type { AuditActor } from '../audit/audit.ts'
import { accessTokenOf, getConnection } from '../connections/connections.ts'
import { disconnect } from '../connections/grants.ts'
import { rows } from '../db.ts'
import { notFound, Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { endGrant, endSubscription, isPassing, type Account } from './release.ts'

type At = { org: string; id: string; by: AuditActor }
type Facts = { isGone: boolean; isShared: boolean; app: string | null; user: string | null }

/**
 * Ends Meta's webhooks for the connection's business account, takes back the grant behind it and then destroys the token; numbers
 * stay registered at Meta. While another connection uses the same account or grant, that one goes on.
 *
 * Throws Refusal 404; 409 `disconnected` when there is no token; 409 `meta_away` when Meta did not confirm, and then
 * nothing has changed here. Source: promise P41.
 */
export async function endConnection(on: Resources, { org, id, by }: At): Promise<void> {
  const { account, user, isShared } = await read(on, org, id)
  const ended = isShared ? 'done' : await endSubscription(on, account)
  if (ended.startsWith('unconfirmed')) throw away()
  const going = new Set([id])
  if (user !== null && isPassing(await endGrant(on, { account, user, going }))) throw away()
  await disconnect(on, { org, id }, { by, reason: 'disconnected' })
}

const away = (): Refusal =>
  new Refusal(
    409,
    'meta_away',
    'Meta did not confirm that it sends nothing any more, so nothing was changed here. Try again in a few minutes.',
  )

function read(
  on: Resources,
  org: string,
  id: string,
): Promise<{ account: Account; user: string | null; isShared: boolean }> {
  return on.db.withTenant(org, async (tx) => {
    const connection = await getConnection(tx, org, id)
    if (!connection) throw notFound('connection')
    const [found] = await rows<Facts>(
      tx,
      `select c.app_id as app, c.granted_by as "user", c.access_token is null as "isGone", exists (select from connections o
          where o.org_id = c.org_id and o.waba_id = c.waba_id and o.id <> c.id and o.access_token is not null) as "isShared"
         from connections c where c.org_id = ? and c.id = ?`,
      [org, id],
    )
    if (!found || found.isGone)
      throw new Refusal(409, 'disconnected', 'This connection has no token any more.')
    const { app, user, isShared } = found
    const token = await accessTokenOf(on, tx, org, id)
    return { account: { org, waba: connection.waba_id, token, app }, user, isShared }
  })
}
