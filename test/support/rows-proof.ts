import { digest, newId } from '../../src/ids.ts'
import type { Ids } from './rows.ts'

const soon = (): Date => new Date(Date.now() + 86_400_000)
/** Above every number that a test's own deletions have got until now. */
let ledgerLines = Date.now() * 1_000

/** Rows of the tables that outlive what they tell of: deletions, what keeps the past away, and backups. */
export const ROWS_PROOF: Record<string, (ids: Ids) => Record<string, unknown>> = {
  deletions: ({ org, contact }) => ({
    id: contact,
    org_id: org,
    kind: 'contact',
    subject_id: contact,
    code_digest: digest(contact),
    road: 'agent',
    state: 'cancelled',
    reason: 'withdrawn',
    requested_at: new Date(),
    deadline_at: soon(),
  }),
  deletion_events: ({ contact }) => ({
    id: newId(),
    deletion_id: contact,
    at: new Date(),
    state: 'cancelled',
    actor_kind: 'user',
  }),
  alarms: ({ contact }) => ({
    id: newId(),
    kind: 'deletion',
    ref: contact,
    stage: 'near',
    raised_at: new Date(),
  }),
  suppressions: ({ org }) => ({
    org_id: org,
    kind: 'phone',
    digest: digest(org),
    erased_at: new Date(),
    expires_at: soon(),
  }),
  backups: () => ({
    id: newId(),
    kind: 'file',
    file: '/nowhere/a.backup',
    made_at: new Date(),
    expires_at: soon(),
  }),
  canary_runs: () => ({ id: newId(), at: new Date(), ended_at: new Date(), outcome: 'clean' }),
  restores: () => ({
    id: newId(),
    backup_id: newId(),
    made_at: new Date(),
    begun_at: new Date(),
    opened_at: new Date(),
  }),
  deletion_ledger: () => {
    ledgerLines = Math.max(ledgerLines + 1, Date.now() * 1_000)
    const line = JSON.stringify({ certificate: { n: ledgerLines } })
    return { n: ledgerLines, at: new Date(), line }
  },
  exports: ({ org, user }) => ({
    id: newId(),
    org_id: org,
    kind: 'org',
    subject_id: org,
    requested_by: user,
  }),
}
