import { aboutContact, aboutNobody, aboutUser, colleague, key, table } from './vocabulary.ts'

const BALANCE =
  'Guessing passwords must be slowed down; the key is a keyed digest that nobody can turn back, gone in a day.'
const sealedByInstance = { sealed: 'gcm_instance' } as const

/** What keeps the machine going: webhooks that could not be stored, mail, counters against abuse. */
export const operations = [
  table(
    'dead_letters',
    aboutContact('expires', 'dead_letter'),
    {
      id: key,
      org_id: key,
      queue: key,
      reason: key,
      phone_number_id: { ...key, category: 'message_metadata' },
      connection_id: key,
      body: {
        category: 'content',
        sealed: 'gcm_org',
        export: { exclude: 'not yet data of the organization: it becomes so by being replayed' },
        why: 'without an organization the body is sealed under the key of the installation',
      },
      code: key,
      attempts: key,
      crashes: key,
      version: key,
      first_seen_at: key,
      last_seen_at: key,
      expires_at: key,
    },
    [{ rule: 'dead_letter', due: 'expires_at < :now' }],
  ),
  table(
    'mail_outbox',
    { ...aboutUser('user_id->users', 'mail'), purpose: ['communicate'] },
    {
      id: key,
      org_id: key,
      user_id: key,
      kind: key,
      recipient: { ...sealedByInstance, category: 'contact_detail', collectedFrom: 'person' },
      body: {
        ...sealedByInstance,
        category: 'content',
        export: { exclude: 'may hold a link that opens an account' },
      },
      state: key,
      due_at: key,
      lease_until: key,
      attempts: key,
      created_at: key,
      sent_at: key,
    },
    [
      {
        rule: 'mail',
        due: 'created_at < cast(:now as timestamptz) - make_interval(days => :days)',
      },
    ],
  ),
  table(
    'throttles',
    { ...aboutNobody('throttle'), purpose: ['protect'], lawfulBasis: 'legitimate_interest' },
    {
      key: {
        category: 'network',
        subject: 'account_user',
        link: 'expires',
        sealed: 'hmac',
        balance: BALANCE,
      },
      points: {},
      expire: {},
    },
    [{ rule: 'throttle', due: 'expire < extract(epoch from cast(:now as timestamptz)) * 1000' }],
  ),
  table(
    'sweep_runs',
    aboutNobody('sweep_run'),
    {
      id: key,
      now_arg: key,
      started_at: key,
      finished_at: key,
      counts: { ...key, paths: ['*'], why: 'names of tables and queues, and numbers' },
      held: { ...key, paths: ['*'], why: 'names of tables, and numbers' },
      overdue: { ...key, paths: [], why: 'names of tables and queues that were not swept' },
    },
    [
      {
        rule: 'sweep_run',
        due: 'now_arg < cast(:now as timestamptz) - make_interval(days => :days)',
      },
    ],
  ),
  table(
    'processes',
    aboutNobody('process'),
    {
      id: key,
      kind: key,
      host: { ...key, why: 'the name of a machine of the installation' },
      pid: key,
      version: { ...key, why: 'the version of this program' },
      beats: { ...key, paths: ['*'], why: 'names of queues, and times' },
      runs: { ...key, paths: ['*.*'], why: 'names of repeated work, and times' },
      lag_ms: key,
      rss_mb: key,
      started_at: key,
      seen_at: key,
    },
    [
      {
        rule: 'process',
        due: 'seen_at < cast(:now as timestamptz) - make_interval(days => :days)',
      },
    ],
  ),
  table(
    'tallies',
    aboutNobody('tally'),
    {
      minute: key,
      what: key,
      of: { ...key, why: 'the name of a queue' },
      ending: { ...key, why: 'one of few words of ours' },
      reason: { ...key, why: 'the code of an error' },
      n: key,
    },
    [
      {
        rule: 'tally',
        due: 'minute < cast(:now as timestamptz) - make_interval(days => :days)',
      },
    ],
  ),
  table(
    'letter_runs',
    aboutNobody('letter_run'),
    {
      id: key,
      act: key,
      filter: {
        ...key,
        paths: ['reason', 'code', 'org', 'from', 'to'],
        why: 'a reason, a code, times, and the random id of an organization',
      },
      asked_by: colleague('asked_by'),
      asked_at: key,
      total: key,
      done: key,
      failed: key,
      last_id: key,
      stopped_at: key,
      finished_at: key,
    },
    [
      {
        rule: 'letter_run',
        due: 'asked_at < cast(:now as timestamptz) - make_interval(days => :days)',
      },
    ],
  ),
]
