import { digest, newId } from '../../src/ids.ts'
import type { Ids } from './rows.ts'

/** Rows of what a contact asked for; they stand between the contact and its conversations. */
export const WISHES: Record<string, (ids: Ids) => Record<string, unknown>> = {
  restrictions: ({ org, contact, user }) => ({
    org_id: org,
    id: contact,
    contact_id: contact,
    kind: 'no_marketing',
    ground: 'objection',
    road: 'agent',
    set_by: user,
    since: new Date('2020-01-01'),
  }),
  restriction_notices: ({ org, contact, user }) => ({
    org_id: org,
    id: newId(),
    restriction_id: contact,
    road: 'letter',
    told_by: user,
    told_at: new Date('2020-01-02'),
  }),
  withheld_messages: ({ org, contact, connection }) => ({
    org_id: org,
    id: newId(),
    contact_id: contact,
    connection_id: connection,
    wamid: 'wamid.withheld',
    body: 'v1.kid.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
    at: new Date(),
  }),
  consents: ({ org, contact, user }) => ({
    org_id: org,
    id: newId(),
    contact_id: contact,
    purpose: 'marketing',
    state: 'withdrawn',
    road: 'agent',
    actor_id: user,
    at: new Date(),
  }),
  contact_corrections: ({ org, contact, user }) => ({
    org_id: org,
    id: newId(),
    contact_id: contact,
    field: 'email',
    decision: 'denied',
    statement: 'It was never mine',
    decided_by: user,
    at: new Date(),
  }),
  user_preferences: ({ org, user }) => ({
    id: newId(),
    user_id: user,
    org_id: org,
    key: 'start',
    value: '"/contacts"',
    at: new Date(),
  }),
  recent_assignees: ({ org, user }) => ({
    org_id: org,
    user_id: user,
    assignee_id: user,
    at: new Date(),
  }),
  address_undos: ({ user }) => ({
    id: newId(),
    user_id: user,
    token_digest: digest(newId()),
    address: 'v1.kid.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
    created_at: new Date(),
    expires_at: new Date(Date.now() + 86_400_000),
  }),
}

/** What is right instead of what was said; it stands behind the messages. */
export const NOTES: Record<string, (ids: Ids) => Record<string, unknown>> = {
  message_corrections: ({ org, outbound, user }) => ({
    org_id: org,
    id: newId(),
    message_id: outbound,
    text: 'The street is another',
    noted_by: user,
    at: new Date(),
  }),
}
