import { rows, type Tx } from '../db.ts'
import { newId } from '../ids.ts'
import { openCell, sealCell } from '../ops/seal.ts'
import { Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'

export const MOST_FILES = 3
export const MOST_BYTES = 2_097_152

type Mime = 'image/png' | 'image/jpeg' | 'image/webp' | 'application/pdf' | 'text/plain'
export type Given = { name: string; bytes: Buffer }
export type Attachment = Given & { mime: Mime }
export type FileLine = { id: string; message_id: string; name: string; size: number }

const begins = (bytes: Buffer, hex: string, at = 0): boolean =>
  bytes.subarray(at, at + hex.length / 2).toString('hex') === hex

/** What the bytes are, whatever the name says: pictures, PDF, plain text; undefined for all else. */
function mimeOf(bytes: Buffer): Mime | undefined {
  if (begins(bytes, '89504e470d0a1a0a')) return 'image/png'
  if (begins(bytes, 'ffd8ff')) return 'image/jpeg'
  if (begins(bytes, '52494646') && begins(bytes, '57454250', 8)) return 'image/webp'
  if (begins(bytes, '255044462d')) return 'application/pdf'
  return isText(bytes) ? 'text/plain' : undefined
}

/** Well-formed UTF-8 without control characters but tab and line ends; markup that a browser would run is none. */
function isText(bytes: Buffer): boolean {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    return !/[^\P{Cc}\t\r\n]/u.test(text)
  } catch {
    return false
  }
}

/** No folder, no control character, at most 100 characters. */
const nameOf = (given: string): string =>
  (given.split(/[\\/]/).at(-1) ?? '')
    .replace(/[\p{Cc}\p{Cf}]/gu, '')
    .slice(-100)
    .trim() || 'file'

/** Throws Refusal 422 for too many, too large or other files than a question needs. */
export function checkFiles(given: Given[]): Attachment[] {
  if (given.length > MOST_FILES) throw refused(`Attach at most ${MOST_FILES} files.`)
  return given.map(({ name, bytes }) => {
    const mime = mimeOf(bytes)
    if (bytes.length === 0) throw refused(`${nameOf(name)} is empty.`)
    if (bytes.length > MOST_BYTES) throw refused(`${nameOf(name)} is larger than 2 MB.`)
    if (!mime) throw refused(`${nameOf(name)} is no picture, PDF or plain text.`)
    return { name: nameOf(name), bytes, mime }
  })
}

const refused = (detail: string): Refusal => new Refusal(422, 'bad_file', detail, { files: detail })

type To = { message: string; user: string | null; at: Date }

/** Seals name and bytes, each bound to its row. */
export async function keepFiles(
  on: Resources,
  tx: Tx,
  { message, user, at }: To,
  files: Attachment[],
): Promise<void> {
  for (const { name, bytes, mime } of files) {
    const row = newId()
    await rows(
      tx,
      `insert into support_files (id, message_id, user_id, name, mime, size, bytes, at) values (?, ?, ?, ?, ?, ?, ?, ?)`,
      [
        row,
        message,
        user,
        sealCell(on, { table: 'support_files', column: 'name', row }, name),
        mime,
        bytes.length,
        sealCell(on, { table: 'support_files', column: 'bytes', row }, bytes),
        at,
      ],
    )
  }
}

/** The files of a ticket, by name. */
export async function listFiles(on: Resources, tx: Tx, ticket: string): Promise<FileLine[]> {
  const found = await rows<FileLine>(
    tx,
    `select f.id, f.message_id, f.name, f.size from support_files f join support_messages m on m.id = f.message_id
      where m.ticket_id = ? order by f.id`,
    [ticket],
  )
  for (const file of found) file.name = openName(on, file)
  return found
}

const openName = (on: Resources, { id, name }: { id: string; name: string }): string =>
  openCell(on, { table: 'support_files', column: 'name', row: id }, name).toString('utf8')

/** One file of a ticket, opened; undefined when it has no such one. */
export async function readFile(
  on: Resources,
  tx: Tx,
  { ticket, id }: { ticket: string; id: string },
): Promise<Attachment | undefined> {
  const [file] = await rows<{ id: string; name: string; mime: Mime; bytes: string }>(
    tx,
    `select f.id, f.name, f.mime, f.bytes from support_files f join support_messages m on m.id = f.message_id
      where m.ticket_id = ? and f.id = ?`,
    [ticket, id],
  )
  if (!file) return undefined
  const { mime, bytes } = file
  const cell = { table: 'support_files', column: 'bytes', row: id }
  return { name: openName(on, file), mime, bytes: openCell(on, cell, bytes) }
}
