import { messageIn, type Road } from './parse-message.ts'
import { cleaned, itemOf, problem, type Found, type Loose, type Parse } from './reading.ts'
import { isSameNumber, personIn } from './sender.ts'
import { Message } from './shapes.ts'
import { isTooDeep, listOf, objectOf } from './storable.ts'
import { Thread } from './talk-shapes.ts'
import type { Update } from './updates.ts'

/**
 * A chunk of what the phone app knows from before: old messages of both sides, and a notice of how far the import is
 * or that the business does not share its history. Chunks come in any order, and a message may come in several.
 * Source: WhatsApp Cloud API, history.
 */
export function parseHistory(found: Found, parseNotice: Parse): Update[] {
  const chunk = objectOf(found.item)
  if (!chunk) return [{ ...problem('parse', 'history'), ...found.from }]
  const { threads, ...about } = chunk
  const isTold = Object.keys(about).length > 0
  return [
    ...(isTold && !isTooDeep(about) ? [parseNotice(itemOf(found, 'history', about))].flat() : []),
    ...listOf(threads).flatMap((thread) => parseThread(found, objectOf(thread) ?? {})),
  ]
}

function parseThread(found: Found, { messages, ...thread }: Loose): Update[] {
  if (isTooDeep(thread)) return [problem('parse', 'too_deep')]
  const about = Thread.parse(cleaned(found.reading, thread) ?? {})
  return listOf(messages).map((item) => {
    if (isTooDeep(item)) return problem('parse', 'too_deep')
    const alone = itemOf(found, 'history', { threads: [{ ...thread, messages: [item] }] })
    return parseOld({ ...alone, item, clean: cleaned(found.reading, item) }, about)
  })
}

function parseOld(found: Found, about: Thread): Update {
  const message = Message.parse(found.clean ?? {})
  const { id, context } = about
  const { wa_id = id, user_id: userId, parent_user_id: parentId, username } = context ?? {}
  return messageIn(found, message, {
    sender: personIn({ id: wa_id, userId, parentId, username }, found.profiles),
    road: roadOf(message, about),
  })
}

const STATUSES: Record<string, Road['status']> = {
  ERROR: 'failed',
  PENDING: 'accepted',
  SENT: 'sent',
  DELIVERED: 'delivered',
  READ: 'read',
  PLAYED: 'read',
}

/** Newer chunks say whose a message is; else it is theirs when its author is the person the thread is with. */
function roadOf(message: Message, thread: Thread): Road {
  const { history_context: context } = message
  const isOurs = context?.from_me ?? !isByThem(message, thread)
  if (!isOurs) return { direction: 'in', via: 'history', status: 'received' }
  const status = STATUSES[context?.status?.toUpperCase() ?? ''] ?? 'sent'
  return { direction: 'out', via: 'history', status }
}

function isByThem({ from, from_user_id, to }: Message, { id, context }: Thread): boolean {
  if (from === undefined) return from_user_id !== undefined
  const names = [id, context?.wa_id].filter((name) => name !== undefined)
  return names.some((name) => isSameNumber(name, from)) || (to === undefined && names.length === 0)
}
