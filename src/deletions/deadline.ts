import { DAY_MS } from '../privacy/limits.ts'

/**
 * When a deletion must be done: 30 days after it was received, and never later than one month. No zone, no working
 * days, no rounding up: never later than any reading of either anywhere.
 * Source: privacy policy §6, "within 30 days"; GDPR 12(3).
 */
export function deadlineOf(received: Date): Date {
  return earlier(new Date(received.getTime() + 30 * DAY_MS), addMonth(received))
}

/** The same day and time of the next month in UTC, or its last day where it is shorter. */
export function addMonth(from: Date): Date {
  const to = new Date(from)
  to.setUTCDate(1)
  to.setUTCMonth(to.getUTCMonth() + 1)
  const last = new Date(Date.UTC(to.getUTCFullYear(), to.getUTCMonth() + 1, 0)).getUTCDate()
  to.setUTCDate(Math.min(from.getUTCDate(), last))
  return to
}

type Budget = {
  DELETION_GRACE_DAYS: number
  PURGE_BUDGET_DAYS: number
  BACKUP_RETENTION_DAYS: number
}

/**
 * Until when an organization's deletion may be cancelled: the grace, cut short where purge and backups would not fit
 * before the deadline any more, and never in the past.
 */
export function graceUntil(confirmed: Date, deadline: Date, budget: Budget): Date {
  const reserve = budget.PURGE_BUDGET_DAYS + budget.BACKUP_RETENTION_DAYS
  const wanted = new Date(confirmed.getTime() + budget.DELETION_GRACE_DAYS * DAY_MS)
  const latest = new Date(deadline.getTime() - reserve * DAY_MS)
  const until = earlier(wanted, latest)
  return until < confirmed ? confirmed : until
}

const earlier = (a: Date, b: Date): Date => (a < b ? a : b)
