import { aboutContact, aboutNobody, aboutUser, key, table } from './vocabulary.ts'

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
      overdue: { ...key, paths: [], why: 'names of tables and queues that were not swept' },
    },
    [
      {
        rule: 'sweep_run',
        due: 'now_arg < cast(:now as timestamptz) - make_interval(days => :days)',
      },
    ],
  ),
]
