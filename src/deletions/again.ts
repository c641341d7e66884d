import { rows, type Tx } from '../db.ts'

/** Steps that remove or look: done once more, they reach whatever could not go the first time. */
const REPEATED = ['queues', 'files', 'rows', 'people', 'keys', 'derived', 'verify']

const UNDONE = `(select coalesce(jsonb_object_agg(s.key, case when s.key = any(?) then s.value || '{"done": false}' else s.value end), '{}')
  from jsonb_each(steps) s)`

/** The steps of one run that holds the lease, for what verification found. */
export const startOver = (tx: Tx, { id, fence }: { id: string; fence: number }): Promise<unknown> =>
  rows(tx, `update deletions set steps = ${UNDONE} where id = ? and fence = ?`, [
    REPEATED as never,
    id,
    fence,
  ])

/** Deletions of these subjects that are being carried out begin them again, now; who is at it has lost its lease. */
export const undoSteps = (tx: Tx, subjects: string[]): Promise<unknown> =>
  rows(
    tx,
    `update deletions set steps = ${UNDONE}, retained_at = null, lease_until = null, fence = fence + 1
      where subject_id = any(?) and state = 'purging'`,
    [REPEATED as never, subjects as never],
  )
