import { destination, pino, stdTimeFunctions, type DestinationStream } from 'pino'

const REQUEST = ['request', 'method', 'route', 'status', 'ms', 'aborted', 'export'] as const
const PROCESS = ['port', 'worker', 'leases', 'schedule', 'maintenance', 'appendfsync'] as const
const QUEUE = ['queue', 'queues', 'job', 'attempt', 'row', 'dropped', 'refused'] as const
const TALK = [
  'connection',
  'message',
  'messages',
  'posts',
  'bodies',
  'letter',
  'letters',
  'media',
] as const
const WHY = ['outcome', 'code', 'codes', 'reason', 'reasons', 'part', 'kind', 'ref'] as const
const KEYS = ['key', 'share', 'column', 'columns', 'values', 'organizations', 'of'] as const
const DUTY = ['deletion', 'file', 'stage', 'due', 'figure', 'sweep', 'planted'] as const
const SWEPT = ['counts', 'held', 'overdue'] as const
/** All that a line may name, besides `err` and `org`: ids, codes, counts and times of ours. Nothing in it is for somebody's words. */
const FIELDS = [
  ...REQUEST,
  ...PROCESS,
  ...QUEUE,
  ...TALK,
  ...WHY,
  ...KEYS,
  ...DUTY,
  ...SWEPT,
  'org',
] as const

type Word = string | number | boolean | Date | null | undefined
type Value = Word | readonly Word[] | Readonly<Record<string, number>>
export type Fields = Partial<Record<(typeof FIELDS)[number], Value>> & { err?: unknown }

/** A message stands in the code: a text that is put together at run time has another type and is refused. */
type Fixed<Message extends string> = string extends Message ? never : Message
type Say = {
  <Message extends string>(message: Fixed<Message>): void
  <Message extends string>(fields: Fields, message: Fixed<Message>): void
}
export type Log = Record<'debug' | 'info' | 'warn' | 'error', Say> & { child(fields: Fields): Log }

/**
 * One JSON line per event, with a closed set of fields and fixed messages. A field that is not in the set, and a value that is no
 * id, code, count or time, is withheld and counted, whatever the types let through; of an error only `describeError` is kept.
 * Message text, phone numbers, names and secrets never reach a line (promise P29).
 */
export function openLog(
  level: string,
  to: DestinationStream = destination({ fd: 1, sync: false }),
): Log {
  const log: Log = pino(
    {
      level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      serializers: { err: describeError },
      formatters: { bindings: sift, log: sift },
    },
    to,
  )
  return log
}

/** What a log may say of an error: its kind, its code and where it was thrown, never its words. */
export function describeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { type: typeof error }
  const { code, constraint, table } = error as Error & Record<string, unknown>
  return {
    type: error.constructor.name,
    ...(isName(code) ? { code } : {}),
    ...(isName(constraint) ? { constraint } : {}),
    ...(isName(table) ? { table } : {}),
    stack: framesOf(error),
    ...(error.cause instanceof Error ? { cause: describeError(error.cause) } : {}),
  }
}

const FRAME = /^\s+at ([\w$.<>#[\] ]+ \()?(node:|file:\/\/|\/|[A-Z]:\\)?[\w\-./\\@+%~]+:\d+:\d+\)?$/

/** The words stand before the frames, and may hold lines that look like one. */
function framesOf({ stack = '', message }: Error): string[] {
  const after = stack.includes(message) ? stack.slice(stack.indexOf(message) + message.length) : ''
  const frames = after.split('\n').filter((line) => FRAME.test(line))
  return frames.slice(0, 8).map((line) => line.trim())
}

const KNOWN: ReadonlySet<string> = new Set([...FIELDS, 'err'])
const WORD = /^[\w.:,/*{}()?-]{0,200}$/
/** What tokens of Meta, keys of our API and envelopes look like, wherever one should have been put by mistake. */
const TOKEN = /EAA[A-Za-z0-9]{12}|cf_[A-Za-z0-9]{12}|v1\.[\w-]+\.[\w-]{28}/

function sift(fields: Record<string, unknown>): Record<string, unknown> {
  const kept = Object.entries(fields).filter(
    ([name, value]) => KNOWN.has(name) && (name === 'err' || isValue(value)),
  )
  const withheld = Object.keys(fields).length - kept.length
  return { ...Object.fromEntries(kept), ...(withheld > 0 ? { withheld } : {}) }
}

function isValue(value: unknown): boolean {
  if (Array.isArray(value)) return value.every(isWord)
  if (typeof value !== 'object' || value === null || value instanceof Date) return isWord(value)
  return Object.entries(value).every(([name, n]) => isName(name) && typeof n === 'number')
}

function isWord(value: unknown): boolean {
  if (typeof value === 'string') return WORD.test(value) && !TOKEN.test(value)
  return (
    value === null ||
    value instanceof Date ||
    ['number', 'boolean', 'undefined'].includes(typeof value)
  )
}

const isName = (value: unknown): boolean =>
  (typeof value === 'string' && /^[\w.-]{1,80}$/.test(value)) || typeof value === 'number'
