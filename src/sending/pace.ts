import type { Doorbell } from '../queues.ts'
import type { Resources } from '../resources.ts'
import { openBreaker } from './breaker.ts'
import { giveBack } from './hold.ts'
import type { Entry } from './claim.ts'
import { openLimits, type Grant } from './limits.ts'
import type { Ended } from './post.ts'

/** When a connection may send, and how fast: WhatsApp's limits, and a breaker while nothing answers. */
export type Pace = {
  /** How many of `most` entries may be claimed now. */
  grant(at: Doorbell, most: number): Promise<Grant>
  /** What the claim found of what was granted. */
  found(at: Doorbell, granted: number, entries: Entry[]): Promise<void>
  /** Milliseconds after which a claimed entry is due again, because too much went to the same person; 0 when it may go. */
  heldMs(entry: Entry): Promise<number>
  /** Learns from how a post ended. */
  ended(at: Doorbell, call: Ended['call']): void
  close(): void
}

/** What WhatsApp gives a new number, until the number's own row was read. */
const STANDARD_PER_SECOND = 80
/** Codes that say the number as a whole is too fast. Source: WhatsApp Cloud API, error codes. */
const TOO_FAST = new Set(['4', '80007', '130429'])

/** `now` is the breaker's clock in milliseconds. */
export function openPace(on: Resources, now?: () => number): Pace {
  const limits = openLimits(on)
  const breaker = openBreaker(now)
  const rates = new Map<string, number>()
  const numberOf = ({ connection }: Doorbell) => ({
    connection,
    perSecond: rates.get(connection) ?? STANDARD_PER_SECOND,
  })
  return {
    async grant(at, most) {
      const waitMs = breaker.waitMs(at.connection)
      if (waitMs > 0) return { granted: 0, afterMs: waitMs }
      return limits.take(numberOf(at), breaker.isTrial(at.connection) ? 1 : most)
    },
    async found(at, granted, entries) {
      const [first] = entries
      if (first) rates.set(at.connection, first.perSecond)
      await limits.giveBack(numberOf(at), granted - entries.length)
    },
    async heldMs(entry) {
      const ms = await limits.pairWaitMs(entry.conversation)
      if (ms > 0)
        await on.db.withTenant(entry.org, (tx) => giveBack(tx, entry, { ms, because: 'wait' }))
      return ms
    },
    ended({ connection }, call) {
      if (!call) return
      breaker.note(connection, call.answered)
      if (TOO_FAST.has(call.code)) limits.slowDown(connection)
    },
    close: () => limits.close(),
  }
}
