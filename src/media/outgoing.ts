import { accessTokenOf } from '../connections/connections.ts'
import { rows, type Tx } from '../db.ts'
import type { Answer } from '../egress-request.ts'
import { newId } from '../ids.ts'
import { DAY_MS } from '../privacy/limits.ts'
import { notFound } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { restrictedSql } from '../restrictions/gate.ts'
import { sealName } from './arriving.ts'
import { openName } from './files.ts'
import { formOf } from './form.ts'
import type { MediaKind } from './kinds.ts'
import { checkSendable } from './sendable.ts'
import { readFile } from './shelf.ts'

/** Which file a message is to carry, and as what. */
export type Wanted = { org: string; id: string; kind: MediaKind; connection: string }
/** A row of `media` to be, for a message that is about to be stored. */
export type Attached = Record<string, unknown> & { id: string; name: string | null }

type Source = {
  mime: string
  size: number
  name: string | null
  connection_id: string | null
  graph_id: string | null
  uploaded_at: Date | null
}

const COPIED = 'mime, name, size, width, height, sha256, location, key_id'
/** Meta keeps an upload for 30 days. Source: WhatsApp Cloud API, media. */
const LIFE_MS = 29 * DAY_MS

/**
 * The file of a message that is about to be stored: a row of its own that shares the bytes, so that a file may be sent often
 * and each message keeps and loses its own. What Meta has already for this number is not uploaded again. Throws Refusal 404
 * for a file of nobody here, 422 `not_sendable`.
 */
export async function attach(
  on: Resources,
  tx: Tx,
  { org, id, kind, connection }: Wanted,
): Promise<{ attached: Attached; fileName: string | null }> {
  const [found] = await rows<Source>(
    tx,
    `select d.mime, d.size::float8 as size, d.name, d.connection_id, d.graph_id, d.uploaded_at from media d
      where d.org_id = :org and d.id = :id and d.status = 'stored' and (d.message_id is not null or d.kept_until > :now)
        and not exists (select from messages m join conversations c on c.org_id = :org and c.id = m.conversation_id
          where m.org_id = :org and m.id = d.message_id and ${restrictedSql('c.org_id', 'c.contact_id')}) for share of d`,
    { org, id, now: on.now() },
  )
  if (!found) throw notFound('file')
  checkSendable(kind, found)
  const own = newId()
  const name = await openName(on, tx, org, { id, name: found.name })
  const isThere = found.connection_id === connection && isFresh(on, found.uploaded_at)
  const attached = {
    source: id,
    id: own,
    kind,
    connection,
    name: name === null ? null : await sealName(on, tx, { org, id: own }, name),
    graph_id: isThere ? found.graph_id : null,
    uploaded_at: isThere ? found.uploaded_at : null,
  }
  return { attached, fileName: name }
}

const isFresh = (on: Resources, at: Date | null): boolean =>
  at !== null && on.now().getTime() - at.getTime() < LIFE_MS

/** In the transaction that stored the message. */
export async function insertAttached(
  tx: Tx,
  { org, message, now }: { org: string; message: string; now: Date },
  attached: Attached,
): Promise<void> {
  await tx.raw(
    `insert into media (org_id, id, message_id, connection_id, kind, graph_id, uploaded_at, status, created_at, ${COPIED})
     select :org, :id, :message, :connection, :kind, :graph_id, :uploaded_at, 'stored', :now,
            ${COPIED.replace('name', ':name')} from media where org_id = :org and id = :source`,
    { org, message, now, ...attached } as never,
  )
}

type Waiting = {
  id: string
  kind: MediaKind
  mime: string
  name: string | null
  size: number
  location: string
  graph_id: string | null
  uploaded_at: Date | null
  connection_id: string
  phone_number_id: string
}

/**
 * See to it that Meta has the file of a message, before the message itself is posted: an upload that is repeated does no
 * harm. Undefined when there is none or it is there; else the answer that was no success. Throws what `accessTokenOf` throws.
 */
export async function upload(
  on: Resources,
  { org, message }: { org: string; message: string },
): Promise<Answer | undefined> {
  const ready = await on.db.withTenant(org, async (tx) => {
    const waiting = await waitingFor(tx, org, message)
    if (!waiting || (waiting.graph_id !== null && isFresh(on, waiting.uploaded_at)))
      return undefined
    const token = await accessTokenOf(on, tx, org, waiting.connection_id)
    const name = await openName(on, tx, org, waiting)
    return { ...waiting, token, name, keys: await on.keys.of(tx, org) }
  })
  if (!ready) return undefined
  const { size, keys, location, phone_number_id, token } = ready
  const answer = await on.egress.graph({
    purpose: 'send_file',
    org,
    method: 'POST',
    path: `/${phone_number_id}/media`,
    token,
    stream: formOf(ready, readFile(on, { org, location }, { size, keys })),
  })
  const id = answer.outcome === 'answered' && answer.status < 300 ? idIn(answer.body) : undefined
  if (id === undefined) return answer
  await on.db.withTenant(org, (tx) =>
    // For every row that shares the bytes: sent again within its time, the file is not uploaded again.
    rows(
      tx,
      `update media set graph_id = :id, uploaded_at = :now, connection_id = :connection
        where org_id = :org and location = :location and coalesce(connection_id, :connection) = :connection
          and (uploaded_at is not null or graph_id is null)`,
      { id, now: on.now(), org, location, connection: ready.connection_id },
    ),
  )
  return undefined
}

async function waitingFor(tx: Tx, org: string, message: string): Promise<Waiting | undefined> {
  const [found] = await rows<Waiting>(
    tx,
    `select d.id, d.kind, d.mime, d.name, d.size::float8 as size, d.location, d.graph_id, d.uploaded_at, d.connection_id,
            k.phone_number_id from media d join connections k on k.org_id = :org and k.id = d.connection_id
      where d.org_id = :org and d.message_id = :message and d.status = 'stored'`,
    { org, message },
  )
  return found
}

/** Meta's id of the file of a message of ours; undefined where it carries none of ours. */
export async function uploadedId(
  tx: Tx,
  org: string,
  message: string,
): Promise<string | undefined> {
  return (await waitingFor(tx, org, message))?.graph_id ?? undefined
}

function idIn(body: Buffer): string | undefined {
  try {
    const { id } = JSON.parse(body.toString('utf8')) as { id?: unknown }
    return typeof id === 'string' && /^[A-Za-z0-9_-]{1,128}$/.test(id) ? id : undefined
  } catch {
    return undefined
  }
}
