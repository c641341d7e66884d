import { crc32 } from 'node:zlib'

/** Takes bytes in their order; resolves when it can take more. */
export type Sink = (bytes: Buffer) => Promise<void>

/** A file that is deflated already: `size` and `crc` are of the bytes before, `packed` of those after. */
export type Packed = {
  name: string
  crc: number
  size: number
  packed: number
  bytes: AsyncIterable<Buffer>
}

export type ZipWriter = {
  add(file: Packed): Promise<void>
  end(): Promise<void>
}

type Entry = Omit<Packed, 'bytes'> & { offset: number }

const UTF8_NAMES = 0x0800
const DEFLATED = 8
const OLD_VERSION = 20
const ZIP64_VERSION = 45
const REGULAR_FILE = 0o100600 * 0x10000
const MAX16 = 0xffff
export const MAX32 = 0xffffffff

/**
 * A ZIP written front to back in constant memory. Sizes are known before a file is added, so its header is exact and
 * every reader takes it; numbers that do not fit into 32 bits go into ZIP64 fields. `limit` is what 32 bits hold,
 * smaller only in tests. Source: APPNOTE.TXT 6.3, sections 4.3 and 4.5.3.
 */
export function writeZip(sink: Sink, at: Date, limit = MAX32): ZipWriter {
  const entries: Entry[] = []
  let offset = 0
  const put = async (bytes: Buffer): Promise<void> => {
    offset += bytes.length
    await sink(bytes)
  }
  return {
    async add({ bytes, ...file }) {
      const entry = { ...file, offset }
      await put(localHeader(entry, at, limit))
      for await (const chunk of bytes) await put(chunk)
      entries.push(entry)
    },
    async end() {
      const start = offset
      for (const entry of entries) await put(centralHeader(entry, at, limit))
      await put(endOf({ count: entries.length, start, size: offset - start }, limit))
    },
  }
}

/** The checksum ZIP uses, carried on from `before`. */
export const checksum = (bytes: Buffer, before = 0): number => crc32(bytes, before)

function localHeader(entry: Entry, at: Date, limit: number): Buffer {
  const isBig = entry.size >= limit || entry.packed >= limit
  const name = Buffer.from(entry.name)
  const extra = isBig ? extraField([entry.size, entry.packed]) : Buffer.alloc(0)
  const head = Buffer.alloc(30)
  head.writeUInt32LE(0x04034b50, 0)
  head.writeUInt16LE(isBig ? ZIP64_VERSION : OLD_VERSION, 4)
  writeCommon(head, 6, entry, { at, isBig })
  head.writeUInt16LE(name.length, 26)
  head.writeUInt16LE(extra.length, 28)
  return Buffer.concat([head, name, extra])
}

function centralHeader(entry: Entry, at: Date, limit: number): Buffer {
  const isBig = [entry.size, entry.packed, entry.offset].some((n) => n >= limit)
  const name = Buffer.from(entry.name)
  const extra = isBig ? extraField([entry.size, entry.packed, entry.offset]) : Buffer.alloc(0)
  const head = Buffer.alloc(46)
  head.writeUInt32LE(0x02014b50, 0)
  head.writeUInt16LE((3 << 8) | ZIP64_VERSION, 4)
  head.writeUInt16LE(isBig ? ZIP64_VERSION : OLD_VERSION, 6)
  writeCommon(head, 8, entry, { at, isBig })
  head.writeUInt16LE(name.length, 28)
  head.writeUInt16LE(extra.length, 30)
  head.writeUInt32LE(REGULAR_FILE, 38)
  head.writeUInt32LE(isBig ? MAX32 : entry.offset, 42)
  return Buffer.concat([head, name, extra])
}

/** Flags to sizes: the fields both headers have in this order. */
function writeCommon(
  head: Buffer,
  from: number,
  { crc, size, packed }: Entry,
  { at, isBig }: { at: Date; isBig: boolean },
): void {
  head.writeUInt16LE(UTF8_NAMES, from)
  head.writeUInt16LE(DEFLATED, from + 2)
  head.writeUInt16LE(dosTime(at), from + 4)
  head.writeUInt16LE(dosDate(at), from + 6)
  head.writeUInt32LE(crc, from + 8)
  head.writeUInt32LE(isBig ? MAX32 : packed, from + 12)
  head.writeUInt32LE(isBig ? MAX32 : size, from + 16)
}

function extraField(numbers: number[]): Buffer {
  const field = Buffer.alloc(4 + 8 * numbers.length)
  field.writeUInt16LE(1, 0)
  field.writeUInt16LE(8 * numbers.length, 2)
  for (const [i, number] of numbers.entries()) field.writeBigUInt64LE(BigInt(number), 4 + 8 * i)
  return field
}

type Directory = { count: number; start: number; size: number }

function endOf({ count, start, size }: Directory, limit: number): Buffer {
  const isBig = count >= MAX16 || start >= limit || size >= limit
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt16LE(isBig ? MAX16 : count, 8)
  end.writeUInt16LE(isBig ? MAX16 : count, 10)
  end.writeUInt32LE(isBig ? MAX32 : size, 12)
  end.writeUInt32LE(isBig ? MAX32 : start, 16)
  return isBig ? Buffer.concat([endOf64({ count, start, size }), end]) : end
}

/** The big end of the directory, and the note behind it that says where it lies. */
function endOf64({ count, start, size }: Directory): Buffer {
  const big = Buffer.alloc(56 + 20)
  big.writeUInt32LE(0x06064b50, 0)
  big.writeBigUInt64LE(44n, 4)
  big.writeUInt16LE((3 << 8) | ZIP64_VERSION, 12)
  big.writeUInt16LE(ZIP64_VERSION, 14)
  big.writeBigUInt64LE(BigInt(count), 24)
  big.writeBigUInt64LE(BigInt(count), 32)
  big.writeBigUInt64LE(BigInt(size), 40)
  big.writeBigUInt64LE(BigInt(start), 48)
  big.writeUInt32LE(0x07064b50, 56)
  big.writeBigUInt64LE(BigInt(start + size), 64)
  big.writeUInt32LE(1, 72)
  return big
}

const dosTime = (at: Date): number =>
  (at.getUTCHours() << 11) | (at.getUTCMinutes() << 5) | (at.getUTCSeconds() >> 1)
const dosDate = (at: Date): number =>
  ((at.getUTCFullYear() - 1980) << 9) | ((at.getUTCMonth() + 1) << 5) | at.getUTCDate()
