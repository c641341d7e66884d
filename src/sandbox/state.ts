import { z } from 'zod'
import type { Resources } from '../resources.ts'
import { Switches } from './switches.ts'
import { ShelfTemplate } from './template-shelf.ts'

/**
 * One message as the customer's phone keeps it; `at` in milliseconds.
 * A customer's own: `waiting` for its webhook, `sent` when the webhook was refused at least once, `delivered` when
 * it was taken, `read` when the business said so. The business's: `waiting` is what Graph calls accepted.
 */
export const Entry = z.object({
  id: z.string(),
  side: z.enum(['customer', 'business']),
  kind: z.string(),
  text: z.string(),
  at: z.number(),
  status: z.enum(['waiting', 'sent', 'delivered', 'read']),
  context: z.string().optional(),
  /** The sender's own id of a message, which every status of it repeats. */
  callback: z.string().optional(),
})
export type Entry = z.infer<typeof Entry>

/** A customer with a phone. `phone` is hidden from the business when `hidden` is set: only `userId` travels. */
export const Person = z.object({
  id: z.string(),
  name: z.string(),
  place: z.string(),
  lang: z.string(),
  phone: z.string(),
  userId: z.string(),
  username: z.string().optional(),
  hidden: z.boolean(),
  online: z.boolean(),
  /** Whether reading is told to the business. */
  receipts: z.boolean(),
  /** When the customer service window closes, in milliseconds; 0 before the first message. */
  windowUntil: z.number(),
  /** What was there at this time has been seen, also without an open page. */
  seenAt: z.number(),
  chat: z.array(Entry),
})
export type Person = z.infer<typeof Person>

/** A webhook on its way, kept until it is answered with 200, so that a restart of the CRM loses none. */
export const Delivery = z.object({
  id: z.string(),
  body: z.string(),
  about: z.string(),
  /** The customer's message whose tick follows this webhook. */
  entry: z.string().optional(),
  copy: z.boolean(),
  made: z.number(),
  due: z.number(),
  tries: z.number(),
})
export type Delivery = z.infer<typeof Delivery>

/** A business number at the stand-in, connected to one organization. */
export const Line = z.object({
  org: z.string(),
  connection: z.string(),
  name: z.string(),
  phoneNumberId: z.string(),
  wabaId: z.string(),
  displayPhone: z.string(),
  accessToken: z.string(),
  appSecret: z.string(),
  verifyToken: z.string(),
  subscribed: z.boolean(),
  verified: z.boolean(),
  switches: Switches,
  people: z.array(Person),
  waiting: z.array(Delivery),
  /** Of its business account. */
  templates: z.array(ShelfTemplate).default([]),
})
export type Line = z.infer<typeof Line>

export const Kept = z.object({ version: z.literal(1), lines: z.array(Line) })

/** One request between WhatsApp and the CRM: `in` is a webhook, `out` a Graph call. It holds no secret. */
export type WireEntry = {
  id: string
  at: number
  way: 'in' | 'out'
  what: string
  end: string
  body?: unknown
}
export type Wire = { total: number; entries: WireEntry[] }

/** The stand-in while it runs: its lines, what waits, and who looks. */
export type Sandbox = {
  on: Resources
  lines: Line[]
  /** Where the CRM listens, for webhooks. */
  origin: string
  wireOf(org: string): Wire
  /** Keep the state and tell the organization's open pages. */
  changed(org: string): void
  subscribe(org: string, heard: () => void): () => void
  /** Run `act` in `ms` milliseconds; a later call with the same key replaces it. */
  later(key: string, ms: number, act: () => void): void
  isPending(key: string): boolean
  /** A page shows this person's chat until the returned function is called. */
  watch(person: string): () => void
  isWatched(person: string): boolean
  isClosed(): boolean
  /** The organization is deleted: its number and everything said on it go, also from the file. */
  forget(org: string): void
  close(): void
}

export const CHAT_KEPT = 300
const WIRE_KEPT = 100

/** Add a message to a chat; the oldest leaves when the phone is full. */
export function addEntry(person: Person, entry: Entry): Entry {
  person.chat.push(entry)
  person.chat.splice(0, Math.max(0, person.chat.length - CHAT_KEPT))
  return entry
}

export function noteWire(wire: Wire, entry: WireEntry): WireEntry {
  wire.total += 1
  wire.entries.unshift(entry)
  wire.entries.splice(WIRE_KEPT)
  return entry
}
