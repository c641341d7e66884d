import { createHash } from 'node:crypto'
import { access, link, open, rm } from 'node:fs/promises'
import { constants } from 'node:fs'
import path from 'node:path'
import pg from 'pg'
import { rows } from '../db.ts'
import { appendLedger } from '../deletions/ledger.ts'
import { writeLedgerFile } from '../deletions/ledger-file.ts'
import { newId } from '../ids.ts'
import { DAY_MS } from '../privacy/limits.ts'
import { Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { readSnapshot } from './snapshot.ts'
import { writeSealed } from './sealed-backup.ts'

export type Made = {
  id: string
  file: string
  made_at: Date
  expires_at: Date
  bytes: number
  sha256: string
  records: Record<string, number>
  left_out: Record<string, string>
}

/** What a restore does not bring back, and where it lies instead. */
const LEFT_OUT = {
  media: 'files below MEDIA_URL are sealed and lie apart: copy that folder or bucket, too',
  queues: 'what waits in the queues stays there; a restore leaves it as it is',
  keys: 'the master key and the rest of DATA_DIR: keep them apart from backups',
  sessions: 'people sign in again',
}

/**
 * One consistent snapshot of everything in the database, compressed and sealed under the master key, into a new file that
 * only the account of this process may read; after a failure there is none. It is on the list before it exists, so that it
 * is removed when BACKUP_RETENTION_DAYS are over whatever happens. Throws Refusal 409 `file_exists`, 422 `not_writable`.
 * Source: privacy policy §6, "within 30 days"; promise P43.
 */
export async function makeBackup(on: Resources, out: string): Promise<Made> {
  const file = path.resolve(out)
  const draft = `${file}.part`
  await checkFree(file)
  const [id, made_at] = [newId(), on.now()]
  const expires_at = new Date(made_at.getTime() + on.config.BACKUP_RETENTION_DAYS * DAY_MS)
  try {
    await list(on, { id, file, made_at, expires_at })
    const written = await write(on, { id, made_at, expires_at }, draft)
    await link(draft, file)
    await rm(draft)
    await on.db.withSystem((tx) =>
      rows(tx, 'update backups set bytes = ?, sha256 = ? where id = ?', [
        written.bytes,
        Buffer.from(written.sha256, 'hex'),
        id,
      ]),
    )
    return { id, file, made_at, expires_at, ...written, left_out: LEFT_OUT }
  } catch (error) {
    await rm(draft, { force: true })
    throw (error as { code?: string }).code === 'EEXIST' ? taken() : error
  }
}

const taken = (): Refusal =>
  new Refusal(409, 'file_exists', 'This file exists already: name a new one.')

async function checkFree(file: string): Promise<void> {
  const isThere = await access(file).then(
    () => true,
    () => false,
  )
  if (isThere) throw taken()
  const folder = path.dirname(file)
  await access(folder, constants.W_OK).catch((error: { code?: string }) => {
    throw new Refusal(422, 'not_writable', `The file cannot be written there (${error.code}).`)
  })
}

type Listed = { id: string; file: string; made_at: Date; expires_at: Date }

/** The ledger knows of it, too: a restore must find its own backup there, so a ledger that lost its end is noticed. */
async function list(on: Resources, { id, file, made_at, expires_at }: Listed): Promise<void> {
  await on.db.withSystem(async (tx) => {
    await rows(
      tx,
      `insert into backups (id, kind, file, made_at, expires_at) values (?, 'file', ?, ?, ?)`,
      [id, file, made_at, expires_at],
    )
    await appendLedger(on, tx, { what: 'backup', id, made_at, expires_at })
  })
  await writeLedgerFile(on)
}

async function write(
  on: Resources,
  about: Omit<Listed, 'file'>,
  draft: string,
): Promise<{ bytes: number; sha256: string; records: Record<string, number> }> {
  const client = new pg.Client({
    connectionString: on.config.DATABASE_URL,
    application_name: 'chatflow backup',
  })
  await client.connect()
  const handle = await open(draft, 'w', 0o600)
  const sha = createHash('sha256')
  const records: Record<string, number> = {}
  let bytes = 0
  try {
    const source = readSnapshot(client, about, records)
    await writeSealed(on.vault, about.id, source, async (part) => {
      sha.update(part)
      bytes += part.length
      await handle.writeFile(part)
    })
    await handle.sync()
  } finally {
    await handle.close()
    await client.end()
  }
  return { bytes, sha256: sha.digest('hex'), records }
}
