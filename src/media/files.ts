import { rows, type Tx } from '../db.ts'
import { openFor } from '../keys.ts'
import { notFound, Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { restrictedSql } from '../restrictions/gate.ts'
import type { MediaKind } from './kinds.ts'

export type MediaStatus =
  'pending' | 'fetching' | 'receiving' | 'stored' | 'failed' | 'expired' | 'refused' | 'removing'

/** The file of a message, as a thread shows it; `due_at` is an ISO time, when it is tried next. */
export type MessageFile = {
  id: string
  kind: MediaKind
  mime: string | null
  size: number | null
  width: number | null
  height: number | null
  /** In hex. */
  sha256: string | null
  status: MediaStatus
  error: string | null
  attempts: number
  due_at: string | null
}

/** A `MessageFile` as JSON over a row of `media`, null where there is none. */
export const fileSql = (row: string): string =>
  `case when ${row}.id is not null then jsonb_build_object('id', ${row}.id, 'kind', ${row}.kind, 'mime', ${row}.mime,
     'size', ${row}.size, 'width', ${row}.width, 'height', ${row}.height, 'sha256', encode(${row}.sha256, 'hex'),
     'status', ${row}.status, 'error', ${row}.error, 'attempts', ${row}.attempts, 'due_at', ${row}.due_at) end`

/** A file that can be handed out. */
export type Kept = {
  id: string
  mime: string
  size: number
  location: string
  name: string | null
  /** An upload that was not sent yet is its uploader's alone. */
  uploaded_by: string | null
  message_id: string | null
}

/**
 * A stored file; throws Refusal 404 for one that is not this organization's or whose contact's data are restricted, and
 * 409 `not_stored` while its bytes are not here.
 */
export async function needFile(on: Resources, tx: Tx, org: string, id: string): Promise<Kept> {
  const [found] = await rows<Kept & { status: MediaStatus }>(
    tx,
    `select d.id, d.mime, d.size::float8 as size, d.location, d.name, d.status, d.uploaded_by, d.message_id from media d
      left join messages m on m.org_id = d.org_id and m.id = d.message_id
      left join conversations c on c.org_id = d.org_id and c.id = m.conversation_id
      where d.org_id = ? and d.id = ? and not coalesce(${restrictedSql('d.org_id', 'c.contact_id')}, false)
        and d.status <> 'removing' and (d.message_id is not null or d.kept_until is not null)`,
    [org, id],
  )
  if (!found) throw notFound('file')
  if (found.status !== 'stored')
    throw new Refusal(409, 'not_stored', 'This file is not here yet, or did not come.')
  return { ...found, name: await openName(on, tx, org, found) }
}

export async function openName(
  on: Resources,
  tx: Tx,
  org: string,
  { id, name }: Pick<Kept, 'id' | 'name'>,
): Promise<string | null> {
  if (name === null) return null
  const place = { purpose: 'media|name', org, row: id }
  return (await openFor(on, tx, place, name)).toString('utf8')
}
