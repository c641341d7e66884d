import { aboutOrganization, aboutUser, colleague, key, table } from './vocabulary.ts'

const given = { collectedFrom: 'person' } as const

/** Organizations, the people in them, and the ways in. */
export const accounts = [
  table(
    'organizations',
    { ...aboutOrganization('account_life'), link: 'self' },
    {
      org_id: key,
      name: { ...given, category: 'identity' },
      status: key,
      settings: { ...given, category: 'preference', paths: [] },
      require_2fa: { ...given, category: 'preference' },
      active_at: key,
      closes_at: key,
      close_notices: key,
      created_at: key,
      updated_at: key,
    },
  ),
  table('org_keys', aboutOrganization('account_life'), {
    org_id: key,
    kid: key,
    wrapped: {
      category: 'secret',
      export: { exclude: 'opens everything that is sealed' },
      erase: 'shred',
      sealed: 'gcm_instance',
    },
    wrapped_by: key,
    state: key,
    seals: key,
    created_at: key,
  }),
  table('users', aboutUser('self', 'account_life'), {
    id: key,
    email: { ...given, category: 'contact_detail', purpose: ['provide', 'communicate'] },
    name: { ...given, category: 'identity' },
    password_hash: { ...given, category: 'secret', export: 'presence_only', sealed: 'hash' },
    email_verified_at: key,
    preferences: {
      ...given,
      category: 'preference',
      purpose: ['personalise'],
      paths: ['org', 'signup.org', 'signup.organization'],
    },
    failed_logins: { ...key, purpose: ['protect'] },
    disabled_at: key,
    created_at: key,
    updated_at: key,
  }),
  table('memberships', aboutUser('user_id->users', 'membership'), {
    org_id: key,
    user_id: key,
    role: { category: 'identity', collectedFrom: 'agent' },
    usage_objected_at: { ...given, category: 'preference' },
    notifications: {
      ...given,
      category: 'preference',
      purpose: ['personalise', 'communicate'],
      paths: [],
    },
    created_at: key,
  }),
  table('policy_acceptances', aboutUser('user_id->users', 'account_life'), {
    user_id: key,
    version: {},
    road: {},
    at: {},
  }),
  table(
    'user_sessions',
    { ...aboutUser('user_id->users', 'session'), purpose: ['provide', 'protect'] },
    {
      sid: { category: 'secret', export: { exclude: 'proof of a sign-in' }, sealed: 'hash' },
      sess: { ...key, paths: ['uid', 'org', 'device', 'authAt', 'cookie.*'] },
      expire: key,
      user_id: key,
      created_at: key,
    },
    [{ rule: 'session', due: 'expire < :now' }],
  ),
  table(
    'invitations',
    { ...aboutOrganization('invitation'), purpose: ['provide', 'communicate'] },
    {
      org_id: key,
      id: key,
      code_digest: {
        category: 'secret',
        export: { exclude: 'proof of an invitation' },
        sealed: 'hash',
      },
      email: {
        category: 'contact_detail',
        subject: 'account_user',
        link: 'expires',
        collectedFrom: 'agent',
      },
      role: key,
      invited_by: colleague('invited_by'),
      expires_at: key,
      used_at: key,
      created_at: key,
    },
    [{ rule: 'invitation', due: 'expires_at < :now' }],
  ),
  table(
    'password_resets',
    { ...aboutUser('user_id->users', 'reset'), purpose: ['provide', 'protect'] },
    {
      token_digest: {
        category: 'secret',
        export: { exclude: 'proof of a request' },
        sealed: 'hash',
      },
      user_id: key,
      purpose: key,
      new_email: { ...given, category: 'contact_detail' },
      expires_at: key,
      used_at: key,
      created_at: key,
    },
    [{ rule: 'reset', due: 'expires_at < :now' }],
  ),
]
