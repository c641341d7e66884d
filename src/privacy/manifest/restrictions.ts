import { aboutContact, aboutUser, colleague, key, table } from './vocabulary.ts'

const wish = { category: 'preference', collectedFrom: 'person' } as const
const TO_CONTACT = 'restriction_id->restrictions.contact_id->contacts'

/** What people asked not to be done with their data, and what arrived from them while it was restricted. */
export const restrictions = [
  table(
    'restrictions',
    { ...aboutContact('contact_id->contacts', 'contact_life'), purpose: ['protect'] },
    {
      org_id: key,
      id: key,
      contact_id: key,
      kind: wish,
      ground: wish,
      road: wish,
      set_by: colleague('set_by'),
      request_id: key,
      since: wish,
      noticed_at: key,
      lifted_at: { collectedFrom: 'agent' },
      lifted_by: colleague('lifted_by'),
    },
  ),
  table(
    'restriction_notices',
    { ...aboutContact(TO_CONTACT, 'contact_life'), purpose: ['protect'], collectedFrom: 'agent' },
    {
      org_id: key,
      id: key,
      restriction_id: key,
      road: {},
      told_by: colleague('told_by'),
      told_at: {},
    },
  ),
  table('withheld_messages', aboutContact('contact_id->contacts', 'contact_life'), {
    org_id: key,
    id: key,
    contact_id: key,
    connection_id: key,
    wamid: {},
    body: { category: 'content', sealed: 'gcm_org' },
    at: {},
    received_at: key,
  }),
  table(
    'consents',
    { ...aboutContact('contact_id->contacts', 'contact_life'), purpose: ['protect'] },
    {
      org_id: key,
      id: key,
      contact_id: key,
      user_id: aboutUser('user_id->memberships.user_id->users', 'membership'),
      purpose: wish,
      state: wish,
      road: wish,
      actor_id: colleague('actor_id'),
      at: wish,
    },
  ),
]
