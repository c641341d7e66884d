import { audit, SYSTEM, type AuditActor } from '../audit/audit.ts'
import { AGAIN } from '../audit/actions.ts'
import type { Tx } from '../db.ts'
import { erasedAt } from '../deletions/suppressions.ts'
import { Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { findByIdentities, type Identity } from './identities.ts'

/** How somebody who was erased came back: one of a closed list, so that what is recorded names nobody. */
export type Again = (typeof AGAIN)[number]
export type Welcome = { contacted_again?: Again | undefined; by?: AuditActor }

type Newcomer = Welcome & { org: string; identities: Identity[]; field: string }

/**
 * Whoever was erased does not come back because somebody types their number in: only when they contacted the organization
 * again, and how they did is recorded. Answers what is to be called with the contact's id as the last but one statement
 * of the transaction. Throws Refusal 409 `erased` without a reason. Source: privacy promise P42.
 */
export async function checkErased(
  on: Resources,
  tx: Tx,
  { org, identities, field, contacted_again, by }: Newcomer,
): Promise<(contact: string) => Promise<void>> {
  const known = await findByIdentities(tx, org, identities)
  const erased = known ? undefined : (await erasedAt(tx, on, org, [identities])).get(0)
  if (!erased) return () => Promise.resolve()
  if (!contacted_again) throw refusal(erased, field)
  return (contact) =>
    audit(tx, org, {
      actor: by ?? SYSTEM,
      action: 'contact.returned',
      target: { kind: 'contact', id: contact },
      detail: { because: contacted_again },
    })
}

const DAY = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'long',
  year: 'numeric',
  timeZone: 'UTC',
})

function refusal(erased: Date, field: string): Refusal {
  const says = `This person asked to be erased on ${DAY.format(erased)}. Continue only if they contacted you again, and say how.`
  return new Refusal(409, 'erased', says, {
    [field]: says,
    contacted_again: `One of: ${AGAIN.join(', ')}.`,
  })
}
