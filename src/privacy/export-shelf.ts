import { access, readdir, rm } from 'node:fs/promises'
import path from 'node:path'
import { audit, byPerson, type Source } from '../audit/audit.ts'
import { rows } from '../db.ts'
import { notFound, Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { folderOf, keysFor, partOf, placeFor, sealedOf, shelfOf } from './export-place.ts'
import type { Export } from './exports.ts'
import { openChunks } from './sealed-file.ts'

const KEPT_MS = 30 * 86_400_000
const SHOWN = 50
/** Older versions kept all files in one folder: those go as their time is over. */
const FILE = /^(?:[\w-]+\/)?([0-9a-f-]{36})\.(?:sealed|part)$/
/** How often one may be fetched. Source: privacy promise P51. */
export const MOST_DOWNLOADS = 5

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
export const isReady = (on: Resources, { state, expires_at, downloads }: Export): boolean =>
  state === 'ready' && expires_at > on.now() && downloads < MOST_DOWNLOADS

/** Who fetches, and where they are signed in: that organization's log tells of it. */
type Reader = { user: string; org: string; source: Source }

/**
 * The ZIP, opened as it is read, for the one person who asked for it; `of` says whose it is, null for a person's own. Each
 * time counts, from the first byte on, and is told in the audit log. Throws Refusal 404 when it is not theirs, 409
 * while it is made, 410 when its time is over or it was fetched as often as it may be.
 */
export async function fetchExport(
  on: Resources,
  reader: Reader,
  { id, of }: { id: string; of: string | null },
): Promise<{ name: string; bytes: AsyncGenerator<Buffer> }> {
  const [found] = await on.db.withSystem((tx) =>
    rows<Export>(
      tx,
      `select * from exports where id = ? and requested_by = ? and org_id is not distinct from cast(? as uuid)`,
      [id, reader.user, of],
    ),
  )
  if (!found) throw notFound('export')
  if (['pending', 'running'].includes(found.state))
    throw new Refusal(409, 'not_ready', 'This export is still being made.')
  const file = sealedOf(on, found)
  await countDownload(on, reader, found)
  const day = found.created_at.toISOString().slice(0, 10)
  return {
    name: `chatflow-${found.kind}-${day}.zip`,
    bytes: openChunks(await keysFor(on, found), placeFor(found), file),
  }
}

async function countDownload(on: Resources, reader: Reader, found: Export): Promise<void> {
  if (found.downloads >= MOST_DOWNLOADS) throw fetchedOften()
  const isThere = await access(sealedOf(on, found)).then(
    () => true,
    () => false,
  )
  if (!isReady(on, found) || !isThere)
    throw new Refusal(410, 'export_gone', 'The time of this export is over. Ask for a new one.')
  const { id, kind } = found
  await on.db.withSystem(async (tx) => {
    const counted = await rows(
      tx,
      `update exports set downloads = downloads + 1 where id = ? and downloads < ${MOST_DOWNLOADS} returning id`,
      [id],
    )
    if (counted.length === 0) throw fetchedOften()
    await audit(tx, reader.org, {
      actor: byPerson(reader),
      action: 'export.downloaded',
      target: { kind: 'export', id },
      detail: { kind },
    })
  })
}

const fetchedOften = (): Refusal =>
  new Refusal(
    410,
    'export_used_up',
    `This export was downloaded ${MOST_DOWNLOADS} times, which is as often as one may be. Ask for a new one.`,
  )

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
      `update exports set state = 'expired', location = null
        where (expires_at <= ? and state in ('ready', 'failed')) or (state = 'ready' and downloads >= ${MOST_DOWNLOADS})`,
      [now],
    )
    await rows(tx, `delete from exports where expires_at < ?`, [new Date(now.getTime() - KEPT_MS)])
  })
}

async function removeFiles(on: Resources, now: Date): Promise<void> {
  const names = await readdir(folderOf(on), { recursive: true }).catch(() => [])
  const files = names.flatMap((name) => {
    const id = FILE.exec(name)?.[1]
    return id ? [{ id, file: path.join(folderOf(on), name) }] : []
  })
  if (files.length === 0) return
  const live = await on.db.withSystem((tx) =>
    rows<Export>(
      tx,
      `select * from exports where id = any (cast(? as uuid[])) and (state in ('pending', 'running')
          or (state = 'ready' and expires_at > ? and downloads < ${MOST_DOWNLOADS}))`,
      [files.map(({ id }) => id), now],
    ),
  )
  const kept = new Set(live.flatMap((each) => [partOf(on, each), sealedOf(on, each)]))
  for (const { file } of files) if (!kept.has(file)) await rm(file, { force: true })
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
    rows<Export>(tx, `delete from exports where ${where} returning *`, values),
  )
  const doomed = gone.map((each) => sealedOf(on, each))
  if (!('user' in of) && !('contact' in of)) doomed.push(path.join(folderOf(on), shelfOf(of.org)))
  for (const place of doomed) await rm(place, { recursive: true, force: true })
  return gone.length
}
