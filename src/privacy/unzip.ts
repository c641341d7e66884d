import { open, type FileHandle } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { createInflateRaw } from 'node:zlib'
import { Refusal } from '../refusal.ts'
import { readRange } from './file-range.ts'
import { checksum, MAX32 } from './zip.ts'

/** A ZIP on disk. Nothing of it is written anywhere: a name is only a name here. */
export type ZipReader = {
  names: string[]
  /** The bytes of one file; throws Refusal 422 when it is missing, longer than it says, or altered. */
  read(name: string): AsyncGenerator<Buffer>
  close(): Promise<void>
}

type Entry = {
  name: string
  method: number
  crc: number
  size: number
  packed: number
  offset: number
}

const END = 22
const END_AND_COMMENT = END + 0xffff
/** Our own exports have some forty files; more than this is no export. */
const MAX_DIRECTORY = 1_048_576

/** Open a ZIP by its directory; throws Refusal 422 `not_an_export` for anything that is none. */
export async function readZip(path: string): Promise<ZipReader> {
  const file = await open(path, 'r').catch(() => {
    throw new Refusal(404, 'not_found', 'This file does not exist or cannot be read.')
  })
  try {
    const entries = await readDirectory(file)
    return {
      names: [...entries.keys()],
      read: (name) => readEntry(file, entries.get(name)),
      close: () => file.close(),
    }
  } catch (error) {
    await file.close()
    // A number that points outside of the file ends in a RangeError of the buffer.
    throw error instanceof RangeError ? damaged() : error
  }
}

export const damaged = (): Refusal =>
  new Refusal(422, 'not_an_export', 'This is not an export of ChatFlow CRM, or it was altered.')

async function readDirectory(file: FileHandle): Promise<Map<string, Entry>> {
  const { size: length } = await file.stat()
  const tailFrom = Math.max(0, length - END_AND_COMMENT)
  const tail = await readAt(file, tailFrom, length - tailFrom)
  const at = tail.lastIndexOf(Buffer.from([0x50, 0x4b, 5, 6]))
  if (at < 0) throw damaged()
  const { start, size } =
    tail.readUInt32LE(at + 16) === MAX32
      ? await bigEnd(file, tail, at)
      : { start: tail.readUInt32LE(at + 16), size: tail.readUInt32LE(at + 12) }
  if (size > MAX_DIRECTORY || start + size > length) throw damaged()
  return parseDirectory(await readAt(file, start, size))
}

async function bigEnd(
  file: FileHandle,
  tail: Buffer,
  end: number,
): Promise<{ start: number; size: number }> {
  if (tail.readUInt32LE(end - 20) !== 0x07064b50) throw damaged()
  const record = await readAt(file, Number(tail.readBigUInt64LE(end - 12)), 56)
  if (record.readUInt32LE(0) !== 0x06064b50) throw damaged()
  return { size: Number(record.readBigUInt64LE(40)), start: Number(record.readBigUInt64LE(48)) }
}

function parseDirectory(bytes: Buffer): Map<string, Entry> {
  const entries = new Map<string, Entry>()
  for (let at = 0; at < bytes.length;) {
    if (bytes.readUInt32LE(at) !== 0x02014b50) throw damaged()
    const nameEnd = at + 46 + bytes.readUInt16LE(at + 28)
    const extraEnd = nameEnd + bytes.readUInt16LE(at + 30)
    const name = bytes.toString('utf8', at + 46, nameEnd)
    if (entries.has(name)) throw damaged()
    const [size = 0, packed = 0, offset = 0] = widened(
      [bytes.readUInt32LE(at + 24), bytes.readUInt32LE(at + 20), bytes.readUInt32LE(at + 42)],
      bytes.subarray(nameEnd, extraEnd),
    )
    const crc = bytes.readUInt32LE(at + 16)
    entries.set(name, { name, method: bytes.readUInt16LE(at + 10), crc, size, packed, offset })
    at = extraEnd + bytes.readUInt16LE(at + 32)
  }
  return entries
}

/** Numbers that are all ones stand, in their order, in the ZIP64 field. */
function widened(numbers: number[], extra: Buffer): number[] {
  let field = 0
  while (field + 4 <= extra.length && extra.readUInt16LE(field) !== 1)
    field += 4 + extra.readUInt16LE(field + 2)
  let next = field + 4
  return numbers.map((number) => {
    if (number !== MAX32) return number
    next += 8
    return Number(extra.readBigUInt64LE(next - 8))
  })
}

async function* readEntry(file: FileHandle, entry: Entry | undefined): AsyncGenerator<Buffer> {
  if (!entry || entry.method !== 8) throw damaged()
  let [crc, size] = [0, 0]
  for await (const chunk of inflated(file, entry)) {
    crc = checksum(chunk, crc)
    size += chunk.length
    if (size > entry.size) throw damaged()
    yield chunk
  }
  if (size !== entry.size || crc !== entry.crc) throw damaged()
}

async function* inflated(file: FileHandle, entry: Entry): AsyncGenerator<Buffer> {
  const head = await readAt(file, entry.offset, 30)
  const start = entry.offset + 30 + head.readUInt16LE(26) + head.readUInt16LE(28)
  if (head.readUInt32LE(0) !== 0x04034b50 || entry.packed === 0) throw damaged()
  const raw = Readable.from(readRange(file, start, start + entry.packed))
  const inflate = createInflateRaw()
  raw.on('error', (error) => inflate.destroy(error))
  try {
    yield* raw.pipe(inflate) as AsyncIterable<Buffer>
  } catch (error) {
    throw (error as { code?: string }).code?.startsWith('Z_') ? damaged() : error
  } finally {
    raw.destroy()
    inflate.destroy()
  }
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position)
  if (bytesRead !== length) throw damaged()
  return buffer
}
