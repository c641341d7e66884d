import type { Tx } from '../db.ts'
import { messageByWamid, reactionsOf, thread, type Message } from '../messages/messages.ts'
import { causesOf } from '../sending/cause.ts'
import { showMessage, type Shown } from './bubbles.ts'
import type { Reader } from './ticks.ts'
import type { Times } from './times.ts'

/** A place in a thread: time and id of a message. */
export type Mark = { at: Date; id: string }
/** The line "3 new": where it stands stays what it was when the thread was opened. */
export type Fresh = { id: string; count: number }
export type Block =
  | { kind: 'day'; id: string; day: string; label: string }
  | { kind: 'fresh'; id: string; count: number }
  | { kind: 'group'; id: string; side: 'in' | 'out'; by: string; messages: Shown[] }
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
const ATTACHED = new Set(['reaction', 'edit', 'revoke'])

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

/** Some messages as they are shown, oldest first, with quotes and reactions. */
export async function showAll(
  tx: Tx,
  org: string,
  messages: Message[],
  reader: Reader,
): Promise<Shown[]> {
  const own = messages.filter(({ kind }) => !ATTACHED.has(kind))
  const wamids = own.flatMap(({ wamid }) => wamid ?? [])
  const reactions = wamids.length > 0 ? await reactionsOf(tx, org, wamids) : []
  const quoted = new Map(messages.flatMap((m) => (m.wamid ? [[m.wamid, m] as const] : [])))
  for (const { context_wamid: wanted } of own) {
    if (!wanted || quoted.has(wanted)) continue
    const found = await messageByWamid(tx, org, wanted)
    if (found) quoted.set(wanted, found)
  }
  const sent = own.flatMap(({ id, direction }) => (direction === 'out' ? id : []))
  const causes = sent.length > 0 ? await causesOf(tx, org, sent) : new Map<string, never>()
  return own.map((message) =>
    showMessage(message, {
      cause: causes.get(message.id),
      reader,
      quoted: message.context_wamid ? quoted.get(message.context_wamid) : undefined,
      reactions: reactions.filter(({ wamid }) => wamid === message.wamid),
    }),
  )
}

/** The line stands before the oldest of the last `unread` messages of the customer. */
export function freshLine(newestFirst: Message[], unread: number): Fresh | undefined {
  if (unread <= 0) return undefined
  const theirs = newestFirst.filter((m) => m.direction === 'in' && !ATTACHED.has(m.kind))
  const first = theirs[Math.min(unread, theirs.length) - 1]
  return first ? { id: first.id, count: unread } : undefined
}

const GROUP_MS = 3 * 60_000

/** One sender's messages within three minutes belong together; a new day or the "new" line parts them. */
function toBlocks(messages: Shown[], times: Times, fresh: Fresh | undefined): Block[] {
  const blocks: Block[] = []
  let day = ''
  let last: Shown | undefined
  for (const message of messages) {
    const today = times.dayKey(message.at)
    const startsDay = today !== day
    if (startsDay)
      blocks.push({
        kind: 'day',
        id: `day-${message.id}`,
        day: today,
        label: times.day(message.at),
      })
    day = today
    const startsFresh = fresh?.id === message.id
    if (startsFresh) blocks.push({ kind: 'fresh', id: 'fresh', count: fresh.count })
    const group = blocks.at(-1)
    if (!startsDay && !startsFresh && group?.kind === 'group' && joins(last, message))
      group.messages.push(message)
    else
      blocks.push({
        kind: 'group',
        id: `g-${message.id}`,
        side: message.side,
        by: message.by,
        messages: [message],
      })
    last = message
  }
  return blocks
}

const joins = (last: Shown | undefined, next: Shown): boolean =>
  last !== undefined &&
  last.side === next.side &&
  last.by === next.by &&
  next.at.getTime() - last.at.getTime() < GROUP_MS
