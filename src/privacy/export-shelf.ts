import { readdir, rm } from 'node:fs/promises'
import path from 'node:path'
import { rows, type Tx } from '../db.ts'
import type { Resources } from '../resources.ts'
import { MOST_DOWNLOADS } from './export-download.ts'
import { folderOf, partOf, sealedOf, shelfOf } from './export-place.ts'
import type { Export } from './exports.ts'

const KEPT_MS = 30 * 86_400_000
const SHOWN = 50
/** Older versions kept all files in one folder: those go as their time is over. */
const FILE = /^(?:[\w-]+\/)?([0-9a-f-]{36})\.(?:sealed|part)$/

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
 * rows and files. One that is being made ends at its next batch. What an organization asked for of everybody says that it
 * was overtaken. For erasures, which also free the files of other machines: those go with the next sweep there, since
 * no row names them any more.
 */
export async function withdrawExports(
  on: Resources,
  of: { org: string } | { org: string; contact: string } | { user: string },
): Promise<number> {
  const [where, values] =
    'user' in of
      ? [`requested_by = ? and kind = 'user'`, [of.user]]
      : 'contact' in of
        ? [`org_id = ? and subject_id = ?`, [of.org, of.contact]]
        : ['org_id = ?', [of.org]]
  const gone = await on.db.withSystem(async (tx) => [
    ...(await rows<Export>(tx, `delete from exports where ${where} returning *`, values)),
    ...('contact' in of ? await supersede(tx, of.org) : []),
  ])
  const doomed = gone.map((each) => sealedOf(on, each))
  if (!('user' in of) && !('contact' in of)) doomed.push(path.join(folderOf(on), shelfOf(of.org)))
  for (const place of doomed) await rm(place, { recursive: true, force: true })
  return gone.length
}

/** Whoever asked for everything sees why it is not there any more; as the rows were, with the places of their files. */
const supersede = (tx: Tx, org: string): Promise<Export[]> =>
  rows<Export>(
    tx,
    `with old as materialized (
       select * from exports where org_id = :org and kind = 'org' and state in ('pending', 'running', 'ready') for update
     ), changed as (
       update exports e set state = 'superseded', location = null, lease_until = null from old where e.id = old.id
     ) select * from old`,
    { org },
  )
