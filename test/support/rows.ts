import type pg from 'pg'
import { digest, newId } from '../../src/ids.ts'
import { OPERATION_ROWS } from './operation-rows.ts'
import { noticeRows, peopleRows } from './people-rows.ts'
import { ROWS_PROOF } from './rows-proof.ts'
import { RIGHTS_ROWS } from './rows-rights.ts'
import { ROWS_TOLD } from './rows-told.ts'
import { SECURITY_ROWS } from './rows-security.ts'
import { NOTES, WISHES } from './rows-wishes.ts'

export type Row = Record<string, unknown>

/** The ids that the rows of one organization point to. */
export type Ids = Record<
  'org' | 'user' | 'connection' | 'contact' | 'conversation' | 'outbound' | 'apiKey',
  string
>
export const newIds = (): Ids => ({
  org: newId(),
  user: newId(),
  connection: newId(),
  contact: newId(),
  conversation: newId(),
  outbound: newId(),
  apiKey: newId(),
})

const soon = (): Date => new Date(Date.now() + 86_400_000)
// As long as the shortest envelope: the sweep tells it from a value in clear.
const sealed = `v1.kid.${'A'.repeat(40)}`

/**
 * A row of every table for one organization, in an order that satisfies foreign keys. A new table needs a line here:
 * the walk of `test/tenancy.test.ts` finds tables itself and fails on one that has no row.
 */
