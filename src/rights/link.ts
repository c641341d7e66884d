import { rows, type Tx } from '../db.ts'

type Begun = { kind: string; org?: string | undefined; subject: string; deletion: string }

/**
 * A request to delete somebody follows the deletion of that person, by whatever road it was begun: it is done when that
 * is. In the system transaction that writes the deletion.
 */
export async function linkDeletion(tx: Tx, { kind, org, subject, deletion }: Begun): Promise<void> {
  if (kind !== 'user' && kind !== 'contact') return
  await rows(
    tx,
    `update privacy_requests set deletion_id = :deletion
      where kind = 'erase' and closed_at is null and org_id is not distinct from :org::uuid
        and ${kind === 'user' ? 'user_id' : 'contact_id'} = :subject`,
    { deletion, subject, org: kind === 'user' ? null : (org ?? null) },
  )
}
