import { rows, type Tx } from '../db.ts'
import { newId } from '../ids.ts'
import { sealFor } from '../keys.ts'
import type { Resources } from '../resources.ts'
import { isMediaKind } from './kinds.ts'
import { bareType } from './sniff.ts'

/** A message that may carry a file, with the fields WhatsApp gave of it. */
export type Carrying = { message: string; kind: string; payload: Record<string, unknown> }

/** What becomes a part of a Graph path. */
const GRAPH_ID = /^[A-Za-z0-9_-]{1,128}$/
const MOST_NAME = 255

/**
 * Note the files of messages that were stored in this transaction, so that a worker fetches them; a message whose file
 * WhatsApp does not hand over has none. Answers their ids, to ring for after the commit.
 */
export async function noteMedia(
  on: Resources,
  tx: Tx,
  org: string,
  carrying: Carrying[],
): Promise<string[]> {
  const files: object[] = []
  for (const { message, kind, payload } of carrying) {
    const { id: graph_id, mime_type: mime, filename } = payload
    if (!isMediaKind(kind) || typeof graph_id !== 'string' || !GRAPH_ID.test(graph_id)) continue
    const id = newId()
    const name = typeof filename === 'string' ? await sealName(on, tx, { org, id }, filename) : null
    files.push({
      id,
      message,
      kind,
      graph_id,
      mime: typeof mime === 'string' ? bareType(mime) : null,
      name,
    })
  }
  if (files.length === 0) return []
  const noted = await rows<{ id: string }>(
    tx,
    `insert into media (org_id, id, message_id, connection_id, kind, graph_id, mime, name, status, due_at, created_at)
     select :org, f.id, f.message, c.connection_id, f.kind, f.graph_id, f.mime, f.name, 'pending', :now, :now
       from jsonb_to_recordset(:files::jsonb) as f (id uuid, message uuid, kind text, graph_id text, mime text, name text)
       join messages m on m.org_id = :org and m.id = f.message
       join conversations c on c.org_id = :org and c.id = m.conversation_id
     on conflict (org_id, message_id) where message_id is not null do nothing returning id`,
    { org, now: on.now(), files: JSON.stringify(files) },
  )
  return noted.map(({ id }) => id)
}

/** The name of a file says something of its own, so it is sealed; control characters and folders are not part of it. */
export const sealName = (
  on: Resources,
  tx: Tx,
  { org, id }: { org: string; id: string },
  name: string,
): Promise<string> => sealFor(on, tx, { purpose: 'media|name', org, row: id }, bareName(name))

const bareName = (given: string): string =>
  (given.split(/[\\/]/).at(-1) ?? '')
    .replace(/[\p{Cc}\p{Cf}]/gu, '')
    .slice(-MOST_NAME)
    .trim() || 'file'

/** What these messages carried is theirs no more, as they were taken back: the files are removed. */
export async function letGo(tx: Tx, org: string, messages: string[]): Promise<void> {
  if (messages.length > 0)
    await tx.raw('update media set message_id = null where org_id = ? and message_id = any(?)', [
      org,
      messages,
    ])
}
