import type { MessageFile } from '../media/files.ts'
import { isInline } from '../media/kinds.ts'
import type { Message } from '../messages/messages.ts'
import { ownIn, textIn } from './payloads.ts'
import { signOf } from './rows.ts'
import type { Reader } from './ticks.ts'

/** What a message with a file shows of it: the file itself, or a card that says what is the matter. */
export type FileBody =
  | {
      view: 'file'
      icon: string
      title: string
      small: string
      /** Where it is saved from; '' while there is nothing to save. */
      href: string
      /** What fetches it now; '' where that is of no use. */
      again: string
    }
  | { view: 'picture'; src: string; width: number | null; height: number | null; alt: string }
  | {
      view: 'player'
      tag: 'audio' | 'video'
      src: string
      title: string
      width: number | null
      height: number | null
    }

export function fileBody(message: Message, reader: Reader): FileBody {
  const { media } = message
  if (media?.status !== 'stored' || media.mime === null) return cardOf(message, reader)
  const { width, height, mime } = media
  const src = `/media/${media.id}`
  const isShown = message.kind !== 'document' && isInline(mime)
  const who = message.direction === 'in' ? reader.contactName : 'you'
  if (isShown && mime.startsWith('image/'))
    return { view: 'picture', src, width, height, alt: `${nameOf(message)}, sent by ${who}` }
  if (isShown) {
    const tag = mime.startsWith('video/') ? 'video' : 'audio'
    return { view: 'player', tag, src, width, height, title: `${nameOf(message)}, sent by ${who}` }
  }
  return cardOf(message, reader)
}

function cardOf(message: Message, reader: Reader): FileBody {
  const [icon] = signOf(message.kind)
  const name = nameOf(message)
  const file = textIn(ownIn(message), 'filename')
  const { media } = message
  const isStored = media?.status === 'stored'
  const mayTry = media !== null && (media.status === 'failed' || isWaiting(media))
  return {
    view: 'file',
    icon,
    title: file || name,
    small: hintOf(message, reader, file ? name : ''),
    href: isStored ? `/media/${media.id}?save` : '',
    again: mayTry ? `/media/${media.id}/fetching` : '',
  }
}

/** An attempt failed, and the next one is minutes away. */
const isWaiting = ({ status, attempts, error }: MessageFile): boolean =>
  status === 'pending' && attempts > 1 && error !== null

/** What kind of file it is; WhatsApp tells a recorded note from an audio file, and a moving sticker from a still one. */
function nameOf(message: Message): string {
  const own = ownIn(message)
  if (message.kind === 'audio' && own['voice'] === false) return 'Audio'
  if (message.kind === 'sticker' && own['animated'] === true) return 'Animated sticker'
  return signOf(message.kind)[1]
}

const OVER: Record<string, string> = {
  failed: 'It came damaged from WhatsApp',
  expired: 'It left WhatsApp before it could be saved',
  refused: 'Larger than files may be here; it is still on the phone',
}

function hintOf(message: Message, reader: Reader, name: string): string {
  const { media } = message
  if (!media) return withoutFile(message, name)
  if (media.status === 'stored') return [name, sizeOf(media.size ?? 0)].filter(Boolean).join(' · ')
  return OVER[media.status] ?? underWay(media, reader)
}

function withoutFile({ kind, direction, via }: Message, name: string): string {
  if (kind === 'media_placeholder') return 'From before this number was connected'
  if (direction === 'in' || via) return 'WhatsApp did not hand the file over'
  return name || 'Sent as a link'
}

const underWay = (media: MessageFile, { times }: Reader): string =>
  isWaiting(media) && media.due_at !== null
    ? `Could not be fetched yet, next try at ${times.clock(new Date(media.due_at))}`
    : 'Fetching it from WhatsApp…'

/** Bytes as people read them: `1.2 MB`. */
export function sizeOf(bytes: number): string {
  if (bytes < 1_000) return `${bytes} bytes`
  const [unit, n] = bytes < 1_000_000 ? ['KB', bytes / 1_000] : ['MB', bytes / 1_000_000]
  return `${n < 10 ? n.toFixed(1) : Math.round(n)} ${unit}`
}
