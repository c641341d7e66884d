import { rows, type Tx } from '../db.ts'
import { getContact } from './contacts.ts'
import { personOf, type Person } from './person.ts'
import type { Times } from '../inbox/times.ts'

type Doubt = { contact: string; reason: string }
export type Double = { person: Person; why: string }

const WHY: Record<string, string> = {
  same_message: 'WhatsApp named both in one message.',
  changed_number: 'WhatsApp said that one changed to the number of the other.',
  shared_number: 'Both were seen with the same number.',
  receipt: 'A receipt named the number of one and the WhatsApp id of the other.',
}

/** Who may be the same person as this contact, with what made us think so; nobody whose data is restricted. */
export async function doublesOf(
  tx: Tx,
  org: string,
  contact: string,
  reader: { times: Times },
): Promise<Double[]> {
  const doubts = await rows<Doubt>(
    tx,
    `select case when contact_id = :contact then other_id else contact_id end as contact, reason
       from merge_suggestions where org_id = :org and :contact in (contact_id, other_id) and dismissed_at is null
      order by at limit 20`,
    { org, contact },
  )
  const found: Double[] = []
  for (const { contact: id, reason } of doubts) {
    const other = await getContact(tx, org, id)
    if (other && !other.restricted)
      found.push({ person: personOf(other, reader), why: WHY[reason] ?? '' })
  }
  return found
}

/** Someone looked, and they are two people: it is not suggested again. */
export async function keepApart(
  tx: Tx,
  org: string,
  { id, other }: { id: string; other: string },
): Promise<void> {
  await tx.raw(
    `update merge_suggestions set dismissed_at = now()
      where org_id = :org and contact_id = least(:id::uuid, :other::uuid) and other_id = greatest(:id::uuid, :other::uuid)
        and dismissed_at is null`,
    { org, id, other },
  )
}
