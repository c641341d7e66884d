import { constraintOf, rows, type Tx } from '../db.ts'
import { appendFeed } from '../feed/feed.ts'
import { newId } from '../ids.ts'
import { notFound, Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { refuseStopped } from '../restrictions/gate.ts'
import { getContact, type Attributes, type Contact } from './contacts.ts'
import { checkErased, type Welcome } from './erased.ts'
import { fold } from './fold.ts'
import { addIdentities, findByIdentities, identitiesOf, type Identity } from './identities.ts'

type Text = string | null | undefined
export type NewContact = {
  name?: Text
  /** In any spelling with its country code. */
  phone?: Text
  wa_user_id?: string | undefined
  email?: Text
  attributes?: Attributes | undefined
} & Welcome
/** Who says what a field holds, the strongest first; WhatsApp's own word has no source. */
export type Source = 'person' | 'agent' | 'import'
export type ContactChange = {
  name?: Text
  phone?: Text
  email?: Text
  /** Whose word it is: a weaker one does not replace what the person themselves corrected. */
  source?: Source | undefined
  /** Merged with what is there; null takes one away. */
  attributes?: Record<string, string | number | boolean | null> | undefined
} & Welcome

const MAX_ATTRIBUTES = 50

/**
 * Add a person by phone number, WhatsApp user id or both.
 * Throws Refusal 422 when neither is given, 409 `contact_exists` naming the contact that has one of them, 409 `erased`
 * for somebody who was erased and of whom nobody says how they contacted the organization again.
 */
export async function createContact(
  on: Resources,
  org: string,
  given: NewContact,
): Promise<Contact> {
  const identities = [
    ...(given.wa_user_id ? userId(given.wa_user_id) : []),
    ...(given.phone ? identitiesOf(given.phone, 'phone') : []),
  ]
  if (identities.length === 0) throw refusal('phone', 'Give a phone number or a WhatsApp user id.')
  checkAttributes(given.attributes ?? {})
  const field = given.phone ? 'phone' : 'wa_user_id'
  return commit(on, org, identities, async (tx) => {
    const welcome = await checkErased(on, tx, { ...given, org, identities, field })
    const id = newId()
    await tx('contacts').insert({
      org_id: org,
      id,
      ...nameOf(given.name ?? null),
      email: given.email ?? null,
      attributes: JSON.stringify(given.attributes ?? {}),
      sources: JSON.stringify({
        ...(given.name ? { name: 'agent' } : {}),
        ...(given.email ? { email: 'agent' } : {}),
      }),
    })
    if ((await addIdentities(tx, org, id, identities)) < identities.length) throw new Taken()
    await welcome(id)
    return id
  })
}

/**
 * Change what is given; a name of null brings WhatsApp's own back, a phone of null takes the number away.
 * Throws Refusal 404, 409 `contact_exists` for a number of someone else, 409 `erased` as `createContact`, 422 when nothing
 * would identify the contact or their data are restricted.
 */
export async function changeContact(
  on: Resources,
  org: string,
  id: string,
  change: ContactChange,
): Promise<Contact> {
  const identities = change.phone ? identitiesOf(change.phone, 'phone') : []
  return commit(on, org, identities, async (tx) => {
    const [now] = await rows<Present>(
      tx,
      'select name, email, profile_name, attributes, sources from contacts where org_id = ? and id = ? for update',
      [org, id],
    )
    if (!now) throw notFound('contact')
    // What a restricted person wants put right is put right.
    if (change.source !== 'person') await refuseStopped(tx, org, id, 'change')
    const sources = sourcesOf(now, change)
    const attributes = merged(now.attributes, change.attributes ?? {})
    checkAttributes(attributes)
    await tx('contacts')
      .where({ org_id: org, id })
      .update({
        ...(change.name === undefined ? {} : nameOf(change.name ?? now.profile_name)),
        ...(change.email === undefined ? {} : { email: change.email }),
        attributes: JSON.stringify(attributes),
        sources: JSON.stringify(sources),
        updated_at: on.now(),
      })
    const welcome = await checkErased(on, tx, { ...change, org, identities, field: 'phone' })
    if (change.phone !== undefined) await changePhone(tx, org, id, identities)
    await welcome(id)
    return id
  })
}

type Present = {
  name: string | null
  email: string | null
  profile_name: string | null
  attributes: Attributes
  sources: Partial<Record<'name' | 'email', Source>>
}

/**
 * Who said what the fields hold after this change. Throws Refusal 409 `corrected_by_person` where the person themselves
 * said what is there. Source: privacy promise P48, person before agent before import before WhatsApp.
 */
function sourcesOf(now: Present, change: ContactChange): Present['sources'] {
  const { source = 'agent' } = change
  const sources = { ...now.sources }
  for (const field of ['name', 'email'] as const) {
    const given = change[field]
    if (given === undefined || (given === now[field] && source !== 'person')) continue
    if (RANK[source] < RANK[sources[field] ?? 'import'])
      throw new Refusal(
        409,
        'corrected_by_person',
        `This contact said themselves what their ${field} is. Change it when they ask for it, and say so.`,
        { [field]: 'The person corrected this.' },
      )
    if (given === null) delete sources[field]
    else sources[field] = source
  }
  return sources
}

const RANK: Readonly<Record<Source, number>> = { import: 1, agent: 2, person: 3 }

/** Nobody else has the number: a collision ends the transaction. */
class Taken extends Error {}

async function commit(
  on: Resources,
  org: string,
  identities: Identity[],
  run: (tx: Tx) => Promise<string>,
): Promise<Contact> {
  const contact = await on.db
    .withTenant(org, async (tx) => {
      const id = await run(tx)
      const made = await getContact(tx, org, id)
      await appendFeed(tx, org, [{ kind: 'contact.updated', ref: id }])
      return made
    })
    .catch(async (error: unknown) => {
      if (!(error instanceof Taken) && constraintOf(error) !== 'contact_identities_pkey')
        throw error
      throw await exists(on, org, identities)
    })
  on.events.publish({ kind: 'feed', org })
  if (!contact) throw notFound('contact')
  return contact
}

async function exists(on: Resources, org: string, identities: Identity[]): Promise<Refusal> {
  const other = await on.db.withTenant(org, (tx) => findByIdentities(tx, org, identities))
  const field = identities[0]?.kind === 'wa_user_id' ? 'wa_user_id' : 'phone'
  return new Refusal(409, 'contact_exists', 'There is a contact with this number or user id.', {
    [field]: `belongs to contact ${other ?? 'that was just removed'}`,
  })
}

/** A number the contact has already is no change: replies go on to what WhatsApp told. */
async function changePhone(tx: Tx, org: string, id: string, phones: Identity[]): Promise<void> {
  if (phones[0] && (await findByIdentities(tx, org, [phones[0]])) === id) return
  await tx.raw(
    `delete from contact_identities where org_id = ? and contact_id = ? and kind in ('phone', 'phone_match')`,
    [org, id],
  )
  if ((await addIdentities(tx, org, id, phones)) < phones.length) throw new Taken()
  const left = await rows(
    tx,
    `select from contact_identities where org_id = ? and contact_id = ? and kind in ('phone', 'wa_user_id')`,
    [org, id],
  )
  if (left.length === 0)
    throw refusal('phone', 'Without a number nothing would lead to this contact.')
}

function userId(text: string): Identity[] {
  const [identity] = identitiesOf(text, 'wa_user_id')
  if (identity?.kind !== 'wa_user_id') throw refusal('wa_user_id', 'This is no WhatsApp user id.')
  return [identity]
}

const nameOf = (name: string | null): { name: string | null; search_name: string | null } => ({
  name,
  search_name: name === null ? null : fold(name),
})

const merged = (now: Attributes, change: NonNullable<ContactChange['attributes']>): Attributes =>
  Object.fromEntries(
    Object.entries({ ...now, ...change }).filter(
      (entry): entry is [string, string | number | boolean] => entry[1] !== null,
    ),
  )

function checkAttributes(attributes: Attributes): void {
  if (Object.keys(attributes).length > MAX_ATTRIBUTES)
    throw refusal('attributes', `A contact has at most ${MAX_ATTRIBUTES} attributes.`)
}

const refusal = (field: string, detail: string): Refusal =>
  new Refusal(422, 'invalid', detail, { [field]: detail })
