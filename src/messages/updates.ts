import type { Sender } from './sender.ts'
import { objectOf } from './storable.ts'

type Loose = Record<string, unknown>

/** Where in a body an update stood, enough to write a body that holds this update alone. */
export type Origin = {
  object: unknown
  entry: Loose
  change: Loose
  item?: { list: 'messages' | 'statuses'; value: unknown }
}

export type From = {
  /** Absent where what stands around it nests too deep to be written again. */
  origin?: Origin
  /** Phone number id the update is about; null when the body does not say. */
  number: string | null
}

export type MessageUpdate = From & {
  type: 'message'
  wamid: string
  kind: string
  text: string | null
  /** Declared fields only, under the names WhatsApp gives them. */
  payload: Loose
  /** JSON of the whole original, to be sealed, when it holds more than `payload` and `text` say. */
  raw: string | null
  contextWamid: string | null
  at: Date
  sender: Sender
  opensWindow: boolean
  isQuiet: boolean
}

export type StatusUpdate = From & {
  type: 'status'
  wamid: string
  status: keyof typeof RANKS
  at: Date
  /** Our message id, where WhatsApp echoes it. */
  ref: string | null
  /** The number it was sent to, digits only. */
  recipient: string | null
  error: Loose | null
  billing: Loose | null
}

/** What becomes a dead letter at once; without an `origin` the whole body does. */
export type Problem = Partial<From> & {
  type: 'problem'
  reason: 'parse' | 'other'
  /** A word of ours or the name of a webhook field, never anything of the content. */
  code: string
}
export type Update = MessageUpdate | StatusUpdate | Problem

/** Ranks of `messages.rank`; `deleted` is a flag and moves nothing. */
export const RANKS = { sent: 30, failed: 40, delivered: 50, read: 60, deleted: 0 } as const

/** A body with this update alone, for a dead letter that can be replayed. */
export function bodyOf({ object, entry, change, item }: Origin): string {
  const value = around(change)
  const alone = item ? { ...change, value: { ...value, [item.list]: [item.value] } } : change
  return JSON.stringify({ object, entry: [{ ...entry, changes: [alone] }] })
}

/** What all updates of a change share. */
export function around(change: Loose): Loose {
  const { messages: _m, statuses: _s, errors: _e, ...shared } = objectOf(change['value']) ?? {}
  return shared
}
