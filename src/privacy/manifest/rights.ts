import {
  aboutContact,
  aboutOrganization,
  aboutUser,
  colleague,
  key,
  table,
  type Entry,
} from './vocabulary.ts'

/** Held by whoever has to show that a right was honoured, and about the request rather than the person. */
const outcome: Entry = {
  ...aboutOrganization('rights_request'),
  category: 'support',
  lawfulBasis: 'legal_obligation',
}
const words: Entry = {
  ...aboutContact('contact_id->contacts', 'rights_text'),
  category: 'support',
  purpose: ['communicate'],
}
const ONE_WORD = 'one of a few words of ours'
const within = 'closed_at < cast(:now as timestamptz) - make_interval(days => :days)'

/** Requests about somebody's data, what was written in them, and what an organization says to keywords. */
export const rights = [
  // Swept in this order: with its request a text would go unnoticed.
  table(
    'privacy_request_texts',
    words,
    {
      id: key,
      org_id: key,
      request_id: key,
      contact_id: key,
      user_id: { ...aboutUser('user_id->users', 'rights_text'), category: 'support' },
      kind: key,
      body: { collectedFrom: 'person', sealed: 'gcm_org' },
      told: key,
      at: key,
      closed_at: key,
    },
    [{ rule: 'rights_text', due: within }],
  ),
  table(
    'privacy_requests',
    outcome,
    {
      id: key,
      org_id: key,
      number: { ...key, why: 'a random number to call it by' },
      kind: key,
      state: key,
      road: key,
      contact_id: {
        ...aboutContact('contact_id->contacts', 'rights_request'),
        ...key,
        erase: 'null',
      },
      user_id: { ...aboutUser('user_id->users', 'rights_request'), erase: 'null' },
      code_digest: { ...key, sealed: 'hash' },
      once_digest: { ...key, sealed: 'hmac' },
      language: { ...key, why: ONE_WORD },
      received_at: key,
      recorded_at: key,
      due_at: key,
      paused_at: key,
      paused_ms: key,
      extended_at: key,
      verified_how: key,
      verified_by: colleague('verified_by'),
      verified_at: key,
      not_by: colleague('not_by'),
      challenge_digest: { ...key, sealed: 'hmac' },
      challenge_until: key,
      challenge_tries: key,
      challenges: key,
      confirmed_at: key,
      answer: key,
      deletion_id: key,
      refusal: key,
      outcome: key,
      closed_at: key,
      steps: { ...key, paths: ['*.at', '*.step', '*.by'], why: 'times and words of ours' },
    },
    [{ rule: 'rights_request', due: within }],
  ),
  table('privacy_answers', aboutOrganization('account_life'), {
    org_id: key,
    id: key,
    kind: key,
    language: { ...key, why: ONE_WORD },
    body: { category: 'content', collectedFrom: 'person' },
    version: key,
    approved_by: colleague('approved_by'),
    approved_at: key,
  }),
]
