import type { Message } from '../messages/messages.ts'
import { fileBody, type FileBody } from './file-bodies.ts'
import { oddBody } from './odd-bodies.ts'
import { listIn, objectIn, ownIn, textIn, textsIn } from './payloads.ts'
import { orderBody, type OrderLine } from './orders.ts'
import type { Reader } from './ticks.ts'

/** What a bubble holds beside its words, one shape for each view. */
export type Body =
  | { view: 'text' }
  | FileBody
  | { view: 'choice'; icon: string; lead: string; note: string; options: string[] }
  | { view: 'answers'; lead: string; rows: { name: string; value: string }[] }
  | { view: 'order'; lines: OrderLine[]; total: string }
  | { view: 'place'; title: string; address: string; map: string }
  | { view: 'cards'; cards: { name: string; lines: string[] }[] }
  | { view: 'odd'; title: string; text: string }
  | { view: 'gone'; text: string }

type Make = (message: Message, reader: Reader) => Body

const BODIES: Record<string, Make> = {
  text: () => ({ view: 'text' }),
  template: () => ({ view: 'text' }),
  edit: () => ({ view: 'text' }),
  image: fileBody,
  video: fileBody,
  audio: fileBody,
  document: fileBody,
  sticker: fileBody,
  media_placeholder: fileBody,
  interactive: (message, reader) =>
    message.direction === 'out' && !message.via
      ? questionBody(message)
      : answerBody(message, reader),
  button: () => choice('Chose'),
  order: orderBody,
  location: placeBody,
  contacts: cardsBody,
}

/** The body of a message; what was taken back has none any more, and a kind without a view is said to have none. */
export function bodyOf(message: Message, reader: Reader): Body {
  if (message.revoked_at) {
    const who = message.direction === 'in' ? reader.contactName : 'You'
    return { view: 'gone', text: `${who} deleted this message` }
  }
  return (BODIES[message.kind] ?? oddBody)(message, reader)
}

const choice = (
  lead: string,
  more: { note?: string; options?: string[]; icon?: string } = {},
): Body => ({
  view: 'choice',
  icon: 'check',
  note: '',
  options: [],
  lead,
  ...more,
})

/** What the business asked: the choices it gave. */
function questionBody(message: Message): Body {
  const action = objectIn(ownIn(message), 'action')
  const buttons = listIn(action, 'buttons').flatMap((button) =>
    textsIn(objectIn(button, 'reply'), 'title'),
  )
  const rows = listIn(action, 'sections').flatMap((section) =>
    listIn(section, 'rows').flatMap((row) => textsIn(row, 'title')),
  )
  const link = textsIn(objectIn(action, 'parameters'), 'display_text', 'flow_cta')
  return choice('Question with choices', { icon: 'reply', options: [...buttons, ...rows, ...link] })
}

/** What the customer chose, answered or allowed. */
function answerBody(message: Message, reader: Reader): Body {
  const own = ownIn(message)
  const type = textIn(own, 'type')
  if (type === 'list_reply')
    return choice('Chose', { note: textIn(objectIn(own, 'list_reply'), 'description') })
  if (type === 'nfm_reply') return formBody(objectIn(own, 'nfm_reply'))
  if (type === 'call_permission_reply')
    return permissionBody(objectIn(own, 'call_permission_reply'), reader)
  if (type === 'payment_method')
    return choice('Chose how to pay', {
      note: textsIn(objectIn(own, 'payment_method'), 'payment_method', 'reference_id').join(' · '),
    })
  return type === 'button_reply' || type === '' ? choice('Chose') : oddBody(message, reader)
}

const MOST_ROWS = 40
/** Machinery of a form, no answer of a person. */
const HIDDEN = new Set(['flow_token'])

/** A filled-in form as questions and answers; what does not read as such stays one line. */
function formBody(reply: object): Body {
  const json = textIn(reply, 'response_json')
  const lead = 'Filled in a form'
  try {
    const given: unknown = JSON.parse(json)
    if (typeof given !== 'object' || given === null || Array.isArray(given)) throw new Error()
    const rows = Object.entries(given)
      .filter(([name]) => !HIDDEN.has(name))
      .slice(0, MOST_ROWS)
      .map(([name, value]) => ({ name: name.replaceAll('_', ' '), value: shown(value) }))
    return { view: 'answers', lead, rows }
  } catch {
    return {
      view: 'answers',
      lead,
      rows: json ? [{ name: 'Answer', value: json.slice(0, 1_000) }] : [],
    }
  }
}

function shown(value: unknown): string {
  if (typeof value === 'boolean') return value ? 'Yes' : 'No'
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '').slice(0, 1_000)
}

function permissionBody(reply: object, { times }: Reader): Body {
  const isYes = textIn(reply, 'response') === 'accept'
  const until = Number((reply as Record<string, unknown>)['expiration_timestamp'])
  const isTimed = isYes && until > 0 && until < 1e11
  const note = isTimed ? `Until ${times.full(new Date(until * 1_000))}` : ''
  return choice(isYes ? 'Allows calls' : 'Does not want calls', {
    icon: isYes ? 'check' : 'slash',
    note,
  })
}

function placeBody(message: Message): Body {
  const own = ownIn(message)
  const [latitude, longitude] = [Number(own['latitude']), Number(own['longitude'])]
  const isPlace = Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180
  return {
    view: 'place',
    title: textIn(own, 'name') || 'Location',
    address:
      textIn(own, 'address') ||
      (isPlace ? `${latitude.toFixed(5)}, ${longitude.toFixed(5)}` : 'Without a place'),
    map: isPlace
      ? `https://www.openstreetmap.org/?mlat=${latitude}&mlon=${longitude}#map=16/${latitude}/${longitude}`
      : '',
  }
}

function cardsBody(message: Message): Body {
  const given = message.payload['contacts']
  const cards = (Array.isArray(given) ? given : []).map((card: unknown) => ({
    name:
      textIn(objectIn(card, 'name'), 'formatted_name', 'first_name') ||
      textIn(objectIn(card, 'org'), 'company') ||
      'Contact',
    lines: [
      ...listIn(card, 'phones').flatMap((phone) => textsIn(phone, 'phone').slice(0, 1)),
      ...listIn(card, 'emails').flatMap((email) => textsIn(email, 'email')),
      ...textsIn(objectIn(card, 'org'), 'company', 'title'),
    ].slice(0, 6),
  }))
  return { view: 'cards', cards }
}
