import { rows, type Tx } from '../db.ts'
import type { StatusUpdate } from './updates.ts'

/**
 * Receipts name the number and the user id of whom they are about: a contact known by the number gets the user id, so
 * that the person is known when the number is hidden later. Where both belong to contacts, joining them is suggested.
 * Source: WhatsApp Cloud API, statuses; business-scoped user ids.
 */
export async function learnIds(tx: Tx, org: string, statuses: StatusUpdate[]): Promise<string[]> {
  const pairs = new Map<string, { phone: string; user: string }>()
  for (const { recipient: phone, recipientUser: user } of statuses)
    if (phone && user) pairs.set(`${phone} ${user}`, { phone, user })
  if (pairs.size === 0) return []
  const given = { org, pairs: JSON.stringify([...pairs.values()]) }
  const learned = await rows<{ contact_id: string }>(
    tx,
    `insert into contact_identities (org_id, kind, value, contact_id)
     select distinct on (w."user") :org::uuid, 'wa_user_id', w."user", p.contact_id
       from jsonb_to_recordset(:pairs::jsonb) as w (phone text, "user" text)
       join contact_identities p on p.org_id = :org and p.kind = 'phone' and p.value = w.phone
      order by w."user", w.phone
     on conflict do nothing returning contact_id`,
    given,
  )
  await tx.raw(
    `insert into merge_suggestions (org_id, contact_id, other_id, reason)
     select distinct :org::uuid, least(p.contact_id, u.contact_id), greatest(p.contact_id, u.contact_id), 'receipt'
       from jsonb_to_recordset(:pairs::jsonb) as w (phone text, "user" text)
       join contact_identities p on p.org_id = :org and p.kind = 'phone' and p.value = w.phone
       join contact_identities u on u.org_id = :org and u.kind = 'wa_user_id' and u.value = w."user"
      where p.contact_id <> u.contact_id order by 2, 3
     on conflict do nothing`,
    given,
  )
  return learned.map(({ contact_id }) => contact_id)
}
