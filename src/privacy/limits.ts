/** A default and the bounds it may move in, in the unit its name ends with. */
export type Limit = { is: number; least: number; most: number }

/**
 * How long things stay unless an organization asks for less. Source: privacy policy §6 ("as needed to provide
 * the service"); the manifest's rules and the code that writes an end into a row take their numbers from here.
 */
export const LIMITS = {
  SESSION_DAYS: { is: 14, least: 1, most: 30 },
  INVITATION_DAYS: { is: 7, least: 1, most: 30 },
  RESET_DAYS: { is: 1, least: 1, most: 7 },
  DRAFT_DAYS: { is: 30, least: 1, most: 90 },
  MESSAGE_EVENT_DAYS: { is: 30, least: 8, most: 90 },
  OUTBOX_DAYS: { is: 30, least: 1, most: 30 },
  FEED_DAYS: { is: 30, least: 1, most: 90 },
  API_KEY_DAYS: { is: 90, least: 1, most: 365 },
  API_READ_DAYS: { is: 90, least: 30, most: 365 },
  IDEMPOTENCY_DAYS: { is: 1, least: 1, most: 7 },
  DEAD_LETTER_DAYS: { is: 14, least: 1, most: 14 },
  NOTICE_DAYS: { is: 365, least: 30, most: 730 },
  NOTICE_ORIGINAL_DAYS: { is: 14, least: 1, most: 14 },
  UNKNOWN_NUMBER_DAYS: { is: 7, least: 0, most: 8 },
  MAIL_DAYS: { is: 30, least: 1, most: 90 },
  THROTTLE_DAYS: { is: 1, least: 1, most: 7 },
  JOB_DONE_MINUTES: { is: 30, least: 1, most: 1_440 },
  JOB_FAILED_DAYS: { is: 7, least: 1, most: 14 },
  LOG_RETENTION_DAYS: { is: 14, least: 1, most: 14 },
  IP_RETENTION_DAYS: { is: 14, least: 0, most: 30 },
  AUDIT_DAYS: { is: 365, least: 90, most: 730 },
  USAGE_RAW_DAYS: { is: 90, least: 1, most: 180 },
  USAGE_AGGREGATE_MONTHS: { is: 24, least: 1, most: 36 },
  DORMANT_MONTHS: { is: 24, least: 12, most: 60 },
  BACKUP_RETENTION_DAYS: { is: 14, least: 1, most: 16 },
  BACKUP_RECORD_DAYS: { is: 90, least: 30, most: 365 },
  SUPPRESSION_DAYS: { is: 45, least: 30, most: 365 },
  DEADLINE_ALARM_DAYS: { is: 3, least: 1, most: 7 },
  CERTIFICATE_DAYS: { is: 1_095, least: 365, most: 3_650 },
  EGRESS_DAYS: { is: 30, least: 1, most: 30 },
  INCIDENT_DAYS: { is: 1_826, least: 1_826, most: 3_653 },
  DISCLOSURE_DAYS: { is: 1_095, least: 365, most: 1_826 },
  REQUEST_DAYS: { is: 1_095, least: 365, most: 1_826 },
  REQUEST_TEXT_DAYS: { is: 180, least: 30, most: 365 },
  FINDING_DAYS: { is: 30, least: 1, most: 90 },
  SUPPORT_TICKET_DAYS: { is: 180, least: 30, most: 365 },
  SUPPORT_ACCESS_DAYS: { is: 365, least: 90, most: 730 },
  ANNOUNCEMENT_DAYS: { is: 365, least: 30, most: 730 },
  ALARM_DAYS: { is: 365, least: 30, most: 730 },
  DATA_KEY_DAYS: { is: 365, least: 30, most: 730 },
  SWEEP_RUN_DAYS: { is: 90, least: 7, most: 365 },
} satisfies Record<string, Limit>

export type LimitName = keyof typeof LIMITS

/** Those that the environment may set, by their names. Source: the default numbers of the privacy promises. */
export const SETTABLE = [
  'DEADLINE_ALARM_DAYS',
  'IP_RETENTION_DAYS',
  'USAGE_RAW_DAYS',
  'USAGE_AGGREGATE_MONTHS',
  'UNKNOWN_NUMBER_DAYS',
  'JOB_DONE_MINUTES',
  'JOB_FAILED_DAYS',
  'DEAD_LETTER_DAYS',
  'LOG_RETENTION_DAYS',
  'AUDIT_DAYS',
  'BACKUP_RETENTION_DAYS',
  'SUPPRESSION_DAYS',
  'CERTIFICATE_DAYS',
] as const satisfies readonly LimitName[]
export type Settable = (typeof SETTABLE)[number]

/** Takes over what the environment sets, checked before, once at the start of a process. */
export function setLimits(given: Readonly<Record<Settable, number>>): void {
  for (const name of SETTABLE) LIMITS[name].is = given[name]
}

export type OwnRule = 'messages' | 'media'

/**
 * What an organization may set for itself; without a setting it stays as long as the account is active. Not under
 * 30 days for words: WhatsApp delivers a webhook again for up to seven days, and reports on it later still.
 */
export const OWN_LIMITS: Readonly<Record<OwnRule, { least: number; most: number }>> = {
  messages: { least: 30, most: 3_650 },
  media: { least: 14, most: 3_650 },
}

/** Counts of people below this are not shown: behind a small number somebody can be recognised. */
export const SMALLEST_GROUP = 5

export const DAY_MS = 86_400_000
