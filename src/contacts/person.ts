import type { Times } from '../inbox/times.ts'
import { nameOf } from '../inbox/rows.ts'
import type { Contact } from './contacts.ts'
import { showPhone } from './phone.ts'

/** A contact as its row and its page show it. */
export type Person = {
  id: string
  name: string
  phone: string
  username: string
  userId: string
  email: string
  attributes: [name: string, value: string][]
  since: string
  conversation: string
  last: string
  restricted: boolean
}

export function personOf(
  contact: Contact,
  { times }: { times: Times },
  latest?: { id: string; at: Date },
): Person {
  return {
    id: contact.id,
    name: nameOf({
      contact_name: contact.name,
      contact_phone: contact.phone,
      contact_username: contact.username,
      restricted: contact.restricted,
    }),
    phone: contact.phone ? showPhone(contact.phone) : '',
    username: contact.username ?? '',
    userId: contact.wa_user_id ?? '',
    email: contact.email ?? '',
    attributes: Object.entries(contact.attributes).map(([name, value]) => [name, String(value)]),
    since: times.day(contact.created_at),
    conversation: latest?.id ?? '',
    last: latest ? times.short(latest.at) : '',
    restricted: contact.restricted,
  }
}
