import { createHash } from 'node:crypto'
import { rows } from '../db.ts'
import { extensionOf } from '../media/kinds.ts'
import { NoFile, readFile } from '../media/shelf.ts'
import type { Resources } from '../resources.ts'
import type { Part } from './export-plan.ts'

/** A file as it leaves: its name in the ZIP, and its bytes. */
export type Leaving = { name: string; bytes: AsyncIterable<Buffer> }
/** Files that are told of and are not in the ZIP, by the reason, with the ids of their rows. */
export type Absent = Map<string, string[]>

export type File = {
  org: string
  id: string
  status: string
  mime: string | null
  size: number | null
  sha256: Buffer | null
  location: string | null
}

const BATCH = 200
const WHY: Readonly<Record<string, string>> = {
  pending: 'not fetched from WhatsApp yet',
  fetching: 'not fetched from WhatsApp yet',
  receiving: 'not uploaded whole',
  failed: 'came damaged from WhatsApp',
  expired: 'left WhatsApp before it could be saved',
  refused: 'larger than files may be here',
  removing: 'being removed',
}
const LOST = 'lost, or sealed under a key that is gone'

/** What is known of the files of these parts, to be read once the database is free again. */
export async function listFiles(on: Resources, parts: Part[]): Promise<File[]> {
  const listed: File[] = []
  for (const part of parts.filter(({ table }) => table === 'media'))
    for (let after = '00000000-0000-0000-0000-000000000000', more = true; more;) {
      const batch = await readBatch(on, part, after)
      listed.push(...batch)
      after = batch.at(-1)?.id ?? after
      more = batch.length === BATCH
    }
  return listed
}

const readBatch = (on: Resources, { org = '', where }: Part, after: string): Promise<File[]> =>
  on.db.withTenant(org, (tx) =>
    rows<File>(
      tx,
      `select t.org_id as org, t.id, t.status, t.mime, t.size::float8 as size, t.sha256, t.location from media t
        where t.org_id = ? and ${where.sql} and t.id > ? order by t.id limit ${BATCH}`,
      [org, ...where.values, after],
    ),
  )

/**
 * These files, one after the other, each to be read before the next. Each is read once before it leaves, so that one which is
 * lost is among the absent and no half file leaves; nothing is passed over in silence.
 */
export async function* leavingFiles(
  on: Resources,
  listed: readonly File[],
  absent: Absent,
): AsyncGenerator<Leaving> {
  for (const file of listed) {
    const { id, mime, status } = file
    if (status === 'stored' && (await isWhole(on, file)))
      yield { name: `media/${id}${extensionOf(mime ?? '')}`, bytes: await bytesOf(on, file) }
    else {
      const why = WHY[status] ?? LOST
      absent.set(why, [...(absent.get(why) ?? []), id])
    }
  }
}

async function bytesOf(
  on: Resources,
  { org, location, size }: File,
): Promise<AsyncIterable<Buffer>> {
  const keys = await on.db.withTenant(org, (tx) => on.keys.of(tx, org))
  return readFile(on, { org, location: location ?? '' }, { size: size ?? 0, keys })
}

async function isWhole(on: Resources, file: File): Promise<boolean> {
  const sha = createHash('sha256')
  try {
    for await (const bytes of await bytesOf(on, file)) sha.update(bytes)
  } catch (error) {
    if (error instanceof NoFile) return false
    throw error
  }
  return file.sha256?.equals(sha.digest()) ?? false
}
