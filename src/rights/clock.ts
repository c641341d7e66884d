import { addMonth, deadlineOf } from '../deletions/deadline.ts'
import { DAY_MS } from '../privacy/limits.ts'
import type { Kind } from './vocabulary.ts'

/** What the clock of a request depends on, and nothing else. */
export type Timed = {
  kind: Kind
  received_at: Date
  paused_at: Date | null
  paused_ms: number
  extended_at: Date | null
}

/**
 * By when a request is answered: one calendar month after it was received by whatever road, a deletion within thirty
 * days if that is sooner; two months later once extended, and later by exactly the time it was paused.
 * Source: GDPR 12(3) and 12(6); privacy policy §6.
 */
export function dueOf({ kind, received_at, paused_ms, extended_at }: Timed): Date {
  const first = kind === 'erase' ? deadlineOf(received_at) : addMonth(received_at)
  const due = extended_at === null ? first : addMonth(addMonth(first))
  return new Date(due.getTime() + paused_ms)
}

/** When it would be due if it went on at `now`: while it is paused that moves with the clock. */
export function dueAt(timed: Timed, now: Date): Date {
  const due = dueOf(timed)
  return timed.paused_at === null
    ? due
    : new Date(due.getTime() + Math.max(0, now.getTime() - timed.paused_at.getTime()))
}

const HOUR_MS = 3_600_000
/** What we want to keep, well inside the law. */
const TARGET_MS: Readonly<Record<Kind, number>> = {
  access: 24 * HOUR_MS,
  export: 24 * HOUR_MS,
  correct: 0,
  erase: 12 * DAY_MS,
  restrict: 10 * DAY_MS,
  object: 0,
  question: 10 * DAY_MS,
}

/** Our own target; a pause does not move it. */
export const targetOf = ({ kind, received_at }: Timed): Date =>
  new Date(received_at.getTime() + TARGET_MS[kind])

export type Stage = 'ten_days' | 'five_days' | 'one_day' | 'late'
const STAGES: readonly (readonly [Stage, number])[] = [
  ['late', 0],
  ['one_day', 1],
  ['five_days', 5],
  ['ten_days', 10],
]
/** Nobody is told of anything while more time than this is left. */
export const FIRST_ALARM_DAYS = 10

/** Which alarm is due with so much time left: at ten, five and one days, and when it is over. */
export const stageOf = (leftMs: number): Stage | undefined =>
  STAGES.find(([, days]) => leftMs <= days * DAY_MS)?.[0]

/** How much of the time is used, from 0 to 100; and what is left, in words. */
export function progressOf(timed: Timed, now: Date): { used: number; left: string } {
  const due = dueAt(timed, now).getTime()
  const start = timed.received_at.getTime()
  const used = Math.round(((now.getTime() - start) / (due - start)) * 100)
  return { used: Math.min(100, Math.max(0, used)), left: inWords(due - now.getTime()) }
}

/** `24 d left`, `1 d 19 h left`, `3 h left`, `2 d over`. */
function inWords(ms: number): string {
  const hours = Math.floor(Math.abs(ms) / HOUR_MS)
  const [days, rest] = [Math.floor(hours / 24), hours % 24]
  const time = days >= 3 ? `${days} d` : days > 0 ? `${days} d ${rest} h` : `${hours} h`
  return `${time} ${ms < 0 ? 'over' : 'left'}`
}
