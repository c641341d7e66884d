/** Lets a connection's messages wait while nothing answers; those in flight when it opens do not make it open longer. */
export type Breaker = {
  /** Milliseconds until one may be tried; 0 when messages may go. */
  waitMs(connection: string): number
  /** While a broken connection is tried, one message at a time. */
  isTrial(connection: string): boolean
  /** How a post ended: whether anything answered at all. */
  note(connection: string, answered: boolean): void
}

type Line = {
  /** Outcomes of the last half minute. */
  seen: { at: number; answered: boolean }[]
  row: number
  /** Set while it is open. */
  open?: { until: number; pauseMs: number }
}

const WINDOW_MS = 30_000
const IN_A_ROW = 5
const ENOUGH = 20
const FIRST_PAUSE_MS = 10_000
const LONGEST_PAUSE_MS = 300_000

/** Opens after five failures in a row, or when more than half of at least 20 in 30 seconds failed; `now` in milliseconds. */
export function openBreaker(now: () => number = () => performance.now()): Breaker {
  const lines = new Map<string, Line>()
  const lineOf = (connection: string): Line => {
    const line = lines.get(connection) ?? { seen: [], row: 0 }
    lines.set(connection, line)
    return line
  }
  return {
    waitMs: (connection) => Math.max(0, (lines.get(connection)?.open?.until ?? 0) - now()),
    isTrial: (connection) => lines.get(connection)?.open !== undefined,
    note(connection, answered) {
      const line = lineOf(connection)
      // What was in flight when it opened may still be answered: only a trial closes it.
      if (answered && line.open && line.open.until <= now()) lines.delete(connection)
      else learn(line, { at: now(), answered })
    },
  }
}

function learn(line: Line, { at, answered }: { at: number; answered: boolean }): void {
  line.seen = [...line.seen, { at, answered }].filter((one) => one.at > at - WINDOW_MS)
  line.row = answered ? 0 : line.row + 1
  const isTried = line.open !== undefined && line.open.until <= at
  if (answered || !(isTried || (!line.open && isBroken(line)))) return
  const pauseMs = line.open ? Math.min(line.open.pauseMs * 2, LONGEST_PAUSE_MS) : FIRST_PAUSE_MS
  line.open = { until: at + pauseMs, pauseMs }
}

function isBroken({ seen, row }: Line): boolean {
  const failed = seen.filter(({ answered }) => !answered).length
  return row >= IN_A_ROW || (seen.length >= ENOUGH && failed * 2 > seen.length)
}
