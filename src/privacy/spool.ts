import {
  createCipheriv,
  createDecipheriv,
  createHash,
  randomBytes,
  type Cipher,
  type Decipher,
} from 'node:crypto'
import { once } from 'node:events'
import { mkdir, open, rm, type FileHandle } from 'node:fs/promises'
import path from 'node:path'
import { createDeflateRaw, type DeflateRaw } from 'node:zlib'
import { newId } from '../ids.ts'
import { readRange } from './file-range.ts'
import { checksum, type Packed } from './zip.ts'

/** A file of the ZIP while it grows: deflated to disk, so that its size is known before it is added. */
export type Spool = {
  write(part: string | Buffer): Promise<void>
  /** Nothing more comes; `bytes` of the result may be read once. */
  finish(name: string): Promise<Packed & { sha256: string }>
  close(): Promise<void>
}

const CIPHER = 'aes-256-ctr'

/**
 * Open a spool in `folder`. The file has no name any more once it is open, and its bytes are enciphered with a key
 * that only this process ever knows: a crash leaves nothing to read and nothing to clean up.
 */
export async function openSpool(folder: string): Promise<Spool> {
  const file = await openNameless(folder)
  const [key, iv] = [randomBytes(32), randomBytes(16)]
  const deflate = createDeflateRaw()
  const written = pump(deflate, createCipheriv(CIPHER, key, iv), file)
  // Whoever writes next, or finishes, hears of it.
  written.catch(() => undefined)
  const sha = createHash('sha256')
  let [crc, size] = [0, 0]
  return {
    async write(part) {
      const bytes = typeof part === 'string' ? Buffer.from(part) : part
      crc = checksum(bytes, crc)
      size += bytes.length
      sha.update(bytes)
      // A stream that broke before would never drain; one that breaks now ends the wait.
      if (deflate.destroyed) await written
      else if (!deflate.write(bytes)) await once(deflate, 'drain')
    },
    async finish(name) {
      deflate.end()
      await written
      const { size: packed } = await file.stat()
      const bytes = readBack(file, packed, createDecipheriv(CIPHER, key, iv))
      return { name, crc, size, packed, bytes, sha256: sha.digest('hex') }
    },
    async close() {
      deflate.destroy()
      await written.catch(() => undefined)
      await file.close()
    },
  }
}

async function openNameless(folder: string): Promise<FileHandle> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const name = path.join(folder, `${newId()}.spool`)
  const file = await open(name, 'wx+', 0o600)
  await rm(name)
  return file
}

async function pump(deflate: DeflateRaw, cipher: Cipher, file: FileHandle): Promise<void> {
  for await (const chunk of deflate as AsyncIterable<Buffer>)
    await file.writeFile(cipher.update(chunk))
}

async function* readBack(
  file: FileHandle,
  size: number,
  decipher: Decipher,
): AsyncGenerator<Buffer> {
  for await (const chunk of readRange(file, 0, size)) yield decipher.update(chunk)
}
