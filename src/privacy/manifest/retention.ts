/** How long something stays: for so many days, or until something happens. */
export type Rule = { says: string } & ({ days: number } | { until: string })

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
  session: { says: 'signed-in devices: 24 hours idle, 14 days in all', days: 14 },
  invitation: { says: 'invitations: 7 days', days: 7 },
  reset: { says: 'links by mail: 24 hours', days: 1 },
  draft: { says: 'unsent text: 30 days after the last key', days: 30 },
  message_event: { says: 'delivery reports: 30 days', days: 30 },
  outbox: { says: 'sending log: 30 days after the end', days: 30 },
  feed: { says: 'change feed, ids only: 30 days', days: 30 },
  api_key: { says: 'API keys: 90 days after they are revoked', days: 90 },
  idempotency: { says: 'answers to repeated API calls: 24 hours', days: 1 },
  dead_letter: {
    says: 'undeliverable webhooks: 14 days, of numbers nobody connected 7',
    days: 14,
  },
  mail: { says: 'outgoing mail: 30 days', days: 30 },
  export: { says: 'the record of an export: 30 days after its file', days: 30 },
  export_file: { says: 'files of exports: 72 hours', days: 3 },
  throttle: { says: 'counters against abuse: 24 hours', days: 1 },
  job: { says: 'finished jobs: 30 minutes, failed ones 7 days', days: 7 },
  log: { says: 'log lines: 14 days', days: 14 },
  cookie: { says: 'the sign-in cookie: 14 days', days: 14 },
  known_browser: { says: 'the mark of a browser that signed in: half a year', days: 182 },
  request: { says: 'for the length of one request', days: 0 },
}
