import { access, readdir, rm } from 'node:fs/promises'
import path from 'node:path'
import { rows } from '../db.ts'
import { notFound, Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { folderOf, keysFor, placeFor, sealedOf } from './export-place.ts'
import type { Export } from './exports.ts'
import { openChunks } from './sealed-file.ts'

const KEPT_MS = 30 * 86_400_000
const SHOWN = 50
const FILE = /^([0-9a-f-]{36})\.(sealed|part)$/

export type Listed = Export & { asked_by: string | null }

/** The exports of an organization and its contacts, newest first, with the name of whoever asked. */
export const listExports = (on: Resources, org: string): Promise<Listed[]> =>
  on.db.withTenant(org, (tx) =>
    rows<Listed>(
      tx,
      `select e.*, u.name as asked_by from exports e left join users u on u.id = e.requested_by
        where e.org_id = ? order by e.created_at desc, e.id desc limit ${SHOWN}`,
      [org],
    ),
  )

/** What a person asked for about themselves, newest first. */
export const listOwnExports = (on: Resources, user: string): Promise<Export[]> =>
  on.db.withSystem((tx) =>
    rows<Export>(
      tx,
      `select * from exports where org_id is null and requested_by = ? order by created_at desc, id desc limit ${SHOWN}`,
      [user],
    ),
  )

/** Whether its file can be fetched now. */
export const isReady = (on: Resources, { state, expires_at }: Export): boolean =>
  state === 'ready' && expires_at > on.now()

/**
 * The ZIP, opened as it is read, for the one person who asked for it; `org` undefined for a person's own. Throws
 * Refusal 404 when it is not theirs, 409 while it is made, 410 when its time is over.
 */
export async function fetchExport(
  on: Resources,
  { org, user }: { org: string | undefined; user: string },
  id: string,
): Promise<{ name: string; bytes: AsyncGenerator<Buffer> }> {
  const [found] = await on.db.withSystem((tx) =>
    rows<Export>(
      tx,
      `select * from exports where id = ? and requested_by = ? and org_id is not distinct from cast(? as uuid)`,
      [id, user, org ?? null],
    ),
  )
  if (!found) throw notFound('export')
  if (['pending', 'running'].includes(found.state))
    throw new Refusal(409, 'not_ready', 'This export is still being made.')
  const file = sealedOf(on, id)
  const isThere = await access(file).then(
    () => true,
    () => false,
  )
  if (!isReady(on, found) || !isThere)
    throw new Refusal(410, 'export_gone', 'The time of this export is over. Ask for a new one.')
  const day = found.created_at.toISOString().slice(0, 10)
  return {
    name: `chatflow-${found.kind}-${day}.zip`,
    bytes: openChunks(await keysFor(on, found), placeFor(found), file),
  }
}

/**
 * Files whose time is over, or whose row is gone, are deleted; their rows say so for thirty days and go then too. The
 * file goes first: a row without a file is harmless, a file without a row would be forgotten.
 */
export async function sweepExports(on: Resources): Promise<void> {
  const now = on.now()
  await removeFiles(on, now)
  await on.db.withSystem(async (tx) => {
    await rows(
      tx,
      `update exports set state = 'expired', location = null where expires_at <= ? and state in ('ready', 'failed')`,
      [now],
    )
    await rows(tx, `delete from exports where expires_at < ?`, [new Date(now.getTime() - KEPT_MS)])
  })
}

async function removeFiles(on: Resources, now: Date): Promise<void> {
  const names = await readdir(folderOf(on)).catch(() => [])
  const files = names.flatMap((name) => {
    const id = FILE.exec(name)?.[1]
    return id ? [{ id, name }] : []
  })
  if (files.length === 0) return
  const live = await on.db.withSystem((tx) =>
    rows<{ id: string }>(
      tx,
      `select id from exports where id = any (cast(? as uuid[])) and (state in ('pending', 'running')
          or (state = 'ready' and expires_at > ?))`,
      [files.map(({ id }) => id), now],
    ),
  )
  const kept = new Set(live.map(({ id }) => id))
  for (const { id, name } of files)
    if (!kept.has(id)) await rm(path.join(folderOf(on), name), { force: true })
}

/**
 * Take back every export of an organization (its contacts' included), every one a contact is in, or those of a person:
 * rows and files. One that is being made ends at its next batch. For erasures, which also free the files of other machines: those go
 * with the next sweep there, since no row names them any more.
 */
export async function withdrawExports(
  on: Resources,
  of: { org: string } | { org: string; contact: string } | { user: string },
): Promise<number> {
  const [where, values] =
    'user' in of
      ? [`requested_by = ? and kind = 'user'`, [of.user]]
      : 'contact' in of
        ? [`org_id = ? and (subject_id = ? or kind = 'org')`, [of.org, of.contact]]
        : ['org_id = ?', [of.org]]
  const gone = await on.db.withSystem((tx) =>
    rows<{ id: string }>(tx, `delete from exports where ${where} returning id`, values),
  )
  for (const { id } of gone) await rm(sealedOf(on, id), { force: true })
  return gone.length
}
