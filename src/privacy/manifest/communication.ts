import {
  aboutNobody,
  aboutOrganization,
  aboutUser,
  colleague,
  key,
  table,
  type Entry,
} from './vocabulary.ts'

const WRITTEN = 'written by operators for everybody to read, and asked to name nobody'
const within = (column: string): string =>
  `${column} < cast(:now as timestamptz) - make_interval(days => :days)`

const asked: Entry = {
  ...aboutUser('user_id->users', 'support_text'),
  category: 'support',
  purpose: ['communicate'],
}
const words = { collectedFrom: 'person', sealed: 'gcm_instance' } as const

/** What is told to people, and what they want to hear no more of. */
export const communication = [
  table(
    'announcements',
    { ...aboutNobody('announcement'), purpose: ['communicate'], collectedFrom: 'person' },
    {
      id: key,
      kind: key,
      title: { why: WRITTEN },
      body: { why: WRITTEN },
      policy_version: { ...key, why: 'the id of a version of the policy' },
      incident_id: key,
      audience: key,
      published_at: key,
      ends_at: key,
    },
    [{ rule: 'announcement', due: within('ends_at') }],
  ),
  table(
    'announcement_reads',
    { ...aboutUser('user_id->users', 'announcement_read'), purpose: ['communicate'] },
    { user_id: key, announcement_id: key, mailed_at: {}, shown_at: {}, dismissed_at: {} },
  ),
  table(
    'mail_refusals',
    {
      ...aboutUser('user_id->users', 'account_life'),
      category: 'preference',
      purpose: ['communicate'],
      collectedFrom: 'person',
    },
    { user_id: key, topic: {}, road: {}, at: {} },
  ),
  table(
    'incident_orgs',
    { ...aboutOrganization('incident_org'), category: 'audit', purpose: ['protect'] },
    { org_id: key, incident_id: key, told_at: {} },
  ),
  table(
    'support_tickets',
    { ...asked, retention: 'support_ticket' },
    {
      id: key,
      org_id: key,
      user_id: key,
      address: { ...words, category: 'contact_detail' },
      subject: words,
      state: key,
      waits_for: key,
      once_digest: {
        ...key,
        sealed: 'hash',
        export: { exclude: 'keeps a form from counting twice' },
      },
      created_at: key,
      last_at: key,
      closed_at: key,
    },
    [{ rule: 'support_ticket', due: within('closed_at') }],
  ),
  table('support_messages', asked, {
    id: key,
    ticket_id: key,
    user_id: key,
    side: key,
    body: words,
    at: key,
  }),
  table('support_files', asked, {
    id: key,
    message_id: key,
    user_id: key,
    name: words,
    mime: key,
    size: key,
    bytes: { ...words, export: 'presence_only', why: 'saved from the ticket itself' },
    at: key,
  }),
  table(
    'support_access',
    { ...aboutOrganization('support_access'), category: 'audit', purpose: ['protect'] },
    {
      org_id: key,
      id: key,
      granted_by: { ...colleague('granted_by'), retention: 'support_access', erase: 'delete_row' },
      scope: {},
      granted_at: {},
      until: {},
      revoked_at: {},
    },
    [{ rule: 'support_access', due: within('until') }],
  ),
]
