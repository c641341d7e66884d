import { rows, type Tx } from '../db.ts'
import { restrictedSql } from '../restrictions/gate.ts'
import { fold } from './fold.ts'
import { identitiesOf, placeContact } from './identities.ts'
import { normalisePhone, phoneMatch } from './phone.ts'

export type Attributes = Record<string, string | number | boolean>
export type Contact = {
  id: string
  name: string | null
  /** E.164 digits without the plus, as WhatsApp gave them; null when the number is hidden. */
  phone: string | null
  wa_user_id: string | null
  username: string | null
  email: string | null
  attributes: Attributes
  /** Kept at the person's request and nothing else: all but the id, this and the day are empty. */
  restricted: boolean
  created_at: Date
}

const IDENTITIES = `
  select (array_agg(value order by created_at desc, value) filter (where kind = 'phone'))[1] as phone,
         (array_agg(value order by created_at desc, value) filter (where kind = 'wa_user_id'))[1] as wa_user_id,
         (array_agg(value order by created_at desc, value) filter (where kind = 'username'))[1] as username
    from contact_identities where org_id = k.org_id and contact_id = k.id`

const WHOLE = `
  select k.id, k.name, i.phone, i.wa_user_id, i.username, k.email, k.attributes, r.restricted, k.created_at
    from contacts k cross join lateral (select ${restrictedSql('k.org_id', 'k.id')} as restricted) r
    left join lateral (${IDENTITIES}) i on true`

/** What everybody sees: of a restricted contact a stub. */
const SELECT = `
  select k.id, k.created_at, r.restricted, case when r.restricted then null else k.name end as name, i.phone, i.wa_user_id,
         i.username, case when r.restricted then null else k.email end as email,
         case when r.restricted then '{}' else k.attributes end as attributes
    from contacts k cross join lateral (select ${restrictedSql('k.org_id', 'k.id')} as restricted) r
    left join lateral (${IDENTITIES}) i on not r.restricted`

export async function getContact(tx: Tx, org: string, id: string): Promise<Contact | undefined> {
  const [contact] = await rows<Contact>(tx, `${SELECT} where k.org_id = ? and k.id = ?`, [org, id])
  return contact
}

/** A restricted contact too, with everything: for the privacy role, and for the sender behind its own gate. */
export async function getWholeContact(
  tx: Tx,
  org: string,
  id: string,
): Promise<Contact | undefined> {
  const [contact] = await rows<Contact>(tx, `${WHOLE} where k.org_id = ? and k.id = ?`, [org, id])
  return contact
}

/**
 * The id of the contact behind a phone number or WhatsApp user id, made when nobody has it.
 * Throws Refusal 422 when `to` is neither.
 */
export async function findOrCreateByPhoneOrUserId(
  tx: Tx,
  org: string,
  to: string,
): Promise<string> {
  return (await placeContact(tx, org, identitiesOf(to))).contact
}

export type Search = { q?: string | undefined; before?: string | undefined; limit: number }

/** Above every UUIDv7 there will ever be. */
const LAST = 'ffffffff-ffff-ffff-ffff-ffffffffffff'

/**
 * Contacts, newest first; `before` is the id of the last one of the page before. With `q` those whose
 * name, number in any spelling, username or WhatsApp user id holds it, at most 200 of them; nobody who is restricted.
 */
export async function listContacts(tx: Tx, org: string, search: Search): Promise<Contact[]> {
  const { q = '', before = LAST, limit } = search
  const found = q.trim() === '' ? undefined : await matches(tx, org, q)
  return rows<Contact>(
    tx,
    `${SELECT} where k.org_id = :org and k.id < :before ${found ? 'and k.id = any(:found) and not r.restricted' : ''}
      order by k.id desc limit :limit`,
    { org, before, limit, ...(found ? { found } : {}) },
  )
}

/**
 * Ids that a search text finds. `search_contacts` knows letters by the database's locale; where that knows
 * only ASCII, or the text has no letter at all, names are compared one by one.
 */
async function matches(tx: Tx, org: string, q: string): Promise<string[]> {
  const text = fold(q).replace(/^@/, '').slice(0, 100)
  const phone = normalisePhone(q)
  const found = await rows<{ id: string }>(
    tx,
    `with q as (select cast(:text as text) as t, cast(:text as text) ~ '[[:alnum:]]' as has_letters)
     select s.id from q, search_contacts(q.t, 200) s where q.has_letters
     union select k.id from q join contacts k on k.org_id = :org and position(q.t in k.search_name) > 0
      where not q.has_letters and q.t <> ''
     union select i.contact_id from contact_identities i where i.org_id = :org
        and ((i.kind = 'phone_match' and i.value = :match) or (i.kind = 'wa_user_id' and i.value = :exact))
     limit 200`,
    { org, text, match: phone ? phoneMatch(phone) : '', exact: q.trim() },
  )
  return found.map((row) => row.id)
}

/** The newest conversation of each contact: where its page and its row lead to. */
export async function latestConversations(
  tx: Tx,
  org: string,
  contacts: string[],
): Promise<Map<string, { id: string; at: Date }>> {
  const found = await rows<{ contact_id: string; id: string; at: Date }>(
    tx,
    `select distinct on (contact_id) contact_id, id, last_message_at as at from conversations
      where org_id = ? and contact_id = any(?) order by contact_id, last_message_at desc, id desc`,
    [org, contacts],
  )
  return new Map(found.map(({ contact_id, id, at }) => [contact_id, { id, at }]))
}
