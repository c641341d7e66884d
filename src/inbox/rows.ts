import { showPhone } from '../contacts/phone.ts'
import type { Tx } from '../db.ts'
import { STUB_NAME } from '../restrictions/gate.ts'
import { windowState } from '../sending/window.ts'
import type { Conversation } from './conversations.ts'
import { draftsOf } from './drafts.ts'
import type { Times } from './times.ts'

export type View = 'open' | 'mine' | 'unassigned' | 'resolved'
export const VIEWS: { view: View; name: string; empty: string }[] = [
  { view: 'open', name: 'Open', empty: 'Nothing is open. Every customer has an answer.' },
  { view: 'mine', name: 'Mine', empty: 'Nothing is assigned to you.' },
  { view: 'unassigned', name: 'Unassigned', empty: 'Every open conversation has somebody.' },
  { view: 'resolved', name: 'Resolved', empty: 'Nothing was resolved yet.' },
]

/** What a view lists, as the list query asks for it. */
export function wantedIn(
  view: View,
  person: string,
): { status: 'open' | 'resolved'; assignee?: string } {
  if (view === 'mine') return { status: 'open', assignee: person }
  if (view === 'unassigned') return { status: 'open', assignee: 'none' }
  return { status: view }
}

/** Whether a conversation is in a view now; the same rule as `wantedIn`, for one that has just changed. */
export function belongs(conversation: Conversation, view: View, person: string): boolean {
  const { status, assignee } = wantedIn(view, person)
  if (conversation.status !== status) return false
  return assignee === undefined || (conversation.assignee_id ?? 'none') === assignee
}

export type Chip = { kind: 'plain' | 'warn' | 'hot' | 'closed'; text: string }
export type Row = {
  id: string
  contact: string
  name: string
  at: number
  time: string
  isoTime: string
  icon: string
  preview: string
  byUs: boolean
  failed: boolean
  draft: string
  unread: number
  assignee: { id: string; name: string } | undefined
  window: Chip | undefined
  restricted: boolean
}

/** The person's name, else @username, else the number: never empty. Of a restricted contact nothing is there to be told. */
export function nameOf(
  who: Pick<Conversation, 'contact_name' | 'contact_phone' | 'contact_username' | 'restricted'>,
): string {
  if (who.contact_name?.trim()) return who.contact_name
  if (who.contact_username) return `@${who.contact_username}`
  if (who.contact_phone) return showPhone(who.contact_phone)
  return who.restricted ? STUB_NAME : 'Number hidden'
}

/** The rows of a list, with the drafts of the person who looks at it where it is for one. */
export async function rowsFor(
  tx: Tx,
  org: string,
  found: Conversation[],
  reader: { user: string; times: Times; now: Date },
): Promise<Row[]> {
  const ids = found.map(({ id }) => id)
  const drafts = reader.user ? await draftsOf(tx, org, reader.user, ids) : new Map<string, never>()
  return found.map((c) => ({ ...rowOf(c, reader), draft: drafts.get(c.id)?.text ?? '' }))
}

export function rowOf(c: Conversation, reader: { times: Times; now: Date }): Row {
  const preview = previewOf(c.last_message_preview)
  const byUs = c.last_message_direction === 'out'
  return {
    id: c.id,
    contact: c.contact_id,
    name: nameOf(c),
    at: c.last_message_at.getTime(),
    time: c.restricted ? '' : reader.times.short(c.last_message_at),
    isoTime: c.restricted ? '' : c.last_message_at.toISOString(),
    ...preview,
    restricted: c.restricted,
    byUs,
    failed: byUs && c.last_message_status === 'failed',
    draft: '',
    unread: c.unread,
    assignee: c.assignee_id
      ? { id: c.assignee_id, name: c.assignee_name ?? 'Former member' }
      : undefined,
    window: c.window_expires_at ? urgentChip(c.window_expires_at, reader.now) : undefined,
  }
}

/** Kinds of message as one word and a sign; anything without a word of its own is "Message". */
const KINDS: Record<string, [icon: string, word: string]> = {
  image: ['image', 'Photo'],
  video: ['video', 'Video'],
  audio: ['mic', 'Voice message'],
  document: ['file', 'Document'],
  sticker: ['smile', 'Sticker'],
  location: ['pin', 'Location'],
  contacts: ['user', 'Contact card'],
  reaction: ['smile', 'Reaction'],
  interactive: ['reply', 'Choice'],
  button: ['reply', 'Choice'],
  template: ['template', 'Template'],
  order: ['tag', 'Order'],
  edit: ['pen', 'Changed a message'],
  revoke: ['slash', 'Deleted message'],
  media_placeholder: ['clip', 'File'],
  system: ['info', 'Notice'],
  request_welcome: ['user', 'Opened the chat'],
  preference: ['info', 'Choice about marketing'],
  payment: ['check', 'Payment'],
  handover: ['shuffle', 'Handed over'],
  call: ['phone', 'Call'],
  call_end: ['phone', 'Call'],
  call_status: ['phone', 'Call'],
  unsupported: ['info', 'Unsupported message'],
}

export const signOf = (kind: string): [icon: string, word: string] =>
  KINDS[kind] ?? ['info', 'Unsupported message']

/** A message without words is kept as its kind in brackets. */
export function previewOf(preview: string | null): { icon: string; preview: string } {
  const [, kind] = /^\[(\w+)\]$/.exec(preview ?? '') ?? []
  if (!kind) return { icon: '', preview: preview ?? '' }
  const [icon, word] = signOf(kind)
  return { icon, preview: word }
}

/** In the list the window is named only when it matters: under four hours, or over. */
function urgentChip(expires: Date, now: Date): Chip | undefined {
  const chip = windowChip(expires, now)
  return chip.kind === 'plain' ? undefined : chip
}

/** The customer service window as a chip: neutral, amber under four hours, filled under one, closed. */
export function windowChip(expires: Date | null, now: Date): Chip {
  const { open, minutesLeft } = windowState(expires, now)
  if (!open) return { kind: 'closed', text: 'Closed' }
  const hours = Math.floor(minutesLeft / 60)
  const text = hours > 0 ? `${hours} h ${minutesLeft % 60} m` : `${minutesLeft} m`
  if (minutesLeft > 240) return { kind: 'plain', text }
  return { kind: minutesLeft > 60 ? 'warn' : 'hot', text }
}
