import { UNKNOWN_TYPE } from './kinds.ts'

/** As much of a file as its type and the size of a picture are looked for in. */
export const HEAD_BYTES = 65_536

const begins = (head: Buffer, hex: string, at = 0): boolean =>
  head.subarray(at, at + hex.length / 2).toString('hex') === hex
const says = (head: Buffer, text: string, at = 0): boolean =>
  head.subarray(at, at + text.length).toString('latin1') === text

/** Each type by how its bytes begin. Source: the formats' own specifications. */
const SIGNS: readonly [mime: string, is: (head: Buffer) => boolean][] = [
  ['image/jpeg', (head) => begins(head, 'ffd8ff')],
  ['image/png', (head) => begins(head, '89504e470d0a1a0a')],
  ['image/gif', (head) => says(head, 'GIF87a') || says(head, 'GIF89a')],
  ['image/webp', (head) => says(head, 'RIFF') && says(head, 'WEBP', 8)],
  ['audio/ogg', (head) => says(head, 'OggS')],
  ['audio/amr', (head) => says(head, '#!AMR')],
  ['video/3gpp', (head) => says(head, 'ftyp3g', 4)],
  ['audio/mp4', (head) => says(head, 'ftypM4A', 4)],
  ['video/mp4', (head) => says(head, 'ftyp', 4)],
  ['audio/mpeg', (head) => says(head, 'ID3')],
  ['audio/aac', (head) => begins(head, 'fff1') || begins(head, 'fff9')],
  ['audio/mpeg', (head) => head[0] === 0xff && ((head[1] ?? 0) & 0xe6) === 0xe2],
  ['application/pdf', (head) => says(head, '%PDF-')],
  ['application/zip', (head) => begins(head, '504b0304')],
]
/** Types that share their beginning: a sound in the container of a film is told apart by what it was called alone. */
const TWINS: readonly [string, string][] = [
  ['video/mp4', 'audio/mp4'],
  ['video/3gpp', 'audio/3gpp'],
  ['audio/mp4', 'video/mp4'],
]
const OPENS_NOTHING = /^(?:application\/(?:pdf|zip|msword|vnd\.[\w.-]+)|text\/(?:plain|csv))$/

/** Types that no program runs when they are opened. */
export const opensNothing = (mime: string): boolean => OPENS_NOTHING.test(mime)

/** What the bytes are; undefined for what has no sign of its own, as all text. */
export const typeOf = (head: Buffer): string | undefined => SIGNS.find(([, is]) => is(head))?.[0]

/** A type without its parameters, in small letters: `audio/ogg; codecs=opus` is `audio/ogg`. */
export const bareType = (mime: string): string =>
  (mime.split(';')[0] ?? '').trim().toLowerCase().replace('audio/mp3', 'audio/mpeg')

/**
 * The type under which a file is handed out: the declared one where its bytes agree, else one that no program opens by
 * itself. The bytes' own type is no verdict on their safety; the headers they go out with are (`http/media-file.ts`).
 */
export function agreedType(declared: string, head: Buffer): string {
  const mime = bareType(declared)
  const found = typeOf(head)
  if (found === mime || TWINS.some(([a, b]) => a === found && b === mime)) return mime
  const isContainer = found === 'application/zip' && OPENS_NOTHING.test(mime)
  const isSignless = found === undefined && OPENS_NOTHING.test(mime)
  return isContainer || isSignless ? mime : UNKNOWN_TYPE
}

export type Dimensions = { width: number; height: number }

/** Width and height of a picture, so that a page leaves room for it; undefined where the head does not tell. */
export function dimensionsOf(mime: string, head: Buffer): Dimensions | undefined {
  const found = READERS[mime]?.(head)
  return found && found.width > 0 && found.height > 0 ? found : undefined
}

type ReadSize = (head: Buffer) => Dimensions | undefined
const READERS: Readonly<Record<string, ReadSize>> = {
  'image/png': (head) =>
    head.length < 24 ? undefined : { width: head.readUInt32BE(16), height: head.readUInt32BE(20) },
  'image/gif': (head) =>
    head.length < 10 ? undefined : { width: head.readUInt16LE(6), height: head.readUInt16LE(8) },
  'image/webp': webpSize,
  'image/jpeg': jpegSize,
}

/** The three forms of WebP: lossy, lossless, extended. Source: RFC 9649, section 2. */
function webpSize(head: Buffer): Dimensions | undefined {
  if (head.length < 30) return undefined
  const form = head.subarray(12, 16).toString('latin1')
  if (form === 'VP8X')
    return { width: head.readUIntLE(24, 3) + 1, height: head.readUIntLE(27, 3) + 1 }
  if (form === 'VP8 ')
    return { width: head.readUInt16LE(26) & 0x3fff, height: head.readUInt16LE(28) & 0x3fff }
  const bits = head.readUInt32LE(21)
  return form === 'VP8L'
    ? { width: (bits & 0x3fff) + 1, height: ((bits >> 14) & 0x3fff) + 1 }
    : undefined
}

const ORIENTATION = 0x0112

/** Walks the segments to the frame header; a picture that was held sideways is turned as a browser turns it. Source: ITU-T T.81, B.2; Exif 2.3. */
function jpegSize(head: Buffer): Dimensions | undefined {
  let isTurned = false
  for (let at = 2; at + 9 < head.length && head[at] === 0xff;) {
    const marker = head[at + 1] ?? 0
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)
    if (isFrame) {
      const [height, width] = [head.readUInt16BE(at + 5), head.readUInt16BE(at + 7)]
      return isTurned ? { width: height, height: width } : { width, height }
    }
    if (marker === 0xe1) isTurned = isSideways(head.subarray(at + 4))
    at += 2 + head.readUInt16BE(at + 2)
  }
  return undefined
}

function isSideways(exif: Buffer): boolean {
  if (!says(exif, 'Exif\0\0') || exif.length < 24) return false
  const isLittle = says(exif, 'II', 6)
  const u16 = (at: number): number =>
    at + 2 > exif.length ? 0 : isLittle ? exif.readUInt16LE(at) : exif.readUInt16BE(at)
  const entries = u16(14)
  for (let n = 0; n < entries; n += 1)
    if (u16(16 + n * 12) === ORIENTATION) return u16(24 + n * 12) >= 5
  return false
}
