import type { Notice } from '../notices/notice.ts'
import type { Became, Sender } from './sender.ts'
import { objectOf } from './storable.ts'

type Loose = Record<string, unknown>

/** Where in a body an update stood, enough to write a body that holds this update alone. */
export type Origin = {
  object: unknown
  entry: Loose
  change: Loose
  item?: { list: List; value: unknown }
}

/** The lists of a value whose items are understood one by one. */
export const LISTS = [
  'messages',
  'message_echoes',
  'history',
  'calls',
  'statuses',
  'user_preferences',
  'user_id_update',
  'state_sync',
  'groups',
  'automatic_events',
  'user_actions',
  'errors',
] as const
export type List = (typeof LISTS)[number]

export type From = {
  /** Absent where what stands around it nests too deep to be written again. */
  origin?: Origin
  /** Phone number id the update is about; null when the body does not say. */
  number: string | null
}

/**
 * The road a message came by where it is not the API's own: sent from the phone app, or by another partner on the same
 * number; part of the phone app's history; seen while somebody else handles the conversation.
 */
export type Via = 'phone' | 'partner' | 'history' | 'standby'

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
  direction: 'in' | 'out'
  via: Via | null
  /** How far a message of ours came that WhatsApp tells us of; `received` for theirs. */
  status: 'received' | 'accepted' | 'sent' | 'failed' | 'delivered' | 'read'
  /** The customer, whichever side wrote. */
  sender: Sender
  /** What else the customer is known by from now on. */
  became: Became | null
  /** What the customer told WhatsApp about what they want to get. */
  preference: { category: string; value: 'stop' | 'resume' } | null
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
  /** The number it was sent to, digits only, and the user id behind it. */
  recipient: string | null
  recipientUser: string | null
  error: Loose | null
  billing: Loose | null
}

/** A person in the address book of the phone app, or one taken out of it (`name` null). */
export type BookUpdate = From & { type: 'book'; sender: Sender; name: string | null; at: Date }

/** What Meta reports of an account, a number or a template. */
export type NoticeUpdate = From & { type: 'notice'; notice: Notice }

/** What becomes a dead letter at once; without an `origin` the whole body does. */
export type Problem = Partial<From> & {
  type: 'problem'
  reason: 'parse' | 'other'
  /** A word of ours or the name of a webhook field, never anything of the content. */
  code: string
}
/** What is stored when nothing of it is wrong. */
export type Storable = MessageUpdate | StatusUpdate | BookUpdate | NoticeUpdate
export type Update = Storable | Problem

/** Ranks of `messages.rank`; those of 0 move nothing: a flag, a remark, one member's receipt in a group. */
export const RANKS = {
  sent: 30,
  failed: 40,
  delivered: 50,
  read: 60,
  deleted: 0,
  warning: 0,
  member_delivered: 0,
  member_read: 0,
} as const

/** A body with this update alone, for a dead letter that can be replayed. */
export function bodyOf({ object, entry, change, item }: Origin): string {
  const value = around(change)
  const alone = item ? { ...change, value: { ...value, [item.list]: [item.value] } } : change
  return JSON.stringify({ object, entry: [{ ...entry, changes: [alone] }] })
}

/** What all updates of a change share. */
export function around(change: Loose): Loose {
  const value = objectOf(change['value']) ?? {}
  return Object.fromEntries(
    Object.entries(value).filter(([name]) => !(LISTS as readonly string[]).includes(name)),
  )
}
