import { digest, newId } from '../../src/ids.ts'

const sealed = 'v1.kid.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'
type Known = Record<'org' | 'user' | 'contact' | 'apiKey', string>

const soon = (): Date => new Date(Date.now() + 86_400_000)

/** The rows of `rows.ts` about what is told to people and what they asked. */
export const ROWS_TOLD: Record<string, (ids: Known) => Record<string, unknown>> = {
  incident_orgs: ({ org, contact }) => ({ org_id: org, incident_id: contact }),
  api_reads: ({ org, apiKey, contact }) => ({
    org_id: org,
    id: newId(),
    api_key_id: apiKey,
    path: '/contacts',
    refs: [contact],
    at: new Date(),
  }),
  support_tickets: ({ org, user }) => ({
    id: org,
    org_id: org,
    user_id: user,
    subject: sealed,
    once_digest: digest(org),
    created_at: new Date(),
    last_at: new Date(),
    state: 'closed',
    closed_at: soon(),
  }),
  support_messages: ({ org, user }) => ({
    id: org,
    ticket_id: org,
    user_id: user,
    side: 'asker',
    body: sealed,
    at: new Date(),
  }),
  support_files: ({ org, user }) => ({
    id: org,
    message_id: org,
    user_id: user,
    name: sealed,
    mime: 'text/plain',
    size: 1,
    bytes: sealed,
    at: new Date(),
  }),
  support_access: ({ org, user }) => ({
    org_id: org,
    id: newId(),
    granted_by: user,
    scope: 'configuration',
    granted_at: new Date(),
    until: soon(),
  }),
  announcements: ({ contact }) => ({
    id: contact,
    kind: 'tips',
    title: 'A tip',
    body: 'Press j for the next conversation.',
    published_at: new Date(),
    ends_at: soon(),
  }),
  announcement_reads: ({ user, contact }) => ({
    user_id: user,
    announcement_id: contact,
    mailed_at: new Date(),
  }),
  mail_refusals: ({ user }) => ({ user_id: user, topic: 'tips', road: 'link', at: new Date() }),
}
