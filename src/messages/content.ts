import { KINDS, type Message } from './shapes.ts'

type Loose = Record<string, unknown>

const MAX_WAMID = 500
const QUIET = new Set(['reaction', 'system', 'edit', 'revoke'])
/** What an `unsupported` message stands for when the customer only touched an earlier one. */
const QUIET_UNSUPPORTED = new Set([
  'edit',
  'revoke',
  'reaction',
  'pin',
  'keep_in_chat',
  'poll_update',
])

/** What may stand beside the content of any kind. */
const AROUND = ['context', 'errors', 'group_id', 'identity', 'origin', 'referral'] as const

export const isWamid = (id: string | undefined): id is string =>
  id !== undefined && id !== '' && id.length <= MAX_WAMID

/** The type WhatsApp gives, also one we do not know; without a usable one, that of the content found. */
export function kindOf(message: Message): string {
  const { type = '' } = message
  if (/^[a-z_]{1,40}$/.test(type)) return type
  const given = Object.entries(message).find(([key, value]) => KINDS.has(key) && value)
  return given?.[0] ?? 'unknown'
}

type Captioned = Pick<Message, 'image' | 'video' | 'document'>
const captionOf = ({ image, video, document }: Captioned): string | undefined =>
  [image, video, document].find((media) => media?.caption)?.caption

const answerOf = ({ interactive }: Message): string | undefined =>
  interactive?.button_reply?.title ?? interactive?.list_reply?.title ?? interactive?.nfm_reply?.body

const editedOf = (message: Message): string | undefined => {
  const now = message.edit?.message
  return now && (now.text?.body ?? captionOf(now))
}

const WORDS: Record<string, (message: Message) => string | undefined> = {
  text: ({ text }) => text?.body,
  image: captionOf,
  video: captionOf,
  document: captionOf,
  button: ({ button }) => button?.text,
  order: ({ order }) => order?.text,
  interactive: answerOf,
  edit: editedOf,
}

/** The words of a message as people read and search them, or null. What the system says is not the customer's. */
export const wordsOf = (kind: string, message: Message): string | null =>
  (Object.hasOwn(WORDS, kind) && WORDS[kind]?.(message)) || null

/**
 * The declared object of the kind, in WhatsApp's own shape, and beside its fields what stands around it
 * (context, referral, errors, …). Shared contacts are a list, kept as `contacts`. A text has its own column.
 */
export function payloadOf(kind: string, message: Message): Loose {
  const around = Object.fromEntries(AROUND.map((name) => [name, message[name]]))
  if (kind === 'text') return around
  if (kind === 'contacts') return { ...around, contacts: message.contacts }
  return { ...around, ...(message as Loose & { [kind: string]: object | undefined })[kind] }
}

/** The message this one answers, reacts to, changes or takes back. */
export function contextOf(kind: string, message: Message): string | null {
  const target =
    kind === 'reaction'
      ? message.reaction?.message_id
      : (message[kind === 'revoke' ? 'revoke' : 'edit']?.original_message_id ?? message.context?.id)
  return isWamid(target) ? target : null
}

/**
 * What a message means for its conversation. `opensWindow`: free-form answers are allowed for 24 hours.
 * `isQuiet`: nothing to answer, so it neither counts as unread nor reopens the conversation.
 * Source: WhatsApp Cloud API, customer service windows; reactions and notices are taken not to open one,
 * and a message to a group is none to us.
 */
export function meaningOf(
  kind: string,
  message: Message,
): { opensWindow: boolean; isQuiet: boolean } {
  const touched = kind === 'unsupported' ? (message.unsupported?.type ?? '') : ''
  const isQuiet = QUIET.has(kind) || QUIET_UNSUPPORTED.has(touched)
  return { isQuiet, opensWindow: !isQuiet && message.group_id === undefined }
}