const ROWS: Record<string, (ids: Ids) => Row> = {
  organizations: ({ org }) => ({ org_id: org, name: 'Shop' }),
  org_keys: ({ org }) => ({
    org_id: org,
    kid: `d${org.slice(-12)}`,
    wrapped: sealed,
    wrapped_by: 'm1',
  }),
  users: ({ user }) => ({
    id: user,
    email: `${user}@example.test`,
    name: 'Maya',
    password_hash: 'x',
  }),
  memberships: ({ org, user }) => ({ org_id: org, user_id: user, role: 'owner' }),
  user_sessions: ({ user }) => ({ sid: newId(), sess: { uid: user }, expire: soon() }),
  invitations: ({ org, user }) => ({
    org_id: org,
    id: newId(),
    code_digest: digest(newId()),
    email: 'new@example.test',
    role: 'agent',
    invited_by: user,
    expires_at: soon(),
  }),
  password_resets: ({ user }) => ({
    token_digest: digest(newId()),
    user_id: user,
    purpose: 'reset',
    expires_at: soon(),
  }),
  throttles: () => ({ key: newId(), points: 1, expire: Date.now() + 60_000 }),
  second_factors: ({ user }) => ({ id: newId(), user_id: user, kind: 'totp', secret: sealed }),
  recovery_codes: ({ user }) => ({ user_id: user, code_digest: digest(newId()) }),
  policy_acceptances: ({ user }) => ({
    user_id: user,
    version: '2026-02-13',
    road: 'sign_up',
    at: new Date(),
  }),
  connections: ({ org, connection }) => ({
    org_id: org,
    id: connection,
    phone_number_id: '106540352242922',
    waba_id: '102290129340398',
    access_token: sealed,
    app_secret: sealed,
    verify_token: sealed,
  }),
  ...peopleRows,
  ...WISHES,
  conversations: (ids) => ({
    org_id: ids.org,
    id: ids.conversation,
    contact_id: ids.contact,
    connection_id: ids.connection,
    assignee_id: ids.user,
    last_message_at: new Date(),
  }),
  messages: (ids) => ({
    org_id: ids.org,
    id: ids.outbound,
    conversation_id: ids.conversation,
    direction: 'out',
    kind: 'text',
    text: 'Yes, two left',
    status: 'queued',
    rank: 0,
    wamid: 'wamid.1',
    author_id: ids.user,
    created_at: new Date(),
  }),
  ...NOTES,
  media: (ids) => ({
    org_id: ids.org,
    id: newId(),
    message_id: ids.outbound,
    connection_id: ids.connection,
    kind: 'image',
    graph_id: '2762702990552401',
    name: sealed,
    status: 'pending',
    due_at: soon(),
    uploaded_by: ids.user,
  }),
  message_events: ({ org, connection }) => ({
    org_id: org,
    wamid: 'wamid.1',
    status: 'sent',
    rank: 30,
    at: new Date(),
    connection_id: connection,
  }),
  ...noticeRows,
  drafts: ({ org, conversation, user }) => ({
    org_id: org,
    conversation_id: conversation,
    user_id: user,
    text: 'I will look',
  }),
  routing_decisions: (ids) => ({
    org_id: ids.org,
    message_id: ids.outbound,
    kind: 'agent',
    actor_id: ids.user,
    because: 'Somebody of the organization wrote it and pressed Send.',
    at: new Date(),
  }),
  outbox: (ids) => ({
    org_id: ids.org,
    message_id: ids.outbound,
    conversation_id: ids.conversation,
    connection_id: ids.connection,
    body: { type: 'text' },
  }),
  feed_counters: ({ org }) => ({ org_id: org, seq: 1 }),
  feed: ({ org, outbound }) => ({ org_id: org, seq: 1, kind: 'message.updated', ref_id: outbound }),
  api_keys: ({ org, apiKey, user }) => ({
    org_id: org,
    id: apiKey,
    name: 'Shop system',
    key_digest: digest(apiKey),
    hint: 'abcd',
    created_by: user,
  }),
  idempotency_keys: ({ org, apiKey }) => ({
    org_id: org,
    api_key_id: apiKey,
    key: 'order-1',
    request_digest: digest('order-1'),
  }),
  audit_head: ({ org }) => ({ org_id: org, seq: 0, hash: Buffer.alloc(1) }),
  former_members: ({ org }) => ({
    org_id: org,
    id: newId(),
    user_id: newId(),
    label: '7F3A',
    at: new Date(),
  }),
  audit_log: ({ org }) => ({ org_id: org, actor_kind: 'system', action: 'sign_in.blocked' }),
  audit_tombstones: () => ({ org_ref: digest(newId()), seq: 1, hash: digest('end') }),
  retention_settings: ({ org, user }) => ({
    org_id: org,
    rule: 'messages',
    days: 365,
    changed_by: user,
  }),
  usage_refs: ({ org, user }) => ({ org_id: org, user_id: user, ref: org, since: new Date() }),
  usage_events: ({ org }) => ({
    org_id: org,
    id: newId(),
    page: '/inbox/:id',
    at: new Date(),
    ref: org,
  }),
  usage_daily: ({ org }) => ({
    org_id: org,
    day: new Date(),
    page: '/inbox/:id',
    events: 3,
    people: 1,
  }),
  abuse_findings: ({ org, user }) => ({
    id: newId(),
    org_id: org,
    user_id: user,
    rule: 'sign_in_tries',
    because: '6 tries; limit 5.',
    action: 'slow',
    at: new Date('2020-01-01'),
    expires_at: soon(),
  }),
  egress_log: ({ org }) => ({
    id: newId(),
    at: new Date(),
    host: 'graph.facebook.com',
    purpose: 'messages',
    org_id: org,
  }),
  processor_notices: ({ user }) => ({ user_id: user, processor: 'meta', told_at: new Date() }),
  ...SECURITY_ROWS,
  incidents: ({ contact }) => ({
    id: contact,
    kind: 'confidentiality',
    aware_at: new Date(),
    facts: 'A key leaked',
    effects: 'None seen',
    measures: 'It was revoked',
    authority_reason: 'No risk',
    people_reason: 'No risk',
  }),
  disclosures: ({ org }) => ({
    id: newId(),
    about_org: org,
    received_at: new Date(),
    authority: 'A court',
    legal_basis: 'An order',
    scope: sealed,
  }),
  legal_holds: ({ org, contact }) => ({
    org_id: org,
    id: newId(),
    contact_id: contact,
    placed_at: new Date(),
    ends_at: new Date('2099-01-01'),
    // Over: what is held stays in a purge.
    released_at: new Date(),
  }),
  ...RIGHTS_ROWS,
  ...ROWS_TOLD,
  ...ROWS_PROOF,
  ...OPERATION_ROWS,
}

export const seededTables = (): string[] => Object.keys(ROWS)

/** Insert the rows as the login, which row security does not bind where it is a superuser. */
export async function seedRows(db: pg.Client, ids: Ids): Promise<void> {
  for (const [table, rowOf] of Object.entries(ROWS)) {
    const row = rowOf(ids)
    const columns = Object.keys(row)
    const places = columns.map((_column, index) => `$${index + 1}`)
    await db.query(
      `insert into app.${table} (${columns.join(', ')}) values (${places.join(', ')})`,
      Object.values(row),
    )
  }
}
