import { open } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { createGunzip, createGzip } from 'node:zlib'
import { pipeline } from 'node:stream/promises'
import { openChunks, sealChunks } from '../privacy/sealed-file.ts'
import type { Sink } from '../privacy/zip.ts'
import { Refusal } from '../refusal.ts'
import { SealError, type Place, type Vault } from '../vault.ts'

const MARK = 'chatflow-backup 1'
const HEAD = /^chatflow-backup 1 ([0-9a-f-]{36})\n/
const HEAD_BYTES = MARK.length + 38

const placeOf = (id: string): Place => ({ purpose: 'backups|file', org: 'instance', row: id })

/** Compressed, then sealed in chunks under the first master key, so that nothing leaves the machine in clear. */
export async function writeSealed(
  vault: Vault,
  id: string,
  source: AsyncIterable<Buffer>,
  sink: Sink,
): Promise<void> {
  const [key] = vault.instance
  if (!key) throw new SealError()
  await sink(Buffer.from(`${MARK} ${id}\n`))
  const sealed = sealChunks(key, placeOf(id), sink)
  await pipeline(Readable.from(source), createGzip(), async (packed) => {
    for await (const bytes of packed) await sealed.write(bytes as Buffer)
  })
  await sealed.end()
}

/** Which backup a file says it is. Throws Refusal 404 and 422. */
export async function backupIn(file: string): Promise<string> {
  const handle = await open(file, 'r').catch(() => {
    throw new Refusal(404, 'not_found', 'This file does not exist or cannot be read.')
  })
  try {
    const { buffer } = await handle.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0)
    const [, id] = HEAD.exec(buffer.toString('latin1')) ?? []
    if (id === undefined) throw notOne()
    return id
  } finally {
    await handle.close()
  }
}

/** The bytes of a backup. Throws Refusal 422 where a chunk is not as it was written or no master key opens it. */
export async function* readSealed(vault: Vault, id: string, file: string): AsyncGenerator<Buffer> {
  const chunks = openChunks(vault.instance, placeOf(id), file, { skip: 1 })
  const plain = Readable.from(chunks)
  const gunzip = createGunzip()
  plain.on('error', (error) => gunzip.destroy(error))
  try {
    yield* plain.pipe(gunzip) as AsyncIterable<Buffer>
  } catch (error) {
    if (error instanceof SealError)
      throw new Refusal(
        422,
        'does_not_open',
        'This backup was altered, or the master key that sealed it is not in CHATFLOW_MASTER_KEY.',
      )
    throw (error as { code?: string }).code?.startsWith('Z_') ? notOne() : error
  } finally {
    plain.destroy()
    gunzip.destroy()
  }
}

export const notOne = (): Refusal =>
  new Refusal(422, 'not_a_backup', 'This is not a backup of ChatFlow CRM, or it was cut off.')
