import { destination, pino, stdTimeFunctions, type DestinationStream, type Logger } from 'pino'

export type Log = Logger

/**
 * One JSON line per event. Callers pass ids, codes and durations only: message text, phone numbers,
 * names and secrets never reach a log call (`test/log.test.ts` plants canaries and reads every line).
 * Error texts of PostgreSQL quote row values in `detail`, so only class, code and stack position are kept.
 */
export function openLog(
  level: string,
  to: DestinationStream = destination({ fd: 1, sync: false }),
): Log {
  return pino(
    { level, base: null, timestamp: stdTimeFunctions.isoTime, serializers: { err: describeError } },
    to,
  )
}

/** What a log may say of an error: its kind, its code and where it was thrown, never its words. */
export function describeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { type: typeof error }
  const { code, constraint, table } = error as Error & Record<string, unknown>
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line))
  return {
    type: error.constructor.name,
    ...(isWord(code) ? { code } : {}),
    ...(isWord(constraint) ? { constraint } : {}),
    ...(isWord(table) ? { table } : {}),
    stack: frames.slice(0, 8).map((line) => line.trim()),
    ...(error.cause instanceof Error ? { cause: describeError(error.cause) } : {}),
  }
}

const isWord = (value: unknown): boolean =>
  (typeof value === 'string' && /^[\w.-]{1,80}$/.test(value)) || typeof value === 'number'
