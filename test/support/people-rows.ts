import { digest } from '../../src/ids.ts'
import type { Ids } from './rows.ts'

/** A customer, what they told WhatsApp, and the suspicion that they are there twice. */
export const peopleRows = {
  contacts: ({ org, contact }: Ids) => ({
    org_id: org,
    id: contact,
    name: 'Arman',
    search_name: 'arman',
  }),
  contact_identities: ({ org, contact }: Ids) => ({
    org_id: org,
    kind: 'phone',
    value: '15550100',
    contact_id: contact,
  }),
  contact_preferences: ({ org, contact }: Ids) => ({
    org_id: org,
    contact_id: contact,
    category: 'marketing_messages',
    value: 'stop',
    at: new Date(),
  }),
  merge_suggestions: ({ org, contact }: Ids) => ({
    org_id: org,
    contact_id: contact,
    other_id: contact,
    reason: 'same_message',
  }),
}

/** What Meta reported of an account, and where a template stands. */
export const noticeRows = {
  notices: ({ org, connection }: Ids) => ({
    org_id: org,
    id: connection,
    connection_id: connection,
    field: 'account_alerts',
    event: 'OBA_APPROVED',
    key: digest(connection),
    at: new Date(),
  }),
  notice_originals: ({ org, connection }: Ids) => ({
    org_id: org,
    notice_id: connection,
    raw: 'v1.kid.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
  }),
  templates: ({ org, user }: Ids) => ({
    org_id: org,
    id: user,
    waba_id: '102290129340398',
    name: 'order_ready',
    language: 'en',
  }),
  template_syncs: ({ org }: Ids) => ({ org_id: org, waba_id: '102290129340398' }),
}
