import { BETWEEN, spellingsOf } from './spellings.ts'

/** Looks through bytes as they come; answers the values that were found so far, by their place in the list. */
export type Matcher = {
  /** Bytes that go on from those before. */
  look(bytes: Buffer): void
  /** Nothing goes on any more: what was found, and the matcher begins anew. */
  found(): number[]
}

/** Bytes of the end of one part that are looked at again with the next: longer than any spelling. */
const OVERLAP = 1_024

/** Every spelling of every value at once: each byte is read once, however many values there are. */
export function matcherOf(values: string[]): Matcher {
  const [folded, exact, digits] = [newIndex(), newIndex(), newIndex()]
  for (const [n, value] of values.entries()) {
    const spellings = spellingsOf(value)
    for (const text of spellings.folded) add(folded, fold(Buffer.from(text)), n)
    add(folded, fold(Buffer.from(value, 'utf16le')), n)
    for (const text of spellings.exact) add(exact, Buffer.from(text), n)
    if (spellings.digits) add(digits, Buffer.from(spellings.digits), n)
  }
  let rest: Buffer = Buffer.alloc(0)
  let hits = new Set<number>()
  return {
    look(bytes) {
      const all = rest.length > 0 ? Buffer.concat([rest, bytes]) : bytes
      scan(exact, all, hits)
      scan(folded, fold(all), hits)
      if (digits.size > 0) scan(digits, together(all), hits)
      rest = Buffer.from(all.subarray(-OVERLAP))
    },
    found() {
      const found = [...hits].toSorted((a, b) => a - b)
      rest = Buffer.alloc(0)
      hits = new Set()
      return found
    },
  }
}

type Pattern = { bytes: Buffer; n: number }
/** Patterns by their first four bytes; `first` knows which two they may begin with. */
type Index = { first: Uint8Array; byStart: Map<number, Pattern[]>; size: number }

const newIndex = (): Index => ({ first: new Uint8Array(65_536), byStart: new Map(), size: 0 })

function add(index: Index, bytes: Buffer, n: number): void {
  if (bytes.length < 4) return
  const start = bytes.readInt32LE()
  index.first[bytes.readUInt16LE()] = 1
  index.byStart.set(start, [...(index.byStart.get(start) ?? []), { bytes, n }])
  index.size += 1
}

function scan({ first, byStart }: Index, bytes: Buffer, hits: Set<number>): void {
  const last = bytes.length - 4
  for (let at = 0; at <= last; at += 1) {
    if (first[(bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8)] === 0) continue
    for (const { bytes: pattern, n } of byStart.get(bytes.readInt32LE(at)) ?? [])
      if (bytes.subarray(at, at + pattern.length).equals(pattern)) hits.add(n)
  }
}

const LOWER = Uint8Array.from({ length: 256 }, (_, code) =>
  code >= 65 && code <= 90 ? code + 32 : code,
)

function fold(bytes: Buffer): Buffer {
  const folded = Buffer.allocUnsafe(bytes.length)
  for (let at = 0; at < bytes.length; at += 1) folded[at] = LOWER[bytes[at] ?? 0] ?? 0
  return folded
}

const IS_BETWEEN = new Uint8Array(256)
for (const code of Buffer.from(BETWEEN)) IS_BETWEEN[code] = 1

/** Without what stands between digits. */
function together(bytes: Buffer): Buffer {
  const kept = Buffer.allocUnsafe(bytes.length)
  let length = 0
  for (const code of bytes)
    if (IS_BETWEEN[code] === 0) {
      kept[length] = code
      length += 1
    }
  return kept.subarray(0, length)
}
