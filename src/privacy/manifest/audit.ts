import { aboutNobody, aboutOrganization, key, table } from './vocabulary.ts'

const RANDOM = 'a random id: whose it was is told only by a row that goes with the person'

/** Who did what: references without identities, chained by their hashes. */
export const audit = [
  table('audit_head', aboutNobody('account_life'), {
    org_id: key,
    seq: key,
    hash: { ...key, sealed: 'hash' },
    base_seq: key,
    base_hash: { ...key, sealed: 'hash' },
  }),
  table(
    'audit_log',
    {
      ...aboutOrganization('audit'),
      link: 'org_id->audit_head.org_id->organizations',
      category: 'audit',
      purpose: ['protect'],
    },
    {
      org_id: key,
      seq: {},
      at: {},
      actor_kind: {},
      actor_id: { why: RANDOM },
      action: {},
      target_kind: {},
      target_id: { why: RANDOM },
      ip: { category: 'network', why: 'a network of 256 addresses or more, cut before it is kept' },
      request_id: {},
      detail: {
        paths: [
          'sessions',
          'role',
          'from',
          'to',
          'scopes',
          'secrets',
          'key',
          'resealed',
          'kind',
          'because',
          'ground',
          'road',
          'scope',
          'hours',
          'page',
          'subject',
          'was',
          'field',
          'fields',
        ],
        why: 'words of ours and numbers, checked against the schema of each action',
      },
      prev_hash: { sealed: 'hash' },
      hash: { sealed: 'hash' },
    },
    [
      {
        rule: 'audit',
        due: 'at < cast(:now as timestamptz) - make_interval(days => :days)',
        by: 'audit_trim',
      },
    ],
  ),
  table(
    'former_members',
    { ...aboutOrganization('account_life'), category: 'audit' },
    {
      org_id: key,
      id: key,
      user_id: { why: RANDOM },
      label: { why: 'four random letters in the place of a name, of this organization alone' },
      at: key,
    },
  ),
  table('audit_tombstones', aboutNobody('audit_proof'), {
    org_ref: { ...key, sealed: 'hash' },
    seq: key,
    hash: { ...key, sealed: 'hash' },
    purged_at: key,
  }),
]
