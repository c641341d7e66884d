import { problem, timeIn, type Found, type Loose } from './reading.ts'
import type { Sender } from './sender.ts'
import { covers } from './storable.ts'
import type { MessageUpdate, Update } from './updates.ts'

type Event = Pick<MessageUpdate, 'wamid' | 'kind'> & {
  sender: Sender | undefined
  payload: Loose
  /** WhatsApp's time of it, as it was given. */
  time: unknown
  /** The object as our fields declare it. */
  declared: object
} & Partial<Omit<MessageUpdate, 'sender' | 'payload' | 'type'>>

/**
 * Something that happened in a conversation without anybody writing: a call, a wish, a payment. It is kept as a row
 * among the messages, so that it has its place in the thread and goes with the person. Quiet unless told.
 */
export function eventIn(found: Found, { sender, time, declared, ...event }: Event): Update {
  if (!sender) return { ...problem('parse', 'sender'), ...found.from }
  return {
    type: 'message',
    ...found.from,
    text: null,
    raw: covers(found.item, declared) ? null : JSON.stringify(found.item),
    contextWamid: null,
    at: timeIn(found, time),
    direction: 'in',
    via: null,
    status: event.direction === 'out' ? 'sent' : 'received',
    sender,
    became: null,
    preference: null,
    opensWindow: false,
    isQuiet: true,
    ...event,
  }
}

/** A word of WhatsApp's that may become part of an id or a key. */
export const codeOf = (value: string | undefined): string =>
  value !== undefined && /^[A-Za-z_]{1,60}$/.test(value) ? value.toLowerCase() : 'unknown'
