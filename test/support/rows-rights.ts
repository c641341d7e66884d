import { digest, newId } from '../../src/ids.ts'
import { newNumber } from '../../src/rights/numbers.ts'
import type { Ids } from './rows.ts'

type Row = Record<string, unknown>
const LONG_AGO = new Date('2020-01-01')
const soon = (): Date => new Date(Date.now() + 86_400_000)

/** A closed request of a contact with what was written in it, and an approved answer. */
export const RIGHTS_ROWS: Record<string, (ids: Ids) => Row> = {
  privacy_requests: ({ org, contact }) => ({
    id: org,
    org_id: org,
    number: newNumber(),
    kind: 'access',
    state: 'done',
    road: 'mail',
    contact_id: contact,
    code_digest: digest(newId()),
    received_at: LONG_AGO,
    recorded_at: LONG_AGO,
    due_at: LONG_AGO,
    outcome: 'answered',
    closed_at: soon(),
  }),
  privacy_request_texts: ({ org, contact }) => ({
    id: newId(),
    org_id: org,
    request_id: org,
    contact_id: contact,
    kind: 'asked',
    body: 'v1.kid.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
    at: LONG_AGO,
    closed_at: soon(),
  }),
  privacy_answers: ({ org, user }) => ({
    org_id: org,
    id: newId(),
    kind: 'access',
    language: 'en',
    body: 'We answer soon.',
    approved_by: user,
    approved_at: new Date(),
  }),
}
