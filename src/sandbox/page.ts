import { digest } from '../ids.ts'
import { PLACE_NAMES } from './people.ts'
import type { Entry, Line, Person, Sandbox } from './state.ts'

/** One bubble on the phone. `dom` names it in the page, because a message id has characters an address has not. */
export type Bubble = {
  dom: string
  entry: Entry
  time: string
  /** What stands above the words where a message is more than words. */
  thing: { icon: string; name: string } | undefined
  tick: { icon: string; name: string; isRead: boolean } | undefined
  quote: { by: string; text: string } | undefined
  reactions: string[]
}
export type Group = { side: Entry['side']; bubbles: Bubble[] }
export type Day = { name: string; groups: Group[] }

const TICKS = {
  waiting: { icon: 'clock', name: 'Not yet sent', isRead: false },
  sent: { icon: 'tick', name: 'Sent, not yet taken by the CRM', isRead: false },
  delivered: { icon: 'ticks', name: 'Delivered to the CRM', isRead: false },
  read: { icon: 'read', name: 'Read', isRead: true },
}
const WIRE_SHOWN = 8
const CHAT_SHOWN = 80
/** A pause of this length begins a new group of bubbles. */
const GROUP_MS = 600_000

/** What the page shows of a line and the person whose phone it is. */
export function pageOf(box: Sandbox, line: Line, person: Person, replyTo?: string): object {
  const now = box.on.now()
  const reply = person.chat.find((entry) => entry.id === replyTo)
  return {
    line: { name: line.name, displayPhone: line.displayPhone, switches: line.switches },
    people: line.people.map(({ id, name, username, place }) => ({
      id,
      label: username ? `@${username} · number hidden` : `${name} · ${place}`,
    })),
    places: PLACE_NAMES,
    person,
    window: windowOf(person, now),
    reply: reply ? { id: reply.id, ...quoteOf(line, person, reply) } : undefined,
    days: daysOf(line, person, now),
    wire: wireOf(box, line),
  }
}

function windowOf(person: Person, now: Date): string {
  const minutes = Math.ceil((person.windowUntil - now.getTime()) / 60_000)
  if (person.windowUntil === 0) return 'Not open: this customer has not written yet'
  if (minutes <= 0) return 'Closed: the next reply fails with 131047'
  return `Open for ${Math.floor(minutes / 60)} h ${minutes % 60} min; then a reply fails with 131047`
}

function wireOf(box: Sandbox, line: Line): object {
  const { total, entries } = box.wireOf(line.org)
  const shown = entries.slice(0, WIRE_SHOWN)
  return {
    total,
    entries: shown.map(({ id, at, way, what, end }) => {
      return { id, at, way, what, end, time: CLOCK.format(at) }
    }),
  }
}

const CLOCK = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' })
const MINUTE = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' })
const DATE = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium' })

function dayName(at: number, now: Date): string {
  const name = DATE.format(at)
  if (name === DATE.format(now)) return 'Today'
  return name === DATE.format(now.getTime() - 86_400_000) ? 'Yesterday' : name
}

function daysOf(line: Line, person: Person, now: Date): Day[] {
  const days: Day[] = []
  let last: Entry | undefined
  for (const entry of person.chat.filter(({ kind }) => kind !== 'reaction').slice(-CHAT_SHOWN)) {
    const name = dayName(entry.at, now)
    let day = days.at(-1)
    if (day?.name !== name) days.push((day = { name, groups: [] }))
    let group = day.groups.at(-1)
    const isNew = group?.side !== entry.side || entry.at - (last?.at ?? 0) > GROUP_MS
    if (!group || isNew) day.groups.push((group = { side: entry.side, bubbles: [] }))
    group.bubbles.push(bubbleOf(line, person, entry))
    last = entry
  }
  return days
}

function bubbleOf(line: Line, person: Person, entry: Entry): Bubble {
  const quoted = person.chat.find(({ id }) => id === entry.context)
  return {
    dom: digest(entry.id).toString('hex').slice(0, 12),
    entry,
    time: MINUTE.format(entry.at),
    thing: THINGS[entry.kind],
    tick: entry.side === 'customer' ? TICKS[entry.status] : undefined,
    quote: quoted ? quoteOf(line, person, quoted) : undefined,
    reactions: reactionsTo(person, entry.id),
  }
}

const quoteOf = (line: Line, person: Person, entry: Entry): { by: string; text: string } => ({
  by: entry.side === 'customer' ? person.name : line.name,
  text: entry.text || THINGS[entry.kind]?.name || entry.kind,
})

const THINGS: Record<string, { icon: string; name: string }> = {
  image: { icon: 'image', name: 'Photo' },
  video: { icon: 'video', name: 'Video' },
  audio: { icon: 'mic', name: 'Audio' },
  document: { icon: 'file', name: 'Document' },
  sticker: { icon: 'smile', name: 'Sticker' },
  location: { icon: 'pin', name: 'Location' },
  contacts: { icon: 'user', name: 'Contact' },
}

/** The last reaction of each side; an empty one took the earlier back. */
function reactionsTo(person: Person, id: string): string[] {
  const last = { customer: '', business: '' }
  for (const entry of person.chat)
    if (entry.kind === 'reaction' && entry.context === id) last[entry.side] = entry.text
  return [last.customer, last.business].filter(Boolean)
}

/** The same for programs: no secret of the line is in it. */
export const reportOf = (box: Sandbox, line: Line): object => ({
  connection_id: line.connection,
  phone_number_id: line.phoneNumberId,
  display_phone: line.displayPhone,
  switches: line.switches,
  waiting: line.waiting.length,
  people: line.people.map(({ chat, windowUntil, userId, seenAt: _seenAt, ...person }) => ({
    ...person,
    user_id: userId,
    window_until: windowUntil === 0 ? null : new Date(windowUntil).toISOString(),
    messages: chat.map(({ side, at, callback: _callback, ...entry }) => ({
      ...entry,
      from: side,
      at: new Date(at).toISOString(),
    })),
  })),
  wire: box.wireOf(line.org),
})
