import type { Tx } from '../db.ts'
import {
  messageByWamid,
  reactionsOf,
  remarksOn,
  storedAmong,
  thread,
  type Message,
  type Reaction,
} from '../messages/messages.ts'
import { causesOf, type Decision } from '../sending/cause.ts'
import { toBlocks, type Block, type Fresh } from './blocks.ts'
import { showMessage, type Shown } from './bubbles.ts'
import type { Reader } from './ticks.ts'

/** A place in a thread: time and id of a message. */
export type Mark = { at: Date; id: string }
export type Part = {
  blocks: Block[]
  /** The oldest message shown, where the page before ends; undefined when there is none before. */
  older: Mark | undefined
  newest: Message | undefined
}

export const PAGE = 50
/** A part that grew live may hold more than a page; beyond this the page is worth loading again. */
export const MOST = 500

/** Kinds that are shown on another message instead of as one. */
export const ATTACHED: ReadonlySet<string> = new Set([
  'reaction',
  'edit',
  'revoke',
  'call_end',
  'call_status',
])
/** What happened without anybody waiting for an answer: it is not counted as unread. */
const UNCOUNTED = new Set([...ATTACHED, 'system', 'preference', 'payment', 'handover'])

export type Range = { before?: Mark | undefined; from?: Mark | undefined }

/** A stretch of a conversation, newest page unless `range` says otherwise, as days and groups. */
export async function readPart(
  tx: Tx,
  org: string,
  conversation: string,
  reading: { range?: Range; reader: Reader; fresh?: Fresh | undefined },
): Promise<Part> {
  const { range = {}, reader, fresh } = reading
  const limit = range.from ? MOST : PAGE + 1
  const { before, from } = range
  const found = await thread(tx, org, conversation, {
    ...(before ? { before } : {}),
    ...(from ? { from } : {}),
    limit,
  })
  const page = from ? found : found.slice(0, PAGE)
  const oldest = page.at(-1)
  const hasOlder = found.length > page.length && oldest !== undefined
  const shown = await showAll(tx, org, page.toReversed(), reader)
  return {
    blocks: toBlocks(shown, reader.times, fresh),
    older: hasOlder ? { at: oldest.created_at, id: oldest.id } : undefined,
    newest: page[0],
  }
}

/** Some messages as they are shown, oldest first, with everything that other rows say of them. */
export async function showAll(
  tx: Tx,
  org: string,
  messages: Message[],
  reader: Reader,
): Promise<Shown[]> {
  const attached = messages.flatMap(({ kind, context_wamid: target }) =>
    ATTACHED.has(kind) && target ? target : [],
  )
  const targets = await storedAmong(tx, org, attached)
  const own = standing(messages, targets)
  return showEach(own, await readAround(tx, org, own), reader)
}

/** What speaks of another message stands on its own only where that one is not here. */
export const standing = (messages: Message[], targets: ReadonlySet<string>): Message[] =>
  messages.filter(
    ({ kind, context_wamid: target }) => !ATTACHED.has(kind) || !target || !targets.has(target),
  )

/** What other rows say of some messages. */
export type Surroundings = {
  reactions: Reaction[]
  remarks: Message[]
  causes: ReadonlyMap<string, Decision>
  quoted: ReadonlyMap<string, Message>
}

export const showEach = (own: Message[], around: Surroundings, reader: Reader): Shown[] =>
  own.map((message) =>
    showMessage(message, {
      reader,
      cause: around.causes.get(message.id),
      quoted: message.context_wamid ? around.quoted.get(message.context_wamid) : undefined,
      reactions: around.reactions.filter(({ wamid }) => wamid === message.wamid),
      remarks: around.remarks.filter((one) => one.context_wamid === message.wamid),
    }),
  )

async function readAround(tx: Tx, org: string, own: Message[]): Promise<Surroundings> {
  const wamids = own.flatMap(({ wamid }) => wamid ?? [])
  const calls = own.flatMap(({ kind, wamid }) => (kind === 'call' && wamid ? [wamid] : []))
  const sent = own.flatMap(({ id, direction }) => (direction === 'out' ? id : []))
  return {
    reactions: wamids.length > 0 ? await reactionsOf(tx, org, wamids) : [],
    remarks: calls.length > 0 ? await remarksOn(tx, org, calls) : [],
    causes: sent.length > 0 ? await causesOf(tx, org, sent) : new Map<string, never>(),
    quoted: await quotedBy(tx, org, own),
  }
}

async function quotedBy(tx: Tx, org: string, own: Message[]): Promise<Map<string, Message>> {
  const quoted = new Map(own.flatMap((m) => (m.wamid ? [[m.wamid, m] as const] : [])))
  for (const { context_wamid: wanted } of own) {
    if (!wanted || quoted.has(wanted)) continue
    const found = await messageByWamid(tx, org, wanted)
    if (found) quoted.set(wanted, found)
  }
  return quoted
}

/** The line stands before the oldest of the last `unread` messages of the customer. */
export function freshLine(newestFirst: Message[], unread: number): Fresh | undefined {
  if (unread <= 0) return undefined
  const theirs = newestFirst.filter((m) => m.direction === 'in' && !UNCOUNTED.has(m.kind))
  const first = theirs[Math.min(unread, theirs.length) - 1]
  return first ? { id: first.id, count: unread } : undefined
}
