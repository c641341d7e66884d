import { rows, type Tx } from '../db.ts'
import { butKept } from '../disclosures/scope.ts'
import { Refusal } from '../refusal.ts'

/**
 * SQL for the conversations of an organization whose contact is being erased, nearly always none: what is under way
 * for them is not sent, and no answer about it is kept. Source: privacy promise P49.
 */
export const erasingConversationsSql = (org: string): string =>
  `select e.id from contacts g join conversations e on e.org_id = g.org_id and e.contact_id = g.id
    where g.org_id = ${org} and g.erasing_at is not null`

/** Whether the erasure of this contact has begun: from then on there is nothing to do with it any more. */
export async function isErasing(tx: Tx, org: string, contact: string): Promise<boolean> {
  const found = await rows(
    tx,
    'select from contacts where org_id = ? and id = ? and erasing_at is not null',
    [org, contact],
  )
  return found.length > 0
}

/** Throws Refusal 409 `being_erased` for a contact whose erasure has begun. */
export async function refuseErasing(tx: Tx, org: string, contact: string): Promise<void> {
  if (await isErasing(tx, org, contact))
    throw new Refusal(409, 'being_erased', 'This contact is being erased at their request.')
}

/**
 * Begin the erasure of a contact: nothing more is sent to them or stored under them, and they are known by no identity
 * any more, so that whoever writes from now on is somebody new; those an order keeps stay with what it keeps. Returns how
 * many identities went.
 */
export async function fenceContact(tx: Tx, org: string, id: string, at: Date): Promise<number> {
  await rows(
    tx,
    'update contacts set erasing_at = coalesce(erasing_at, ?) where org_id = ? and id = ?',
    [at, org, id],
  )
  const gone = await rows(
    tx,
    `delete from contact_identities where org_id = ? and contact_id = ? ${butKept('contact_identities')} returning 1`,
    [org, id],
  )
  return gone.length
}
