import type { AuditActor } from '../audit/audit.ts'
import { accessTokenOf, getConnection } from '../connections/connections.ts'
import { disconnect } from '../connections/grants.ts'
import { rows } from '../db.ts'
import { withdrawUploads } from '../media/withdrawal.ts'
import { notFound, Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { endGrant, endSubscription, isPassing, type Account } from './release.ts'

type At = { org: string; id: string; by: AuditActor }
type Facts = { isGone: boolean; isShared: boolean; app: string | null; user: string | null }

/**
 * Deletes the number's uploads at Meta, ends Meta's webhooks for its business account, takes back the grant behind it and then
 * destroys the token; numbers stay registered at Meta. While another connection uses the same account or grant, that one goes on.
 *
 * Throws Refusal 404; 409 `disconnected` when there is no token; 409 `meta_away` when Meta did not confirm, and 409
 * `files_left` when there were too many files for one request; the connection has not changed then. Source: promise P41.
 */
export async function endConnection(on: Resources, { org, id, by }: At): Promise<void> {
  const { account, user, isShared } = await read(on, org, id)
  await endUploads(on, account, id)
  const ended = isShared ? 'done' : await endSubscription(on, account)
  if (ended.startsWith('unconfirmed')) throw away()
  const going = new Set([id])
  if (user !== null && isPassing(await endGrant(on, { account, user, going }))) throw away()
  await disconnect(on, { org, id }, { by, reason: 'disconnected' })
}

/** Batches in one request: some seconds. */
const MOST = 50

/** Those that Meta refuses to delete stay there until they expire; nobody could do more about them later. */
async function endUploads(on: Resources, account: Account, connection: string): Promise<void> {
  const { org, waba } = account
  let after: string | undefined = ''
  for (let batch = 0; after !== undefined; batch += 1) {
    if (batch === MOST) throw filesLeft()
    const { ended, next } = await withdrawUploads(on, { org, waba, connection, account }, after)
    if (ended.some(({ how }) => isPassing(how))) throw away()
    after = next
  }
}

const filesLeft = (): Refusal =>
  new Refusal(
    409,
    'files_left',
    'Meta has deleted the first files of this number, and more are left. Press the button again to go on.',
  )

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
