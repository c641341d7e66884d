import type { Shown } from './bubbles.ts'
import type { Times } from './times.ts'

/** The line "3 new": where it stands stays what it was when the thread was opened. */
export type Fresh = { id: string; count: number }
export type Block =
  | { kind: 'day'; id: string; day: string; label: string }
  | { kind: 'fresh'; id: string; count: number }
  | { kind: 'event'; id: string; message: Shown }
  | { kind: 'group'; id: string; side: 'in' | 'out'; by: string; messages: Shown[] }

const GROUP_MS = 3 * 60_000

/** One sender's messages within three minutes belong together; a new day or the "new" line parts them. */
export function toBlocks(messages: Shown[], times: Times, fresh: Fresh | undefined): Block[] {
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
    addTo(blocks, message, !startsDay && !startsFresh && joins(last, message))
    last = message
  }
  return blocks
}

function addTo(blocks: Block[], message: Shown, mayJoin: boolean): void {
  const group = blocks.at(-1)
  const { id, side, by } = message
  if (message.line) blocks.push({ kind: 'event', id: `e-${id}`, message })
  else if (mayJoin && group?.kind === 'group') group.messages.push(message)
  else blocks.push({ kind: 'group', id: `g-${id}`, side, by, messages: [message] })
}

const joins = (last: Shown | undefined, next: Shown): boolean =>
  last !== undefined &&
  last.side === next.side &&
  last.by === next.by &&
  next.at.getTime() - last.at.getTime() < GROUP_MS
