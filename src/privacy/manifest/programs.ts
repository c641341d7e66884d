import {
  aboutContact,
  aboutNobody,
  aboutOrganization,
  colleague,
  key,
  table,
} from './vocabulary.ts'

/** The change feed and the doors for other programs. */
export const programs = [
  table('feed_counters', aboutNobody('account_life'), { org_id: key, seq: key }),
  table(
    'feed',
    aboutNobody('feed'),
    {
      org_id: key,
      seq: key,
      kind: { why: 'one of a few words of ours, like message.received' },
      ref_id: key,
      at: key,
    },
    [{ rule: 'feed', due: 'at < cast(:now as timestamptz) - make_interval(days => :days)' }],
  ),
  // Swept before the keys: with its key a row would go unnoticed.
  table(
    'api_reads',
    {
      ...aboutOrganization('api_read'),
      link: 'org_id~>organizations',
      category: 'audit',
      purpose: ['protect'],
    },
    {
      org_id: key,
      id: key,
      api_key_id: {},
      path: { why: 'the pattern of a call' },
      refs: {},
      at: {},
    },
    [{ rule: 'api_read', due: 'at < cast(:now as timestamptz) - make_interval(days => :days)' }],
  ),
  table(
    'api_keys',
    { ...aboutOrganization('api_key'), purpose: ['provide', 'protect'] },
    {
      org_id: key,
      id: key,
      name: { category: 'identity', collectedFrom: 'person' },
      key_digest: { category: 'secret', export: { exclude: 'proof of a program' }, sealed: 'hash' },
      hint: { category: 'system' },
      scopes: { category: 'preference', collectedFrom: 'person' },
      created_by: colleague('created_by'),
      created_at: key,
      last_used_on: { category: 'usage' },
      expires_at: key,
      revoked_at: key,
    },
    [
      {
        rule: 'api_key',
        due: 'revoked_at < cast(:now as timestamptz) - make_interval(days => :days)',
      },
    ],
  ),
  table(
    'idempotency_keys',
    { ...aboutContact('expires', 'idempotency'), collectedFrom: 'system' },
    {
      org_id: key,
      api_key_id: key,
      key: key,
      request_digest: { ...key, sealed: 'hash' },
      status: key,
      response: {
        category: 'content',
        sealed: 'gcm_org',
        export: { exclude: 'a copy of what its own table already exports' },
      },
      created_at: key,
    },
    [
      {
        rule: 'idempotency',
        due: 'created_at < cast(:now as timestamptz) - make_interval(days => :days)',
      },
    ],
  ),
]
