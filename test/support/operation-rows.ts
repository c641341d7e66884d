import { newId } from '../../src/ids.ts'
import type { Ids, Row } from './rows.ts'

const LONG_AGO = new Date('2026-01-02T03:00:00Z')
const soon = (): Date => new Date(Date.now() + 86_400_000)
const sealed = 'v1.kid.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'

/** What keeps the machine going; the tables of `src/privacy/manifest/operations.ts`. */
export const OPERATION_ROWS: Record<string, (ids: Ids) => Row> = {
  dead_letters: ({ org, connection }) => ({
    id: newId(),
    org_id: org,
    queue: 'inbound',
    reason: 'unknown_number',
    connection_id: connection,
    body: sealed,
    expires_at: soon(),
  }),
  mail_outbox: ({ org, user }) => ({
    id: newId(),
    org_id: org,
    user_id: user,
    kind: 'invitation',
    recipient: sealed,
    body: sealed,
  }),
  // Long over for every moment that a test takes for now: a fresh run would hold up the next one.
  sweep_runs: () => ({ id: newId(), now_arg: LONG_AGO, started_at: LONG_AGO }),
  processes: () => ({
    id: newId(),
    kind: 'worker',
    host: 'crm-1',
    pid: 7,
    version: '0.1.0',
    started_at: LONG_AGO,
    seen_at: LONG_AGO,
  }),
  tallies: ({ org }) => ({
    minute: LONG_AGO,
    what: 'job',
    of: 'inbound',
    ending: 'failed',
    reason: org,
    n: 1,
  }),
  letter_runs: ({ user }) => ({
    id: newId(),
    act: 'replay',
    asked_by: user,
    asked_at: LONG_AGO,
    total: 1,
    finished_at: LONG_AGO,
  }),
}
