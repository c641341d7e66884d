import { contextOf, isWamid, kindOf, meaningOf, payloadOf, wordsOf } from './content.ts'
import { problem, type Found } from './reading.ts'
import { becameIn, personIn, senderOf, type Sender } from './sender.ts'
import { KINDS, Message } from './shapes.ts'
import { covers, cut, timeOf } from './storable.ts'
import type { MessageUpdate, Update, Via } from './updates.ts'

const MAX_TEXT = 100_000

/** Which side wrote a message, and the road it came by. */
export type Road = Pick<MessageUpdate, 'direction' | 'via' | 'status'>

const LIVE: Road = { direction: 'in', via: null, status: 'received' }

/** A message of a customer: live, seen on standby, or a file of the phone app's history that follows its placeholder. */
export function parseMessage(found: Found): Update {
  const message = Message.parse(found.clean ?? {})
  return messageIn(found, message, {
    sender: senderOf(message, found.profiles),
    road: { ...LIVE, via: viaOf(found.field) },
  })
}

/** What the business itself sent, from the phone app or by another partner; it never counts as unread. */
export function parseEcho(found: Found): Update {
  const message = Message.parse(found.clean ?? {})
  const { to: id, to_user_id: userId, to_parent_user_id: parentId } = message
  return messageIn(found, message, {
    sender: personIn({ id, userId, parentId }, found.profiles),
    road: { direction: 'out', via: viaOf(found.field) ?? 'phone', status: 'sent' },
  })
}

const VIAS: Record<string, Via> = {
  smb_message_echoes: 'phone',
  message_echoes: 'partner',
  history: 'history',
  standby: 'standby',
}
const viaOf = (field: string): Via | null => VIAS[field] ?? null

/** A message with its content, or what it lacks to be one: an id or a customer. */
export function messageIn(
  found: Found,
  message: Message,
  { sender, road }: { sender: Sender | undefined; road: Road },
): Update {
  const { id: wamid } = message
  if (isWamid(wamid) && sender)
    return {
      type: 'message',
      ...found.from,
      wamid,
      sender,
      ...contentOf(found, message, road),
      ...road,
      became: road.direction === 'in' ? becameIn(message) : null,
      preference: null,
    }
  const lacks = isWamid(wamid) ? 'sender' : 'id'
  return { ...problem('parse', found.clean ? lacks : 'message'), ...found.from }
}

type Content = Pick<
  MessageUpdate,
  'kind' | 'text' | 'payload' | 'raw' | 'contextWamid' | 'at' | 'opensWindow' | 'isQuiet'
>

function contentOf({ reading, item }: Found, message: Message, road: Road): Content {
  const kind = kindOf(message)
  const words = wordsOf(kind, message)
  const text = words === null ? null : cut(words, MAX_TEXT)
  const time = timeOf(message.timestamp, reading.arrived)
  const isWhole = KINDS.has(kind) && time && text === words && covers(item, message)
  return {
    kind,
    text,
    payload: payloadOf(kind, message),
    raw: isWhole ? null : JSON.stringify(item),
    contextWamid: contextOf(kind, message),
    at: time ?? reading.arrived,
    ...meaningBy(road, meaningOf(kind, message)),
  }
}

type Meaning = Pick<MessageUpdate, 'opensWindow' | 'isQuiet'>

/** Only what a customer says now can wait for us; what somebody else is to answer opens the window all the same. */
function meaningBy({ direction, via }: Road, { opensWindow, isQuiet }: Meaning): Meaning {
  const isNow = direction === 'in' && via !== 'history'
  return {
    opensWindow: isNow && opensWindow,
    isQuiet: isQuiet || !isNow || via === 'standby',
  }
}
