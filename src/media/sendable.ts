import { Refusal } from '../refusal.ts'
import { MEDIA_KINDS, SENDABLE, type MediaKind } from './kinds.ts'
import { opensNothing } from './sniff.ts'

type Facts = { mime: string; size: number }

/** Sound in Ogg is taken with this codec alone. Source: WhatsApp Cloud API, supported media types. */
const isOpus = (head: Buffer): boolean => head.subarray(0, 64).includes('OpusHead')

const fits = (kind: MediaKind, { mime, size }: Facts): boolean =>
  size <= SENDABLE[kind].most &&
  (kind === 'document' ? isDocument(mime) : SENDABLE[kind].types.includes(mime))

const isDocument = (mime: string): boolean =>
  opensNothing(mime) || /^(image|audio|video)\//.test(mime)

/** What a file is best sent as: as itself where WhatsApp takes it so, else as a document. A sticker is asked for by name. */
export function kindFor(file: Facts & { head: Buffer }): MediaKind {
  const isOther = file.mime === 'audio/ogg' && !isOpus(file.head)
  const own = MEDIA_KINDS.find(
    (kind) => kind !== 'sticker' && kind !== 'document' && fits(kind, file),
  )
  return own === undefined || isOther ? 'document' : own
}

/** Throws Refusal 422 `not_sendable`, which says what WhatsApp takes, for a file that it would not take as this kind. */
export function checkSendable(kind: MediaKind, file: Facts): void {
  if (fits(kind, file)) return
  const detail = `WhatsApp takes ${SENDABLE[kind].says} as ${kind === 'image' || kind === 'audio' ? 'an' : 'a'} ${kind}.`
  throw new Refusal(422, 'not_sendable', detail, { file: detail })
}
