import { showPhone } from '../contacts/phone.ts'
import { dueAt, progressOf } from './clock.ts'
import type { Listed } from './list.ts'

/** Requests as a table shows them: whose, and how much time is left. */
export const shownRequests = (found: Listed[], now: Date) =>
  found.map((one) =>
    Object.assign(one, progressOf(one, now), { due_at: dueAt(one, now), person: personIn(one) }),
  )

export const personIn = ({ contact_name: name, contact_phone: phone }: Listed): string =>
  name ?? (phone ? showPhone(phone) : '')
