import { rows, type Tx } from '../db.ts'

/**
 * What waited to be sent when a backup was made may have gone out since: nobody but a person sends it again. Late receipts
 * still find it. For the owner of the tables, of all organizations at once.
 */
export const doubtUnsent = (tx: Tx): Promise<unknown> =>
  rows(
    tx,
    `with waiting as (
       update app.outbox set state = 'unknown', lease_until = null, hold_until = now(), error_class = 'unknown',
              error_code = 'restored'
        where finished_at is null and state <> 'unknown' returning org_id, message_id)
     update app.messages m set status = 'unknown', rank = 10 from waiting w
      where m.org_id = w.org_id and m.id = w.message_id and m.rank < 10`,
  )
