/** Kinds of message that carry a file. */
export const MEDIA_KINDS = ['image', 'video', 'audio', 'document', 'sticker'] as const
export type MediaKind = (typeof MEDIA_KINDS)[number]

export const isMediaKind = (kind: string): kind is MediaKind =>
  (MEDIA_KINDS as readonly string[]).includes(kind)

const KB = 1_024
const MB = 1_048_576

/**
 * The largest file that is taken of each kind. Wider than what may be sent: a customer's file that WhatsApp handed over is
 * not lost over a limit of ours. Source: WhatsApp Cloud API, incoming media of at most 100 MB.
 */
export const MOST_TAKEN: Readonly<Record<MediaKind, number>> = {
  image: 16 * MB,
  video: 100 * MB,
  audio: 100 * MB,
  document: 100 * MB,
  sticker: MB,
}

type Sendable = { types: readonly string[]; most: number; says: string }

/** What may be sent as each kind, by the type of its bytes. Source: WhatsApp Cloud API, supported media types and sizes. */
export const SENDABLE: Readonly<Record<MediaKind, Sendable>> = {
  image: { types: ['image/jpeg', 'image/png'], most: 5 * MB, says: 'JPEG or PNG of at most 5 MB' },
  video: { types: ['video/mp4', 'video/3gpp'], most: 16 * MB, says: 'MP4 or 3GP of at most 16 MB' },
  audio: {
    types: ['audio/aac', 'audio/amr', 'audio/mpeg', 'audio/mp4', 'audio/ogg'],
    most: 16 * MB,
    says: 'AAC, AMR, MP3, MP4 audio or Ogg of at most 16 MB',
  },
  document: {
    types: [],
    most: 100 * MB,
    says: 'PDF, text, office files, pictures, sound and film of at most 100 MB',
  },
  sticker: { types: ['image/webp'], most: 500 * KB, says: 'WebP of at most 500 KB' },
}

/** Shown in the page; whatever is not here is only ever saved as a file. */
const INLINE: ReadonlySet<string> = new Set([
  'image/jpeg',
  'image/png',
  'image/webp',
  'image/gif',
  'audio/ogg',
  'audio/mpeg',
  'audio/mp4',
  'audio/aac',
  'audio/amr',
  'video/mp4',
  'video/3gpp',
])
export const isInline = (mime: string): boolean => INLINE.has(mime)

/** Of a type that says nothing, and is opened by nothing by itself. */
export const UNKNOWN_TYPE = 'application/octet-stream'

const EXTENSIONS: Readonly<Record<string, string>> = {
  'image/jpeg': '.jpg',
  'image/png': '.png',
  'image/webp': '.webp',
  'image/gif': '.gif',
  'audio/ogg': '.ogg',
  'audio/mpeg': '.mp3',
  'audio/mp4': '.m4a',
  'audio/aac': '.aac',
  'audio/amr': '.amr',
  'video/mp4': '.mp4',
  'video/3gpp': '.3gp',
  'application/pdf': '.pdf',
}
/** How the name of a file of this type ends, where it has none of its own. */
export const extensionOf = (mime: string): string => EXTENSIONS[mime] ?? ''
