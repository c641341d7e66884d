import { createHash } from 'node:crypto'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { rows } from '../db.ts'
import { newId } from '../ids.ts'
import type { Resources } from '../resources.ts'
import { folderOf, keysFor, partOf, placeFor, sealedName, sealedOf } from './export-place.ts'
import { checkSubject, through, type ExportSubject } from './export-plan.ts'
import { writeExport } from './export.ts'
import { sealChunks } from './sealed-file.ts'

const ATTEMPTS = 3
const LEASE_MS = 60_000
/** A row whose job is this late lost it. */
const LATE_MS = 60_000
const HOUR_MS = 3_600_000

export type Export = {
  id: string
  org_id: string | null
  kind: ExportSubject['kind']
  subject_id: string
  requested_by: string
  state: 'pending' | 'running' | 'ready' | 'failed' | 'expired' | 'superseded'
  /** Below the folder of exports. */
  location: string | null
  /** How often its file was fetched since it was made. */
  downloads: number
  records: Record<string, number> | null
  done: number
  total: number
  attempts: number
  created_at: Date
  expires_at: Date
}

/** Whoever asked took it back, or it goes together with what it is of. */
class Withdrawn extends Error {}

/**
 * Ask for an export that a worker makes; `by` alone may fetch it. The same wish is not queued twice: while one is under
 * way its id comes back. Throws Refusal 404 for nobody, 409 while the organization is being erased.
 */
export async function requestExport(
  on: Resources,
  subject: ExportSubject,
  by: string,
): Promise<string> {
  const org = orgOf(subject)
  const of = subject.kind === 'org' ? subject.org : subject.id
  const id = newId()
  const now = on.now()
  const waiting = await through(on.db, org, async (tx) => {
    await checkSubject(tx, subject)
    // Two clicks at once: the second waits for the first.
    await rows(tx, `select pg_advisory_xact_lock(hashtext(?))`, [`export ${by}`])
    const [same] = await rows<{ id: string }>(
      tx,
      `select id from exports where org_id is not distinct from cast(? as uuid) and kind = ? and subject_id = ?
          and requested_by = ? and state in ('pending', 'running')`,
      [org ?? null, subject.kind, of, by],
    )
    if (same) return same.id
    await rows(
      tx,
      `insert into exports (id, org_id, kind, subject_id, requested_by, created_at, expires_at) values (?, ?, ?, ?, ?, ?, ?)`,
      [id, org ?? null, subject.kind, of, by, now, endOf(on)],
    )
    return id
  })
  await on.queues.addExport(waiting)
  return waiting
}

const orgOf = (subject: ExportSubject): string | undefined =>
  subject.kind === 'user' ? undefined : subject.org

const endOf = (on: Resources): Date =>
  new Date(on.now().getTime() + on.config.EXPORT_HOURS * HOUR_MS)

/** Make an export when it is due and nobody else is at it; after the third failure it stays as `failed`. */
export async function advanceExport(on: Resources, id: string): Promise<void> {
  const claimed = await claim(on, id)
  if (!claimed) return
  try {
    const made = await make(on, claimed)
    await rename(partOf(on, claimed), sealedOf(on, claimed))
    await note(on, claimed, { state: 'ready', expires_at: endOf(on), downloads: 0, ...made })
  } catch (error) {
    for (const file of [partOf(on, claimed), sealedOf(on, claimed)]) await rm(file, { force: true })
    if (error instanceof Withdrawn) return
    await note(on, claimed, { state: claimed.attempts >= ATTEMPTS ? 'failed' : 'pending' }).catch(
      (lost: unknown) => on.log.warn({ err: lost, export: id }, 'failure of an export not noted'),
    )
    throw error
  }
}

async function claim(on: Resources, id: string): Promise<Export | undefined> {
  const now = on.now()
  const [claimed] = await on.db.withSystem((tx) =>
    rows<Export>(
      tx,
      `update exports set state = 'running', attempts = attempts + 1, done = 0, location = null, lease_until = ?
        where id = ? and (state = 'pending' or (state = 'running' and lease_until < ?)) returning *`,
      [new Date(now.getTime() + LEASE_MS), id, now],
    ),
  )
  return claimed
}

/** Only whoever holds the claim writes; throws Withdrawn when it is lost or the row is gone. */
async function note(on: Resources, { id, attempts }: Export, change: object): Promise<void> {
  const changed = await on.db.withSystem((tx) =>
    tx('exports').where({ id, attempts, state: 'running' }).update(change),
  )
  if (changed === 0) throw new Withdrawn()
}

async function make(
  on: Resources,
  wanted: Export,
): Promise<{ sha256: Buffer; records: string; location: string }> {
  const part = partOf(on, wanted)
  await mkdir(path.dirname(part), { recursive: true, mode: 0o700 })
  await rm(part, { force: true })
  const file = await open(part, 'wx', 0o600)
  const sha = createHash('sha256')
  try {
    const [key] = await keysFor(on, wanted)
    const sealed = sealChunks(key, placeFor(wanted), (bytes) => file.writeFile(bytes))
    const records = await writeExport(on, subjectOf(wanted), {
      folder: folderOf(on),
      async sink(bytes) {
        sha.update(bytes)
        await sealed.write(bytes)
      },
      progress: (done, total) =>
        note(on, wanted, { done, total, lease_until: new Date(on.now().getTime() + LEASE_MS) }),
    })
    await sealed.end()
    await file.sync()
    return {
      sha256: sha.digest(),
      records: JSON.stringify(records),
      location: sealedName(wanted),
    }
  } finally {
    await file.close()
  }
}

function subjectOf({ kind, org_id, subject_id: id }: Export): ExportSubject {
  if (kind === 'user' || org_id === null) return { kind: 'user', id }
  return kind === 'org' ? { kind, org: org_id } : { kind, org: org_id, id }
}

/** Exports whose job was lost on the way to the queue, or whose worker died: to be rung again. */
export async function dueExports(on: Resources): Promise<string[]> {
  const now = on.now()
  const due = await on.db.withSystem((tx) =>
    rows<{ id: string }>(
      tx,
      `select id from exports where (state = 'pending' and created_at < ?) or (state = 'running' and lease_until < ?)
        order by created_at limit 100`,
      [new Date(now.getTime() - LATE_MS), now],
    ),
  )
  return due.map(({ id }) => id)
}
