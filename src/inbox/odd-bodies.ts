import type { Message } from '../messages/messages.ts'
import type { Body } from './bodies.ts'
import { listIn, ownIn, textIn } from './payloads.ts'
import type { Reader } from './ticks.ts'

/** What WhatsApp keeps back, as people call it. Source: WhatsApp Cloud API, unsupported messages. */
const NAMES: Record<string, string> = {
  poll: 'a poll',
  poll_creation: 'a poll',
  poll_update: 'a vote in a poll',
  event: 'an event',
  album: 'an album',
  view_once: 'a photo or video to be seen once',
  pin: 'a pin on a message',
  pin_in_chat: 'a pin on a message',
  keep_in_chat: 'a message to be kept',
  group_invite: 'an invitation to a group',
  gif: 'a GIF',
  link_preview: 'a link with a preview',
  product: 'a product',
  order: 'an order',
  list: 'a list',
  edit: 'a change of an earlier message',
  revoke: 'a deletion of an earlier message',
  reaction: 'a reaction',
  hsm: 'a template',
}
/** Names under which WhatsApp says that it does not hand something over. */
const KEPT_BACK = new Set(['unsupported', 'unknown', 'ephemeral', 'errors'])

/** A message without a view: kept back by WhatsApp, or of a kind this version does not know. */
export function oddBody(message: Message, { contactName }: Reader): Body {
  const isTheirs = message.direction === 'in'
  const who = isTheirs ? contactName : 'You'
  if (!KEPT_BACK.has(message.kind)) return unknownBody(message, who)
  const again = isTheirs ? ` Ask ${contactName} to send it another way.` : ''
  const [error] = listIn(message.payload, 'errors')
  const { code } = (error ?? {}) as { code?: string | number }
  if (Number(code) === 131060)
    return odd(
      'Not handed over',
      `WhatsApp could not hand this message over.${isTheirs ? ` Ask ${contactName} to send it again.` : ''}`,
    )
  if (Number(code) === 131052)
    return odd('File not received', `WhatsApp could not receive the file.${again}`)
  const name = NAMES[textIn(ownIn(message), 'type')]
  return name
    ? odd(
        'Not shown to businesses',
        `${who} sent ${name}, which WhatsApp does not hand to businesses.${again}`,
      )
    : odd(
        'Not shown to businesses',
        `WhatsApp does not hand this kind of message to businesses.${again}`,
      )
}

function unknownBody(message: Message, who: string): Body {
  const type = textIn(ownIn(message), 'type')
  const kind = [message.kind, message.kind === 'interactive' ? type : ''].filter(Boolean).join(', ')
  return odd(
    'Not supported yet',
    `${who} sent something that ChatFlow cannot show yet (${kind}). It is kept, sealed.`,
  )
}

const odd = (title: string, text: string): Body => ({ view: 'odd', title, text })
