import type { Message } from '../messages/messages.ts'
import type { Decision } from '../sending/cause.ts'
import { signOf } from './rows.ts'
import { adviceOf, tickOf, type Advice, type Reader, type Tick } from './ticks.ts'

export type Piece = { text: string; href?: string }
export type Shown = {
  id: string
  conversation: string
  side: 'in' | 'out'
  by: string
  /** The view that shows the body: one per shape, not per kind. */
  body: 'text' | 'file' | 'choice' | 'place' | 'cards' | 'unsupported'
  sign: { icon: string; word: string }
  pieces: Piece[]
  hasText: boolean
  detail: string
  at: Date
  isoTime: string
  time: string
  fullTime: string
  tick: Tick | undefined
  failed: boolean
  unsure: boolean
  quote: { id: string; by: string; text: string } | undefined
  reactions: { emoji: string; label: string }[]
  /** It is kept why it was sent, and a page says so. */
  hasCause: boolean
  advice: Advice | undefined
  /** Still in our hands; offered only when it takes long, so that nothing flashes by. */
  mayCancel: boolean
  late: boolean
}

type Around = {
  reader: Reader
  quoted: Message | undefined
  reactions: { emoji: string; direction: 'in' | 'out' }[]
  cause: Decision | undefined
}

/** Nothing heard for so long is worth a word; the same number as in public/js/clock.js. */
const LATE_MS = 15_000

const BODIES: Record<string, Shown['body']> = {
  text: 'text',
  template: 'text',
  image: 'file',
  video: 'file',
  audio: 'file',
  document: 'file',
  sticker: 'file',
  interactive: 'choice',
  button: 'choice',
  location: 'place',
  contacts: 'cards',
}

/** A message as the thread shows it: everything decided, nothing left to the view but showing. */
export function showMessage(message: Message, around: Around): Shown {
  const { reader, quoted } = around
  const [icon, word] = signOf(message.kind)
  const first = reader.contactName
  const out = message.direction === 'out'
  const text = wordsOf(message)
  return {
    id: message.id,
    conversation: message.conversation_id,
    side: message.direction,
    by: out ? (message.author_name ?? programOf(around.cause)) : first,
    body: BODIES[message.kind] ?? 'unsupported',
    sign: { icon, word },
    pieces: linkify(text),
    hasText: text !== '',
    detail: detailOf(message),
    at: message.created_at,
    isoTime: message.created_at.toISOString(),
    time: reader.times.clock(message.created_at),
    fullTime: reader.times.full(message.created_at),
    tick: out ? tickOf(message, reader) : undefined,
    failed: message.status === 'failed',
    unsure: message.status === 'unknown',
    quote: message.context_wamid ? quoteOf(quoted, first) : undefined,
    reactions: around.reactions.map(({ emoji, direction }) => ({
      emoji,
      label: `${direction === 'out' ? 'You' : first} reacted with ${emoji}`,
    })),
    hasCause: around.cause !== undefined,
    advice: adviceOf(message, reader),
    mayCancel: message.status === 'queued',
    late: reader.now.getTime() - message.created_at.getTime() > LATE_MS,
  }
}

/** Whose name stands over what nobody wrote by hand. */
const programOf = (cause: Decision | undefined): string =>
  cause?.key ? `API key “${cause.key.name}”` : ''

/** A template has no text of its own here; its name stands for it. */
function wordsOf(message: Message): string {
  if (message.text) return message.text
  return message.kind === 'template' ? `Template · ${detailOf(message)}` : ''
}

function quoteOf(quoted: Message | undefined, contactName: string): Shown['quote'] {
  if (!quoted) return { id: '', by: '', text: 'An earlier message' }
  const by = quoted.direction === 'out' ? (quoted.author_name ?? 'You') : contactName
  return { id: quoted.id, by, text: quoted.text ?? signOf(quoted.kind)[1] }
}

/** A name, address or file name out of the declared fields, whatever level they lie on. */
function detailOf({ kind, payload }: Message): string {
  const own = payload[kind] ?? payload
  const words = (value: unknown, ...names: string[]): string[] =>
    names.flatMap((name) => {
      const found = (value as Record<string, unknown> | null)?.[name]
      return typeof found === 'string' && found !== '' ? [found] : []
    })
  if (kind === 'contacts' && Array.isArray(own))
    return own.flatMap((card: { name?: unknown }) => words(card.name, 'formatted_name')).join(', ')
  return words(own, 'filename', 'name', 'address').join(' · ')
}

const LINK = /https?:\/\/[^\s<>"']+[^\s<>"'.,;:!?)\]}]/g

/** Text in pieces, the addresses in it as links; nothing of it is ever taken as markup. */
export function linkify(text: string): Piece[] {
  const pieces: Piece[] = []
  let end = 0
  for (const match of text.matchAll(LINK)) {
    const [href] = match
    if (!URL.canParse(href)) continue
    if (match.index > end) pieces.push({ text: text.slice(end, match.index) })
    pieces.push({ text: href, href })
    end = match.index + href.length
  }
  if (end < text.length || pieces.length === 0) pieces.push({ text: text.slice(end) })
  return pieces
}
