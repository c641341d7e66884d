import { rows, type Tx } from '../db.ts'
import type { BookUpdate, MessageUpdate, StatusUpdate } from '../messages/updates.ts'
import type { Resources } from '../resources.ts'
import { erasedAt, type Identity } from './suppressions.ts'

type Update = MessageUpdate | StatusUpdate | BookUpdate

/**
 * Leaves out what is about an erased person and older than the erasure: messages of theirs that WhatsApp delivers late or
 * again, and receipts of messages to them that are gone. What they write afterwards is somebody new's.
 * Source: promise P42; WhatsApp delivers a webhook again for up to seven days.
 */
export async function withoutErased<T extends { update: Update }>(
  on: Resources,
  tx: Tx,
  org: string,
  items: T[],
): Promise<T[]> {
  const [any] = await rows(tx, 'select 1 from suppressions where org_id = ? limit 1', [org])
  if (!any) return items
  const erased = await erasedAt(
    tx,
    on,
    org,
    items.map(({ update }) => identitiesOf(update)),
  )
  const gone = await unknownReceipts(tx, org, items, erased)
  const kept = items.filter(({ update }, n) => {
    const at = erased.get(n)
    if (!at) return true
    return update.type === 'status' ? !gone.has(update.wamid) : update.at > at
  })
  if (kept.length < items.length)
    on.log.info({ org, dropped: items.length - kept.length }, 'about somebody erased, not stored')
  return kept
}

function identitiesOf(update: Update): Identity[] {
  const { waUserId, waParentId, phone, match } =
    update.type === 'status'
      ? { waUserId: update.recipientUser, waParentId: null, phone: update.recipient, match: null }
      : update.sender
  return [
    { kind: 'wa_user_id', value: waUserId },
    { kind: 'wa_parent_id', value: waParentId },
    { kind: 'phone', value: phone },
    { kind: 'phone_match', value: match },
  ].filter((one): one is Identity => one.value !== null)
}

/** Receipts to erased persons whose message is not here: parked, they would wait for what is gone. */
async function unknownReceipts(
  tx: Tx,
  org: string,
  items: { update: Update }[],
  erased: Map<number, Date>,
): Promise<Set<string>> {
  const receipts = items.flatMap(({ update }, n) =>
    update.type === 'status' && erased.has(n) ? [update] : [],
  )
  if (receipts.length === 0) return new Set()
  const known = await rows<{ wamid: string }>(
    tx,
    `select i.wamid from jsonb_to_recordset(:input::jsonb) as i (wamid text, ref uuid)
      where exists (select from messages m where m.org_id = :org and (m.wamid = i.wamid or m.id = i.ref))`,
    { org, input: JSON.stringify(receipts.map(({ wamid, ref }) => ({ wamid, ref }))) },
  )
  const isHere = new Set(known.map(({ wamid }) => wamid))
  return new Set(receipts.flatMap(({ wamid }) => (isHere.has(wamid) ? [] : [wamid])))
}
