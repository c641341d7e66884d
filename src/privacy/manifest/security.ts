import { aboutNobody, aboutOrganization, aboutUser, colleague, key, table } from './vocabulary.ts'

const RANDOM = 'a random id: whose it was is told only by a row that goes with the person'
const OPERATOR = 'written by operators about the organization as a whole, and asked to name nobody'
const within = (column: string): string =>
  `${column} < cast(:now as timestamptz) - make_interval(days => :days)`

const factor = { ...aboutUser('user_id->users', 'account_life'), purpose: ['protect'] as const }
const operators = {
  ...aboutNobody('incident'),
  category: 'audit' as const,
  purpose: ['protect'] as const,
  lawfulBasis: 'legal_obligation' as const,
  collectedFrom: 'person' as const,
}

/** Second factors, what left through the door to the outside, and what operators account for. */
export const security = [
  table('second_factors', factor, {
    id: key,
    user_id: key,
    kind: {},
    secret: { category: 'secret', export: 'presence_only', sealed: 'gcm_instance' },
    last_step: {},
    confirmed_at: {},
    created_at: {},
  }),
  table('recovery_codes', factor, {
    user_id: key,
    code_digest: {
      category: 'secret',
      export: { exclude: 'proof of who somebody is' },
      sealed: 'hash',
    },
    used_at: {},
  }),
  table(
    'abuse_findings',
    { ...aboutOrganization('finding'), category: 'audit', purpose: ['protect'] },
    {
      id: key,
      org_id: key,
      user_id: { ...aboutUser('user_id->users', 'finding'), purpose: ['protect'] },
      rule: {},
      because: { why: 'a sentence of ours with numbers in it' },
      counts: {
        paths: ['*'],
        export: 'presence_only',
        why: 'numbers, by words of ours; what its subject may know of them stands in the sentence',
      },
      action: {},
      at: {},
      expires_at: {},
      appealed_at: {},
      decided_at: {},
      outcome: {},
    },
    [{ rule: 'finding', due: within('expires_at') }],
  ),
  table(
    'egress_log',
    {
      ...aboutOrganization('egress'),
      link: 'org_id~>organizations',
      category: 'audit',
      purpose: ['protect'],
    },
    { id: {}, at: {}, host: {}, purpose: {}, org_id: {}, bytes: {}, status: {} },
    [{ rule: 'egress', due: within('at') }],
  ),
  table(
    'processor_notices',
    { ...aboutUser('user_id->users', 'account_life'), purpose: ['communicate'] },
    { user_id: key, processor: {}, told_at: {} },
  ),
  table(
    'key_usage',
    { ...aboutOrganization('account_life'), purpose: ['protect'] },
    { org_id: key, kid: key, seals: key, block: key },
  ),
  table(
    'master_keys',
    { ...aboutNobody('account_life'), purpose: ['protect'] },
    {
      kid: { why: 'the name of a key' },
      probe: { sealed: 'gcm_instance', why: 'a word of ours, sealed to know the key by' },
      seals: {},
      block: {},
      first_at: {},
    },
  ),
  table(
    'processor_hosts',
    { ...aboutNobody('account_life'), purpose: ['protect'] },
    {
      processor: { why: 'a word of the register' },
      host: { why: 'a host of the operator’s configuration' },
      first_at: {},
      last_at: {},
    },
  ),
  table(
    'processor_objections',
    {
      ...aboutOrganization('account_life'),
      category: 'audit',
      collectedFrom: 'person',
      purpose: ['protect'],
    },
    { org_id: key, processor: {}, objected_by: colleague('objected_by'), at: {} },
  ),
  table(
    'incidents',
    operators,
    {
      id: key,
      kind: {},
      aware_at: {},
      facts: { why: OPERATOR },
      effects: { why: OPERATOR },
      measures: { why: OPERATOR },
      categories: { why: 'words of the manifest' },
      subjects_estimate: {},
      records_estimate: {},
      reach: { paths: ['*', '*.*'], why: 'ids of organizations, names of tables, and numbers' },
      authority_reason: { why: OPERATOR },
      people_reason: { why: OPERATOR },
      notified_authority_at: {},
      notified_orgs_at: {},
      notified_people_at: {},
      exposed: {},
      exposed_id: { why: RANDOM },
      exposed_from: {},
      exposed_until: {},
      closed_at: {},
    },
    [{ rule: 'incident', due: within('closed_at') }],
  ),
  table(
    'disclosures',
    { ...operators, retention: 'disclosure' },
    {
      id: key,
      asks: {},
      about_org: {
        ...aboutOrganization('disclosure'),
        link: 'about_org~>organizations',
        category: 'audit',
        export: { exclude: 'an order may forbid to tell; the organization is told when it ends' },
      },
      received_at: {},
      authority: { why: OPERATOR },
      legal_basis: { why: OPERATOR },
      scope: { sealed: 'gcm_instance', why: 'ids and times' },
      challenged: { why: OPERATOR },
      reasons: { why: OPERATOR },
      approved_by: { why: RANDOM },
      decision: {},
      decided_at: {},
      disclosed_at: {},
      items_sha256: { sealed: 'hash' },
      gag_until: {},
      org_told_at: {},
    },
    [
      {
        rule: 'disclosure',
        due: `coalesce(disclosed_at, decided_at) < cast(:now as timestamptz) - make_interval(days => :days)`,
      },
    ],
  ),
  table(
    'legal_holds',
    {
      ...aboutOrganization('legal_hold'),
      category: 'audit',
      purpose: ['protect'],
      lawfulBasis: 'legal_obligation',
      export: { exclude: 'an order may forbid to tell; the organization is told when it ends' },
    },
    {
      org_id: key,
      id: key,
      disclosure_id: {},
      contact_id: { why: RANDOM },
      from_at: {},
      until_at: {},
      placed_at: {},
      ends_at: {},
      placed_by: { why: RANDOM },
      released_at: {},
      released_by: { why: RANDOM },
    },
    [{ rule: 'legal_hold', due: within('released_at') }],
  ),
]
