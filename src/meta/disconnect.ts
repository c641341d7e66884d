import type { AuditActor } from '../audit/audit.ts'
import { accessTokenOf, getConnection } from '../connections/connections.ts'
import { disconnect } from '../connections/grants.ts'
import { rows } from '../db.ts'
import { unsubscribe } from '../deletions/release.ts'
import { notFound, Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'

type At = { org: string; id: string; by: AuditActor }

/**
 * Ends Meta's webhooks for the connection's business account and then destroys the token; numbers stay registered at
 * Meta. While another connection uses the same account, its webhooks go on.
 *
 * Throws Refusal 404; 409 `disconnected` when there is no token; 409 `meta_away` when Meta did not confirm, and then
 * nothing has changed. Source: promise P41.
 */
export async function endConnection(on: Resources, { org, id, by }: At): Promise<void> {
  const { waba, token, isShared } = await on.db.withTenant(org, async (tx) => {
    const connection = await getConnection(tx, org, id)
    if (!connection) throw notFound('connection')
    const [found] = await rows<{ isGone: boolean; isShared: boolean }>(
      tx,
      `select c.access_token is null as "isGone", exists (select from connections o where o.org_id = c.org_id
          and o.waba_id = c.waba_id and o.id <> c.id and o.access_token is not null) as "isShared"
         from connections c where c.org_id = ? and c.id = ?`,
      [org, id],
    )
    if (found?.isGone)
      throw new Refusal(409, 'disconnected', 'This connection has no token any more.')
    const opened = await accessTokenOf(on, tx, org, id)
    return { waba: connection.waba_id, token: opened, isShared: found?.isShared ?? false }
  })
  if (!isShared && (await unsubscribe(on, { org, waba, token })) === 'unconfirmed')
    throw new Refusal(
      409,
      'meta_away',
      'Meta did not confirm that it sends nothing any more, so nothing was changed. Try again in a few minutes.',
    )
  await disconnect(on, { org, id }, { by, reason: 'disconnected' })
}
