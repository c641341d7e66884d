import type { Answer } from '../egress-request.ts'
import type { ErrorClass, Rule } from './error-table.ts'
import { fullCode, readGraphError, readWamid, ruleFor, type GraphError } from './graph-errors.ts'

/** What became of one post, and so of its outbox entry. */
export type Verdict =
  | { kind: 'accepted'; wamid: string }
  | { kind: 'retry'; class: ErrorClass; code: string; afterMs: number }
  /** It may have been sent: nobody but a person repeats it, and a status may still settle it. */
  | { kind: 'unknown'; code: string }
  | { kind: 'failed'; class: ErrorClass; code: string; title: string | null }
  /** The connection cannot send; the entry waits with it. */
  | { kind: 'held'; code: string }

/** `attempt` counts posts of this entry from 1; `ageS` is its age in seconds; `random` is from 0 to 1. */
export type Circumstances = { attempt: number; ageS: number; random: number }

const STEPS_S = [1, 4, 16, 64]
const LONGEST_S = 3_600

/**
 * Decide by the Graph API's error code, never by its words; without a Graph body only what certainly was not
 * processed is repeated. There is no idempotency key, so everything doubtful is `unknown`.
 * Source: WhatsApp Cloud API, error codes and message responses.
 */
export function judge(answer: Answer, now: Circumstances): Verdict {
  if (answer.outcome === 'unknown') return { kind: 'unknown', code: 'no_answer' }
  if (answer.outcome === 'not_sent') return again(UNREACHABLE, now)
  const wamid = answer.status < 300 ? readWamid(answer.body) : undefined
  if (wamid) return { kind: 'accepted', wamid }
  const error = readGraphError(answer.body)
  const isOdd = answer.status < 400 || (answer.status >= 500 && !error?.code)
  if (isOdd || !error) return withoutError(answer.status, now, headerMs(answer))
  return byRule(ruleFor(error, answer.status), error, now, headerMs(answer))
}

function byRule(rule: Rule, error: GraphError, now: Circumstances, leastMs: number): Verdict {
  const { code, title } = error
  const pauseMs = Math.max(leastMs, rule.pauseMs ?? 0)
  if (rule.class === 'connection') return { kind: 'held', code: fullCode(error) }
  if (rule.class === 'wait') return again({ ...LIMIT, code, title, pauseMs }, now)
  if (rule.class === 'retry' && now.attempt < (rule.tries ?? 5))
    return { kind: 'retry', class: 'retry', code, afterMs: delayMs(now, pauseMs) }
  return { kind: 'failed', class: rule.class, code, title }
}

/** No error of the Graph API in it: some proxy's page, or nothing. */
function withoutError(status: number, now: Circumstances, pauseMs: number): Verdict {
  if (status === 429) return again({ ...LIMIT, code: '130429', title: null, pauseMs }, now)
  return status === 401
    ? { kind: 'held', code: '190' }
    : { kind: 'unknown', code: `http_${status}` }
}

type Wait = {
  class: 'retry' | 'wait'
  code: string
  title: string | null
  pauseMs: number
  /** How old an entry may grow by waiting, in seconds. */
  limitS: number
}

const LIMIT = { class: 'wait', limitS: 86_400 } as const
/** An agent's reply that the network kept back for half an hour is better decided on by the agent. */
const UNREACHABLE: Wait = {
  class: 'retry',
  code: 'unreachable',
  title: null,
  pauseMs: 0,
  limitS: 1_800,
}

function again(wait: Wait, now: Circumstances): Verdict {
  const { class: kind, code, title, pauseMs, limitS } = wait
  return now.ageS < limitS
    ? { kind: 'retry', class: kind, code, afterMs: delayMs(now, pauseMs) }
    : { kind: 'failed', class: kind, code, title }
}

/** 1, 4, 16, then 64 seconds, up to a quarter longer so that many do not come back at once. */
function delayMs({ attempt, random }: Circumstances, leastMs: number): number {
  const step = STEPS_S[Math.min(attempt, STEPS_S.length) - 1] ?? 1
  return Math.round(Math.max(step * 1_000, leastMs) * (1 + random / 4))
}

/** `Retry-After` in seconds or as a date, in milliseconds from now; 0 without one, at most an hour. */
function headerMs({ headers }: { headers: Record<string, string | string[] | undefined> }): number {
  const value = [headers['retry-after']].flat()[0] ?? ''
  const seconds = /^\d+$/.test(value) ? Number(value) : (Date.parse(value) - Date.now()) / 1_000
  return Number.isFinite(seconds) ? Math.min(Math.max(seconds, 0), LONGEST_S) * 1_000 : 0
}
