import type { Message } from '../messages/messages.ts'
import type { Decision } from '../sending/cause.ts'
import { bodyOf, type Body } from './bodies.ts'
import { lineOf, type Line } from './lines.ts'
import { adOf, marksOf } from './marks.ts'
import { ownIn, textIn } from './payloads.ts'
import { signOf } from './rows.ts'
import { adviceOf, tickOf, type Advice, type Reader, type Tick } from './ticks.ts'

export type Piece = { text: string; href?: string }
export type Shown = {
  id: string
  conversation: string
  side: 'in' | 'out'
  by: string
  /** Of what happened without being said: a line between the bubbles, and nothing of a bubble. */
  line: Line | undefined
  body: Body
  /** What is to be known before the words: forwarded, in a group, handled elsewhere. */
  marks: { icon: string; text: string }[]
  /** The ad or post that brought the customer here. */
  ad: { title: string; text: string; href: string } | undefined
  pieces: Piece[]
  hasText: boolean
  edited: { at: string; earlier: string } | undefined
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
  /** What is right instead of what it says. */
  corrections: { text: string; at: string }[]
  /** Still in our hands; offered only when it takes long, so that nothing flashes by. */
  mayCancel: boolean
  late: boolean
}

export type Around = {
  reader: Reader
  quoted?: Message | undefined
  reactions?: { emoji: string; direction: 'in' | 'out' }[]
  cause?: Decision | undefined
  /** Rows that speak of this one: how a call went. */
  remarks?: Message[]
}

/** Nothing heard for so long is worth a word; the same number as in public/js/clock.js. */
const LATE_MS = 15_000

/** A message as the thread shows it: everything decided, nothing left to the view but showing. */
export function showMessage(message: Message, around: Around): Shown {
  const { reader, quoted, reactions = [], remarks = [], cause } = around
  const out = message.direction === 'out'
  const body = bodyOf(message, reader)
  const text = body.view === 'gone' ? '' : wordsOf(message)
  return {
    id: message.id,
    conversation: message.conversation_id,
    side: message.direction,
    by: out ? authorOf(message, cause) : reader.contactName,
    line: lineOf(message, reader, remarks),
    body,
    marks: marksOf(message),
    ad: adOf(message),
    pieces: linkify(text),
    hasText: text !== '',
    edited: message.edited_at
      ? { at: reader.times.clock(message.edited_at), earlier: message.earlier_text ?? '' }
      : undefined,
    at: message.created_at,
    isoTime: message.created_at.toISOString(),
    time: reader.times.clock(message.created_at),
    fullTime: reader.times.full(message.created_at),
    tick: out ? tickOf(message, reader) : undefined,
    failed: message.status === 'failed',
    unsure: message.status === 'unknown',
    quote: quoteFor(message, quoted, reader),
    reactions: reactions.map(({ emoji, direction }) => ({
      emoji,
      label: `${direction === 'out' ? 'You' : reader.contactName} reacted with ${emoji}`,
    })),
    hasCause: cause !== undefined,
    advice: adviceOf(message, reader),
    corrections: message.corrections.map(({ text: right, at }) => ({
      text: right,
      at: reader.times.date(new Date(at)),
    })),
    mayCancel: message.status === 'queued',
    late: reader.now.getTime() - message.created_at.getTime() > LATE_MS,
  }
}

/** Whose name stands over a message of ours: a person's, a program's, or the road it came by. */
function authorOf({ author_name, via }: Message, cause: Decision | undefined): string {
  if (via === 'partner') return 'Another application'
  if (via) return 'Phone app'
  return author_name ?? (cause?.key ? `API key “${cause.key.name}”` : '')
}

/** A template has no text of its own here; its name stands for it. */
function wordsOf(message: Message): string {
  if (message.text) return message.text
  return message.kind === 'template' ? `Template · ${textIn(ownIn(message), 'name')}` : ''
}

/** What is quoted: of an edit or a deletion, which stand alone where their message is not here, nothing. */
function quoteFor(message: Message, quoted: Message | undefined, reader: Reader): Shown['quote'] {
  if (!message.context_wamid || ['edit', 'revoke'].includes(message.kind)) return undefined
  return quoteOf(quoted, reader.contactName)
}

function quoteOf(quoted: Message | undefined, contactName: string): Shown['quote'] {
  if (!quoted) return { id: '', by: '', text: 'An earlier message' }
  const by = quoted.direction === 'out' ? (quoted.author_name ?? 'You') : contactName
  const kind = quoted.revoked_at ? 'revoke' : quoted.kind
  return { id: quoted.id, by, text: quoted.text ?? signOf(kind)[1] }
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
