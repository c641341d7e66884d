import { rows } from '../../src/db.ts'
import { receive } from '../../src/messages/inbound.ts'
import type { InboundBody } from '../../src/queues.ts'
import type { Resources } from '../../src/resources.ts'
import { seal } from '../../src/vault.ts'
import type { Org, TestConnection } from './org.ts'

/** A body as the webhook handler puts it into the queue. */
export function sealedBody(
  on: Resources,
  connection: TestConnection,
  body: object | string,
  at = on.now().getTime(),
): InboundBody {
  const route = on.directory.find(connection.id)
  if (!route) throw new Error('the connection is not known')
  const place = { purpose: 'webhook', org: connection.id, row: String(at) }
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return { org: route.org, connection: connection.id, at, sealed: seal(route.key, place, text) }
}

/** Bodies of one connection through the worker's part, as one job. */
export const arrive = (on: Resources, org: Org, ...bodies: object[]): Promise<void> =>
  receive(
    on,
    bodies.map((body) => sealedBody(on, org.connection, body)),
  )

export type Stored = Record<string, unknown>

/** Any statement as the organization, with `org_id = :org` bound. */
export const read = <T = Stored>(on: Resources, org: Org, sql: string): Promise<T[]> =>
  on.db.withTenant(org.id, (tx) => rows<T>(tx, sql, { org: org.id }))

/** Everything inbound that does not depend on when and under which ids it was written. */
export async function picture(on: Resources, org: Org): Promise<Stored> {
  const messages = await read(
    on,
    org,
    `select m.wamid, m.kind, m.text, m.payload, m.context_wamid, m.created_at, m.status, k.name, c.connection_id
       from messages m join conversations c on c.org_id = :org and c.id = m.conversation_id
       join contacts k on k.org_id = :org and k.id = c.contact_id where m.org_id = :org order by m.wamid`,
  )
  const conversations = await read(
    on,
    org,
    `select c.connection_id, c.status, c.unread, c.last_message_at, c.last_message_preview, c.last_message_direction,
            c.window_expires_at, m.wamid as last_wamid, k.name, k.profile_name, k.search_name
       from conversations c join contacts k on k.org_id = :org and k.id = c.contact_id
       left join messages m on m.org_id = :org and m.id = c.last_message_id
      where c.org_id = :org order by m.wamid`,
  )
  const identities = await read(
    on,
    org,
    `select i.kind, i.value, k.name from contact_identities i join contacts k on k.org_id = :org and k.id = i.contact_id
      where i.org_id = :org order by i.kind, i.value`,
  )
  const [counts] = await read(
    on,
    org,
    `select (select count(*) from contacts where org_id = :org) as contacts,
            (select count(*) from message_events where org_id = :org) as events`,
  )
  return { messages, conversations, identities, counts }
}
