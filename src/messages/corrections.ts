import { rows, type Tx } from '../db.ts'
import { sealFor } from '../keys.ts'
import type { Carrying } from '../media/arriving.ts'
import type { Resources } from '../resources.ts'
import type { Arrival } from './arrivals.ts'
import type { Incoming } from './people.ts'

/**
 * What was taken back is gone: of a message that its sender deleted for everyone, and of its edits, only that it was
 * there remains. Whichever of them came first; only its own side can take a message back, in its own conversation.
 * Returns the messages that changed.
 */
export async function applyRevokes(tx: Tx, org: string, added: Arrival[]): Promise<string[]> {
  const wamids = added.flatMap(({ update: { kind, wamid, contextWamid } }) =>
    contextWamid !== null && (kind === 'edit' || kind === 'revoke')
      ? [wamid, contextWamid]
      : [wamid],
  )
  const revoked = await rows<{ id: string }>(
    tx,
    `update messages m set text = null, payload = '{}', raw = null, revoked_at = r.at
       from (select r.context_wamid, r.conversation_id, r.direction, min(r.created_at) as at from messages r
              where r.org_id = :org and r.kind = 'revoke' and r.context_wamid = any(:wamids) group by 1, 2, 3) r
      where m.org_id = :org and m.wamid = r.context_wamid and m.conversation_id = r.conversation_id
        and m.direction = r.direction and m.kind <> 'revoke' and (m.revoked_at is null or m.revoked_at > r.at)
     returning m.id`,
    { org, wamids },
  )
  const hasEdits = added.some(({ update }) => update.kind === 'edit')
  const edits = revoked.length > 0 || hasEdits ? await emptyEdits(tx, org, wamids) : []
  const gone = [...revoked, ...edits].map(({ id }) => id)
  if (gone.length > 0)
    await tx.raw(
      `update conversations set last_message_preview = '[revoke]' where org_id = ? and last_message_id = any(?)`,
      [org, gone],
    )
  return revoked.map(({ id }) => id)
}

const emptyEdits = (tx: Tx, org: string, wamids: string[]): Promise<{ id: string }[]> =>
  rows<{ id: string }>(
    tx,
    `update messages e set text = null, payload = '{}', raw = null, revoked_at = m.revoked_at from messages m
      where e.org_id = :org and e.kind = 'edit' and e.context_wamid = any(:wamids) and e.revoked_at is null
        and m.org_id = :org and m.wamid = e.context_wamid and m.conversation_id = e.conversation_id
        and m.direction = e.direction and m.revoked_at is not null
     returning e.id`,
    { org, wamids },
  )

/** The file that follows a placeholder of the history takes its place. Returns what changed. */
export async function fillPlaceholders(
  on: Resources,
  tx: Tx,
  org: string,
  stored: { who: Incoming; kind: string }[],
): Promise<Carrying[]> {
  const filled: Carrying[] = []
  for (const { who, kind } of stored) {
    if (kind !== 'media_placeholder' || who.kind === 'media_placeholder') continue
    const [found] = await rows<{ id: string }>(
      tx,
      `update messages set kind = :kind, text = :text, payload = :payload::jsonb, raw = null
        where org_id = :org and wamid = :wamid and kind = 'media_placeholder' returning id`,
      {
        org,
        wamid: who.wamid,
        kind: who.kind,
        text: who.text,
        payload: JSON.stringify(who.payload),
      },
    )
    if (!found) continue
    filled.push({ message: found.id, kind: who.kind, payload: who.payload })
    const place = { purpose: 'messages|raw', org, row: found.id }
    if (who.raw !== null)
      await tx.raw('update messages set raw = ? where org_id = ? and id = ?', [
        await sealFor(on, tx, place, who.raw),
        org,
        found.id,
      ])
  }
  return filled
}
