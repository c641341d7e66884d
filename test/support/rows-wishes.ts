import { newId } from '../../src/ids.ts'
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
    body: 'v1.kid.c2VhbGVk',
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
}
