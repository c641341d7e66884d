import { LIMITS, type LimitName } from '../limits.ts'

/** How long something stays: for so many days, or until something happens. */
export type Rule = { says: string } & ({ days: number } | { until: string })

/** A rule whose number the environment may set: read when it is asked for, not when this file is. */
const lasting = (
  name: LimitName,
  says: (n: number) => string,
  daysOf = (n: number): number => n,
): Rule => ({
  get says() {
    return says(LIMITS[name].is)
  },
  get days() {
    return daysOf(LIMITS[name].is)
  },
})

/** Every retention rule there is. Source: privacy policy §6, and what each table needs to do its work. */
export const retention: Readonly<Record<string, Rule>> = {
  account_life: {
    says: 'as long as the account is active',
    until: 'the account or the organization is deleted',
  },
  membership: {
    says: 'as long as the person belongs to the organization',
    until: 'the person leaves the organization, or the account is deleted',
  },
  contact_life: {
    says: 'as long as the organization keeps the contact',
    until: 'the contact is erased, or the organization is deleted',
  },
  connection_life: {
    says: 'as long as the number is connected',
    until: 'the connection is removed, or the organization is deleted',
  },
  session: {
    says: 'signed-in devices: 24 hours idle, 14 days in all',
    days: LIMITS.SESSION_DAYS.is,
  },
  invitation: { says: 'invitations: 7 days', days: LIMITS.INVITATION_DAYS.is },
  reset: { says: 'links by mail: 24 hours', days: LIMITS.RESET_DAYS.is },
  address_undo: {
    says: 'the address before it was changed: 72 hours, sealed',
    days: 3,
  },
  draft: { says: 'unsent text: 30 days after the last key', days: LIMITS.DRAFT_DAYS.is },
  message_event: { says: 'delivery reports: 30 days', days: LIMITS.MESSAGE_EVENT_DAYS.is },
  outbox: { says: 'sending log: 30 days after the end', days: LIMITS.OUTBOX_DAYS.is },
  feed: { says: 'change feed, ids only: 30 days', days: LIMITS.FEED_DAYS.is },
  api_key: { says: 'API keys: 90 days after they are revoked', days: LIMITS.API_KEY_DAYS.is },
  api_read: {
    says: 'which rows a program was given, ids only: 90 days',
    days: LIMITS.API_READ_DAYS.is,
  },
  idempotency: {
    says: 'answers to repeated API calls: 24 hours',
    days: LIMITS.IDEMPOTENCY_DAYS.is,
  },
  dead_letter: lasting(
    'DEAD_LETTER_DAYS',
    (n) =>
      `undeliverable webhooks: ${n} days, of numbers nobody connected ${LIMITS.UNKNOWN_NUMBER_DAYS.is}`,
  ),
  notice: {
    says: 'what Meta reported of numbers, accounts and templates: 365 days',
    days: LIMITS.NOTICE_DAYS.is,
  },
  notice_original: {
    says: 'the parts of such reports that nobody understood, sealed: 14 days',
    days: LIMITS.NOTICE_ORIGINAL_DAYS.is,
  },
  mail: { says: 'outgoing mail: 30 days', days: LIMITS.MAIL_DAYS.is },
  export: { says: 'the record of an export: 30 days after its file', days: 30 },
  export_file: { says: 'files of exports: 72 hours', days: 3 },
  usage: lasting('USAGE_RAW_DAYS', (n) => `pages and features used: ${n} days`),
  usage_daily: lasting(
    'USAGE_AGGREGATE_MONTHS',
    (n) => `counts of use per day, without anybody in them: ${n} months`,
    (n) => Math.floor((n * 365) / 12),
  ),
  alarm: { says: 'what somebody was told to look at: 365 days', days: LIMITS.ALARM_DAYS.is },
  sweep_run: {
    says: 'what the sweeps removed, counts only: 90 days',
    days: LIMITS.SWEEP_RUN_DAYS.is,
  },
  process: { says: 'which processes ran: a day after they were last seen', days: 1 },
  tally: { says: 'counts of jobs and webhooks by the minute: 2 days', days: 2 },
  letter_run: {
    says: 'which operator replayed or discarded undeliverable webhooks: 90 days',
    days: LIMITS.SWEEP_RUN_DAYS.is,
  },
  egress: {
    says: 'where requests went, without what they said: 30 days',
    days: LIMITS.EGRESS_DAYS.is,
  },
  incident: {
    says: 'the record of a breach: 5 years after it is closed',
    days: LIMITS.INCIDENT_DAYS.is,
  },
  incident_org: {
    says: 'whom a breach concerned: as long as its record',
    until: 'the record of the breach goes, or the organization is deleted',
  },
  support_ticket: {
    says: 'support tickets: 180 days after they are closed',
    days: LIMITS.SUPPORT_TICKET_DAYS.is,
  },
  support_text: {
    says: 'what was written and attached in a support ticket: as long as the ticket',
    until: 'the ticket goes, or the account is deleted',
  },
  support_access: {
    says: 'that an owner let support look in: 365 days after it ended',
    days: LIMITS.SUPPORT_ACCESS_DAYS.is,
  },
  announcement: {
    says: 'announcements: 365 days after they ended',
    days: LIMITS.ANNOUNCEMENT_DAYS.is,
  },
  announcement_read: {
    says: 'that somebody was told of an announcement: as long as the announcement',
    until: 'the announcement goes, or the account is deleted',
  },
  disclosure: {
    says: 'the record of a disclosure required by law: 3 years after its end',
    days: LIMITS.DISCLOSURE_DAYS.is,
  },
  legal_hold: {
    says: 'the record of a preservation order: 3 years after its release',
    days: LIMITS.DISCLOSURE_DAYS.is,
  },
  rights_request: {
    says: 'the outcome of a request about your data, without its words: 3 years after it is closed',
    days: LIMITS.REQUEST_DAYS.is,
  },
  rights_text: {
    says: 'what was written in a request about your data: 180 days after it is closed',
    days: LIMITS.REQUEST_TEXT_DAYS.is,
  },
  finding: {
    says: 'what looked like abuse: 30 days after the measure ended',
    days: LIMITS.FINDING_DAYS.is,
  },
  throttle: { says: 'counters against abuse: 24 hours', days: LIMITS.THROTTLE_DAYS.is },
  audit: lasting('AUDIT_DAYS', (n) => `audit log: ${n} days`),
  audit_proof: {
    says: 'the last hash of a deleted organization’s audit log, no personal data',
    until: 'the installation itself ends',
  },
  certificate: lasting(
    'CERTIFICATE_DAYS',
    (n) => `proof of a deletion, no personal data: ${n} days`,
  ),
  certificate_steps: {
    says: 'when a deletion moved on: as long as its proof',
    until: 'the proof of the deletion goes',
  },
  backup: lasting('BACKUP_RETENTION_DAYS', (n) => `backups: ${n} days`),
  backup_record: {
    says: 'the record of a backup: 90 days after its file',
    days: LIMITS.BACKUP_RECORD_DAYS.is,
  },
  suppression: lasting('SUPPRESSION_DAYS', (n) => `keyed digests of who was erased: ${n} days`),
  job: lasting(
    'JOB_FAILED_DAYS',
    (n) => `finished jobs: ${LIMITS.JOB_DONE_MINUTES.is} minutes, failed ones ${n} days`,
  ),
  log: lasting('LOG_RETENTION_DAYS', (n) => `log lines: ${n} days`),
  cookie: { says: 'the sign-in cookie: 14 days', days: 14 },
  known_browser: { says: 'the mark of a browser that signed in: half a year', days: 182 },
  factor_step: { says: 'a sign-in that waits for its second factor: 5 minutes', days: 1 },
  request: { says: 'for the length of one request', days: 0 },
}
