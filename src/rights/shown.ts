import { showPhone } from '../contacts/phone.ts'
import type { Tx } from '../db.ts'
import { dueAt, progressOf } from './clock.ts'
import { openOf, type Listed } from './list.ts'
import { SAYS } from './vocabulary.ts'

/** Requests as a table shows them: whose, and how much time is left. */
export const shownRequests = (found: Listed[], now: Date) =>
  found.map((one) =>
    Object.assign(one, progressOf(one, now), { due_at: dueAt(one, now), person: personIn(one) }),
  )

export const personIn = ({ contact_name: name, contact_phone: phone }: Listed): string =>
  name ?? (phone ? showPhone(phone) : '')

/** What somebody who talks to a contact sees of their open requests: what, and how long there is. */
export type Ask = { id: string; number: string; what: string; left: string }

export async function asksOf(tx: Tx, org: string, contact: string, now: Date): Promise<Ask[]> {
  const found = await openOf(tx, org, contact)
  return found.map((one) => ({
    id: one.id,
    number: one.number,
    what: SAYS[one.kind].toLowerCase(),
    left: progressOf(one, now).left,
  }))
}
