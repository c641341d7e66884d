import { newId } from '../ids.ts'
import type { UsageEvent } from '../queues.ts'
import type { Resources } from '../resources.ts'
import type { Seen } from './events.ts'
import { refsFor } from './refs.ts'

const EVERY_MS = 500
/** What a process holds at most; more is dropped and counted. */
const HELD = 1_000
const IN_JOB = 200

export type Collector = {
  /** Takes an event without waiting for anything. */
  note(seen: Seen): void
}

/**
 * Collects what is seen and hands it to the queue twice a second. Whatever is slow or away costs events, never a page:
 * they are dropped with a count in the log.
 */
export function openCollector(on: Resources): Collector {
  let held: Seen[] = []
  let dropped = 0
  let timer: NodeJS.Timeout | undefined
  const wind = (): void => {
    timer ??= setTimeout(() => void flush(), EVERY_MS).unref()
  }
  // Until it ends the timer stands, so that a slow store is asked by one at a time.
  const flush = async (): Promise<void> => {
    const taken = held
    held = []
    for (const org of new Set(taken.map((seen) => seen.org)))
      dropped += await handOn(
        on,
        org,
        taken.filter((seen) => seen.org === org),
      )
    if (dropped > 0) on.log.warn({ dropped }, 'usage events dropped')
    dropped = 0
    timer = undefined
    if (held.length > 0) wind()
  }
  return {
    note(seen) {
      if (held.length < HELD) held.push(seen)
      else dropped += 1
      wind()
    },
  }
}

/** Answers how many were lost on the way; those of people who object are not wanted and count as none. */
async function handOn(on: Resources, org: string, seen: Seen[]): Promise<number> {
  let left = seen.length
  try {
    const refs = await refsFor(on, org, seen)
    const events = seen.flatMap((one) => eventOf(one, refs.get(one.user)))
    left = events.length
    for (let at = 0; at < events.length; at += IN_JOB) {
      await on.queues.addUsage({ org, events: events.slice(at, at + IN_JOB) })
      left -= Math.min(IN_JOB, events.length - at)
    }
  } catch {
    return left
  }
  return 0
}

function eventOf({ page, feature, at }: Seen, ref: string | undefined): UsageEvent[] {
  return ref === undefined ? [] : [{ id: newId(), ref, page, feature, at }]
}
