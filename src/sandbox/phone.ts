import { notFound } from '../refusal.ts'
import { tell } from './delivery.ts'
import { moveOn } from './receipts.ts'
import type { SampleKind } from './samples.ts'
import { addEntry, type Entry, type Line, type Person, type Sandbox } from './state.ts'
import { NORMAL } from './switches.ts'
import { messageWebhook, newWamid } from './wire-format.ts'

/** How long a customer's message keeps the service window open. Source: Cloud API, customer service windows. */
const WINDOW_MS = 24 * 3_600_000

/** The person of a line; throws Refusal 404. */
export function personOf(line: Line, id: string): Person {
  const person = line.people.find((found) => found.id === id)
  if (!person) throw notFound('customer')
  return person
}

export type Said = { kind: 'text' | SampleKind; text: string; context?: string | undefined }

/** The customer sends a message: it opens the window and goes to the CRM as a webhook. */
export function say(box: Sandbox, line: Line, person: Person, said: Said): Entry {
  const at = box.on.now().getTime()
  const { kind, text, context } = said
  const quoted = person.chat.find((entry) => entry.id === context)
  const entry = addEntry(person, {
    id: newWamid(),
    side: 'customer',
    kind,
    text,
    at,
    status: 'waiting',
    ...(quoted ? { context: quoted.id } : {}),
  })
  person.windowUntil = at + WINDOW_MS
  // Who writes has read.
  see(box, line, person)
  send(box, line, person, entry)
  return entry
}

/** The customer reacts to a message; an empty `emoji` takes the reaction back. Throws Refusal 404. */
export function react(
  box: Sandbox,
  line: Line,
  person: Person,
  { message, emoji }: { message: string; emoji: string },
): Entry {
  if (!person.chat.some((entry) => entry.id === message)) throw notFound('message')
  const entry = addEntry(person, {
    id: newWamid(),
    side: 'customer',
    kind: 'reaction',
    text: emoji,
    at: box.on.now().getTime(),
    status: 'waiting',
    context: message,
  })
  send(box, line, person, entry)
  return entry
}

/** A phone that is offline keeps what is written until it is online again. */
function send(box: Sandbox, line: Line, person: Person, entry: Entry): void {
  if (person.online) {
    const webhook = messageWebhook(line, person, entry)
    tell(box, line, { webhook, about: `messages · ${entry.kind}`, entry: entry.id })
  } else {
    box.changed(line.org)
  }
}

/** The customer has looked at everything that is there. */
export function see(box: Sandbox, line: Line, person: Person): void {
  person.seenAt = box.on.now().getTime()
  moveOn(box, line, person)
  box.changed(line.org)
}

export type PhoneSettings = { online: boolean; receipts: boolean }

export function setPhone(box: Sandbox, line: Line, person: Person, settings: PhoneSettings): void {
  const isBack = settings.online && !person.online
  Object.assign(person, settings)
  if (isBack) for (const entry of unsent(line, person)) send(box, line, person, entry)
  moveOn(box, line, person)
  box.changed(line.org)
}

const unsent = (line: Line, person: Person): Entry[] =>
  person.chat.filter(
    ({ side, status, id }) =>
      side === 'customer' &&
      status === 'waiting' &&
      !line.waiting.some((delivery) => delivery.entry === id),
  )

/** End the customer's service window at WhatsApp; the CRM learns of it by the refusal of its next reply. */
export function closeWindow(box: Sandbox, line: Line, person: Person): void {
  person.windowUntil = box.on.now().getTime()
  box.changed(line.org)
}

/** The phone's chats, the switches, the log and what waits begin anew; what the CRM stored stays. */
export function clearLine(box: Sandbox, line: Line): void {
  for (const person of line.people)
    Object.assign(person, { chat: [], windowUntil: 0, seenAt: 0, online: true, receipts: true })
  line.switches = { ...NORMAL }
  line.waiting = []
  Object.assign(box.wireOf(line.org), { total: 0, entries: [] })
  box.changed(line.org)
}
