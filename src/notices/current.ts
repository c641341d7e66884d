import type { Reported } from './notices.ts'
import { restrictionEnd } from './words-account.ts'

const DAY_MS = 86_400_000

/** What a report speaks of: a newer one about the same makes it history. Nothing where a report is only an event. */
function topicOf({ field, event, payload }: Reported): string | undefined {
  if (field === 'account_update')
    return event === 'ACCOUNT_RESTRICTION' ? 'restriction' : ACCOUNT[event]
  if (field === 'phone_number_quality_update')
    return ['FLAGGED', 'UNFLAGGED'].includes(event)
      ? 'quality'
      : payload['current_limit'] || payload['max_daily_conversations_per_business']
        ? 'limit'
        : undefined
  return FIELDS[field]
}

const ACCOUNT: Record<string, string> = {
  ACCOUNT_DELETED: 'account',
  DISABLED_UPDATE: 'account',
  PARTNER_REMOVED: 'account',
  PARTNER_ADDED: 'account',
  ACCOUNT_OFFBOARDED: 'account',
  ACCOUNT_RECONNECTED: 'account',
  ACCOUNT_VIOLATION: 'violation',
}
const FIELDS: Record<string, string> = {
  account_review_update: 'review',
  account_alerts: 'alert',
  business_capability_update: 'limit',
  business_username_update: 'username',
  phone_number_name_update: 'name',
  security: 'pin',
  history: 'history',
  errors: 'error',
}
/** How long a report of a topic is worth a line; without a number until another one comes. */
const DAYS: Record<string, number> = { violation: 30, alert: 30, pin: 7, history: 7, error: 1 }

/** The reports that are true at this moment: the newest of each topic, unless its time is over. Newest first. */
export function currentReports(reports: Reported[], now: Date): Reported[] {
  const newest = new Map<string, Reported>()
  for (const report of reports) {
    const topic = topicOf(report)
    const known = topic === undefined ? undefined : newest.get(topic)
    if (topic !== undefined && (!known || isLater(report, known))) newest.set(topic, report)
  }
  return [...newest]
    .filter(([topic, report]) => isOpen(topic, report, now))
    .map(([, report]) => report)
    .toSorted((a, b) => b.at.getTime() - a.at.getTime())
}

const isLater = (a: Reported, b: Reported): boolean =>
  a.at.getTime() === b.at.getTime() ? a.id > b.id : a.at > b.at

function isOpen(topic: string, report: Reported, now: Date): boolean {
  const end = topic === 'restriction' ? restrictionEnd(report) : undefined
  if (end && end <= now) return false
  const days = DAYS[topic]
  return days === undefined || now.getTime() - report.at.getTime() < days * DAY_MS
}
