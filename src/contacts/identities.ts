import { rows, type Tx } from '../db.ts'
import { newId } from '../ids.ts'
import { Refusal } from '../refusal.ts'
import { normalisePhone, phoneMatch } from './phone.ts'

/** Two letters of the country, perhaps `ENT`, then what Meta made. Source: business-scoped user ids, 2026. */
const WA_USER_ID = /^[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128}$/

export type Identity = { kind: 'wa_user_id' | 'phone' | 'phone_match'; value: string }

/**
 * The identities a phone number or WhatsApp user id stands for, strongest first.
 * Throws Refusal 422 when the text is neither.
 */
export function identitiesOf(to: string, field = 'to'): Identity[] {
  if (WA_USER_ID.test(to)) return [{ kind: 'wa_user_id', value: to }]
  const phone = normalisePhone(to)
  if (!phone) {
    const sentence = 'Give the number with its country code, such as +55 11 98765-4321.'
    throw new Refusal(422, 'invalid', sentence, { [field]: sentence })
  }
  return [
    { kind: 'phone', value: phone },
    { kind: 'phone_match', value: phoneMatch(phone) },
  ]
}

/** The contact that one of the identities names: a user id before a number, a number before its variants. */
export async function findByIdentities(
  tx: Tx,
  org: string,
  identities: Identity[],
): Promise<string | undefined> {
  const [found] = await rows<{ contact_id: string }>(
    tx,
    `select i.contact_id from contact_identities i
       join jsonb_to_recordset(cast(:wanted as jsonb)) w (kind text, value text) on w.kind = i.kind and w.value = i.value
      where i.org_id = :org order by array_position(array['wa_user_id', 'phone', 'phone_match'], i.kind) limit 1`,
    { org, wanted: JSON.stringify(identities) },
  )
  return found?.contact_id
}

/** Give a contact identities that nobody has; returns how many were free. */
export async function addIdentities(
  tx: Tx,
  org: string,
  contact: string,
  identities: Identity[],
): Promise<number> {
  const added = await rows(
    tx,
    `insert into contact_identities (org_id, kind, value, contact_id)
     select :org, w.kind, w.value, :contact from jsonb_to_recordset(cast(:wanted as jsonb)) w (kind text, value text)
      order by w.kind, w.value on conflict do nothing returning value`,
    { org, contact, wanted: JSON.stringify(identities) },
  )
  return added.length
}

export type Placed = { contact: string; isNew: boolean }

/**
 * The contact behind the identities of a phone number or WhatsApp user id, made when nobody has them. A spelling that only matches
 * by `phone_match` is not added: replies go to exactly the number that wrote.
 * The caller tells the feed about a new one as the last thing in its transaction.
 */
export async function placeContact(tx: Tx, org: string, identities: Identity[]): Promise<Placed> {
  const known = await findByIdentities(tx, org, identities)
  if (known) return { contact: known, isNew: false }
  const contact = newId()
  await tx.raw('insert into contacts (org_id, id) values (?, ?)', [org, contact])
  const added = await addIdentities(tx, org, contact, identities)
  if (added === identities.length) return { contact, isNew: true }
  // Someone else made this person since the look-up; the insert waited for their commit.
  await tx.raw('delete from contacts where org_id = ? and id = ?', [org, contact])
  const first = await findByIdentities(tx, org, identities)
  if (!first) throw new Error('an identity is taken and belongs to nobody')
  return { contact: first, isNew: false }
}
