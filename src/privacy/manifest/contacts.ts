import { aboutContact, colleague, key, table } from './vocabulary.ts'

const written = { category: 'identity', collectedFrom: 'agent' } as const

/** The people who write to the organization, and every name or number they are known by. */
export const contacts = [
  table('contacts', aboutContact('self', 'contact_life'), {
    org_id: key,
    id: key,
    name: written,
    profile_name: { category: 'identity' },
    profile_name_at: {},
    search_name: { category: 'identity', collectedFrom: 'derived' },
    email: { ...written, category: 'contact_detail' },
    book_name: { category: 'identity' },
    book_at: {},
    attributes: { ...written, category: 'content', paths: ['*'] },
    sources: { collectedFrom: 'derived', paths: ['name', 'email', 'phone'] },
    created_at: key,
    updated_at: key,
    erasing_at: key,
  }),
  table('contact_identities', aboutContact('contact_id->contacts', 'contact_life'), {
    org_id: key,
    kind: key,
    value: { category: 'contact_detail' },
    contact_id: key,
    created_at: key,
  }),
  table('contact_preferences', aboutContact('contact_id->contacts', 'contact_life'), {
    org_id: key,
    contact_id: key,
    category: { category: 'preference' },
    value: { category: 'preference' },
    at: { category: 'preference' },
  }),
  table('merge_suggestions', aboutContact('contact_id->contacts', 'contact_life'), {
    org_id: key,
    contact_id: key,
    other_id: key,
    reason: { collectedFrom: 'derived' },
    at: key,
    dismissed_at: { collectedFrom: 'agent' },
  }),
  table(
    'contact_corrections',
    { ...aboutContact('contact_id->contacts', 'contact_life'), collectedFrom: 'agent' },
    {
      org_id: key,
      id: key,
      contact_id: key,
      field: {},
      decision: {},
      statement: { category: 'content', collectedFrom: 'person' },
      recipients: { ...key, paths: ['*.kind', '*.id'] },
      decided_by: colleague('decided_by'),
      request_id: key,
      at: {},
    },
  ),
]
