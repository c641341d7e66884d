import { sameSecret } from '../ids.ts'
import {
  badParameter,
  badToken,
  badValue,
  CHOSEN,
  missing,
  undeliverable,
  windowClosed,
} from './graph-refusals.ts'
import { textOf } from './graph-content.ts'
import { moveOn } from './receipts.ts'
import { addEntry, type Line, type Person, type Sandbox } from './state.ts'
import { wordsOfTemplate } from './templates.ts'
import { newWamid } from './wire-format.ts'

type Fields = Record<string, unknown>
/** `isSilent`: it was done, but the connection breaks before the answer. */
export type GraphAnswer = { body: object; isSilent?: boolean }

/** The line a bearer token belongs to, revoked or not; throws GraphRefusal 190. */
export function lineOfToken(box: Sandbox, authorization: string | undefined): Line {
  const token = /^Bearer (.+)$/i.exec(authorization ?? '')?.[1]
  if (token === undefined) throw badToken('An access token is needed in the header.')
  const line = box.lines.find((found) => sameSecret(found.accessToken, token))
  if (!line) throw badToken('This access token cannot be decoded.')
  return line
}

/** Throws GraphRefusal 190 while the switch says so. */
export function checkToken({ switches }: Line): void {
  if (switches.token_revoked) throw badToken('This access token was revoked.', 458)
}

/**
 * `POST /{phone-number-id}/messages`: a message that is accepted appears on the customer's phone and reports its
 * way by webhooks; a read receipt turns the customer's ticks blue. Throws GraphRefusal.
 * Source: Cloud API, messages.
 */
export function takeMessage(box: Sandbox, line: Line, body: Fields): GraphAnswer {
  if (body['messaging_product'] !== 'whatsapp')
    throw badParameter('Parameter messaging_product must be whatsapp.')
  if (body['status'] !== undefined) return takeReceipt(box, line, body)
  const kind = asText(body['type'] ?? 'text')
  const text = wordsIn(line, kind, body)
  const callback = callbackOf(body)
  const person = recipientOf(line, body)
  const chosen = line.switches.next_answer
  line.switches.next_answer = 'accepted'
  const refusal = CHOSEN[chosen]
  if (refusal) {
    box.changed(line.org)
    throw refusal()
  }
  if (kind !== 'template' && person.windowUntil <= box.on.now().getTime()) throw windowClosed()
  const id = arrive(box, line, person, { kind, text, callback, body })
  return { body: accepted(person, body, id), isSilent: chosen === 'silence' }
}

/** What the phone shows; of a template what it becomes. */
function wordsIn(line: Line, kind: string, body: Fields): string {
  const words = textOf(kind, body)
  return kind === 'template' ? wordsOfTemplate(line, body['template'] as Fields) : words
}

function takeReceipt(box: Sandbox, line: Line, body: Fields): GraphAnswer {
  if (body['status'] !== 'read') throw badParameter('Parameter status must be read.')
  if (body['message_id'] === undefined) throw missing('message_id')
  const id = body['message_id']
  const person = line.people.find((one) =>
    one.chat.some((entry) => entry.id === id && entry.side === 'customer'),
  )
  if (!person) throw badValue('message_id names no message of a customer.')
  const last = person.chat.findIndex((entry) => entry.id === id)
  for (const entry of person.chat.slice(0, last + 1))
    if (entry.side === 'customer') entry.status = 'read'
  box.changed(line.org)
  return { body: { success: true } }
}

/** '' for anything that is no text, which no kind and no number equals. */
const asText = (value: unknown): string => (typeof value === 'string' ? value : '')

const CALLBACK_MAX = 512

function callbackOf(body: Fields): string | undefined {
  const callback = body['biz_opaque_callback_data']
  if (callback === undefined) return undefined
  if (typeof callback !== 'string' || callback.length > CALLBACK_MAX)
    throw badValue('biz_opaque_callback_data is text of at most 512 characters.')
  return callback
}

/** `to` is a phone number and wins over `recipient`, a business-scoped user id. */
function recipientOf(line: Line, { to, recipient }: Fields): Person {
  if (to === undefined && recipient === undefined) throw badParameter('Parameter to is required.')
  const digits = to === undefined ? undefined : asText(to).replace(/\D/g, '')
  const person = line.people.find((one) =>
    digits === undefined ? one.userId === recipient : one.phone === digits,
  )
  if (!person) throw undeliverable()
  return person
}

type Arrival = { kind: string; text: string; callback: string | undefined; body: Fields }

function arrive(box: Sandbox, line: Line, person: Person, arrival: Arrival): string {
  const { kind, text, callback, body } = arrival
  const context = targetOf(kind, body)
  if (kind === 'reaction' && !person.chat.some((entry) => entry.id === context))
    throw badValue('reaction.message_id names no message of this chat.')
  const id = newWamid()
  addEntry(person, {
    id,
    side: 'business',
    kind,
    text,
    at: box.on.now().getTime(),
    status: 'waiting',
    ...(context === undefined ? {} : { context }),
    ...(callback === undefined ? {} : { callback }),
  })
  moveOn(box, line, person)
  box.changed(line.org)
  return id
}

/** The message that is quoted or reacted to. */
function targetOf(kind: string, body: Fields): string | undefined {
  const holder = kind === 'reaction' ? body['reaction'] : body['context']
  const target = (holder as Fields | undefined)?.['message_id']
  return typeof target === 'string' ? target : undefined
}

function accepted(person: Person, { to, recipient }: Fields, id: string): object {
  const contact = {
    input: to ?? recipient,
    ...(to === undefined ? {} : { wa_id: person.phone }),
    ...(recipient === undefined ? {} : { user_id: person.userId }),
  }
  return {
    messaging_product: 'whatsapp',
    contacts: [contact],
    messages: [{ id, message_status: 'accepted' }],
  }
}
