import { rows, type Tx } from '../db.ts'

type Own = { message: string; wamid: string }

/**
 * A message of ours and its echo meet in one row, whichever came first: where an echo was stored before our own message
 * knew its wamid, the echo's row goes and the conversation points to ours. Returns the conversations that changed.
 * Source: WhatsApp Cloud API, smb_message_echoes and message_echoes.
 */
export async function absorbEcho(tx: Tx, org: string, own: Own[]): Promise<string[]> {
  if (own.length === 0) return []
  const gone = await rows<{ id: string; own: string; conversation_id: string }>(
    tx,
    `delete from messages e using jsonb_to_recordset(:own::jsonb) as w (message uuid, wamid text)
      where e.org_id = :org and e.wamid = w.wamid and e.id <> w.message and e.via in ('phone', 'partner')
        and exists (select from messages m where m.org_id = :org and m.id = w.message and m.wamid is null)
     returning e.id, e.conversation_id, w.message as own`,
    { org, own: JSON.stringify(own) },
  )
  for (const { id, own: kept } of gone)
    await tx.raw(
      'update conversations set last_message_id = ? where org_id = ? and last_message_id = ?',
      [kept, org, id],
    )
  return [...new Set(gone.map(({ conversation_id }) => conversation_id))]
}

/** Those of these wamids whose statuses name a message of ours that does not know its wamid yet. */
export const unnamed = (tx: Tx, org: string, wamids: string[]): Promise<Own[]> =>
  rows<Own>(
    tx,
    `select distinct on (e.wamid) m.id as message, e.wamid from message_events e
       join messages m on m.org_id = :org and m.id = e.ref and m.wamid is null
      where e.org_id = :org and e.wamid = any(:wamids) and e.ref is not null order by e.wamid, e.status`,
    { org, wamids },
  )
