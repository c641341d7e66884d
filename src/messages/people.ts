import { rows, type Tx } from '../db.ts'
import { newId } from '../ids.ts'
import { restrictedSql } from '../restrictions/gate.ts'
import type { Ids } from './sender.ts'
import type { MessageUpdate } from './updates.ts'

/** A message and the connection of ours that it came to or went from. */
export type Incoming = MessageUpdate & { connection: string }
/** Somebody whom an update is about. */
export type Somebody = Pick<MessageUpdate, 'sender' | 'at' | 'became'> & {
  /** Of a message its id; of what is none anything that no other has. */
  wamid: string
  connection: string | null
}
/** What the tables say of somebody before anything is written. */
type Found = {
  n: number
  /** The kind of the message where it is stored already. */
  stored: string | null
  by_user: string | null
  by_parent: string | null
  by_phone: string | null
  by_match: string | null
  contact: string | null
  restricted: boolean
  conversation: string | null
  profile_name: string | null
  profile_name_at: Date | null
}
type News<T> = Found & { who: T }
type IdentityKind = 'wa_user_id' | 'wa_parent_id' | 'phone' | 'phone_match'
type Identity = { kind: IdentityKind; value: string }

/** Who somebody is; the conversation where there is one. */
export type Placed<T> = { who: T; contact: string; conversation: string | null }
/** Two contacts that are called by each other's ids. */
export type Doubt = {
  contact: string
  other: string
  reason: 'same_message' | 'changed_number' | 'shared_number'
}
export type People<T> = {
  placed: Placed<T>[]
  fresh: string[]
  /** Identities that nobody has yet; `isLatest` for those that replace earlier ones. */
  missing: (Identity & { contact: string; isLatest: boolean })[]
  doubts: Doubt[]
  /** Profile names of known people and when WhatsApp showed them first. */
  profiles: Map<string, { name: string | null; at: Date | null }>
  /** Messages that are here already, with the kind they have. */
  stored: (Placed<T> & { kind: string })[]
  /** Whose data are restricted, as far as it was seen. */
  restricted: string[]
}

/** Strongest first: a user id wins over a number, a number over its variants. */
const identitiesOf = ({ waUserId, waParentId, phone, match }: Ids): Identity[] =>
  [
    { kind: 'wa_user_id' as const, value: waUserId },
    { kind: 'wa_parent_id' as const, value: waParentId },
    { kind: 'phone' as const, value: phone },
    { kind: 'phone_match' as const, value: match },
  ].filter((one): one is Identity => one.value !== null)

/** Leaves out what is stored already and says who the others are; new people get ids, nothing is written. */
export async function findPeople<T extends Somebody>(
  tx: Tx,
  org: string,
  given: T[],
): Promise<People<T>> {
  const once = new Map(given.toReversed().map((one) => [one.wamid, one]))
  const first = [...once.values()].toReversed()
  const seen = (await look(tx, org, first)).flatMap((row): News<T>[] => {
    const who = first[row.n]
    return who ? [{ ...row, who }] : []
  })
  const news = seen.filter(({ stored }) => stored === null)
  const owners = resolve(news, await ownersOf(tx, org, news))
  return {
    ...owners,
    placed: news.map((row) => placeOf(row, owners.contacts.get(row.n) ?? '')),
    stored: seen.flatMap(({ stored: kind, who, contact, conversation }) =>
      kind === null || contact === null ? [] : [{ who, kind, contact, conversation }],
    ),
    restricted: seen.flatMap(({ restricted, contact }) => (restricted && contact ? [contact] : [])),
    profiles: new Map(
      news.flatMap(({ contact, profile_name: name, profile_name_at: at }) =>
        contact === null ? [] : [[contact, { name, at }]],
      ),
    ),
  }
}

/** The look-up's conversation is that of its own contact: another one was found through a neighbour. */
const placeOf = <T>(row: News<T>, contact: string): Placed<T> => ({
  who: row.who,
  contact,
  conversation: row.contact === contact ? row.conversation : null,
})

const look = (tx: Tx, org: string, given: Somebody[]): Promise<Found[]> =>
  rows<Found>(
    tx,
    `select i.n, m.kind as stored, u.contact_id as by_user, q.contact_id as by_parent, p.contact_id as by_phone,
            v.contact_id as by_match, k.id as contact, ${restrictedSql(':org', 'k.id')} as restricted, k.profile_name, k.profile_name_at, c.id as conversation
       from jsonb_to_recordset(:input::jsonb)
              as i (n int, wamid text, connection uuid, wa_user_id text, wa_parent_id text, phone text, phone_match text)
       left join messages m on m.org_id = :org and m.wamid = i.wamid
       left join contact_identities u on u.org_id = :org and u.kind = 'wa_user_id' and u.value = i.wa_user_id
       left join contact_identities q on q.org_id = :org and q.kind = 'wa_parent_id' and q.value = i.wa_parent_id
       left join contact_identities p on p.org_id = :org and p.kind = 'phone' and p.value = i.phone
       left join contact_identities v on v.org_id = :org and v.kind = 'phone_match' and v.value = i.phone_match
       left join contacts k on k.org_id = :org and k.id = coalesce(u.contact_id, q.contact_id, p.contact_id, v.contact_id)
       left join conversations c on c.org_id = :org and c.connection_id = i.connection and c.contact_id = k.id
      order by i.n`,
    { org, input: JSON.stringify(given.map(questionOf)) },
  )

const questionOf = ({ wamid, connection, sender }: Somebody, n: number): object => ({
  n,
  wamid,
  connection,
  wa_user_id: sender.waUserId,
  wa_parent_id: sender.waParentId,
  phone: sender.phone,
  phone_match: sender.match,
})

type Owners = Map<string, string>
const keyOf = ({ kind, value }: Identity): string => `${kind} ${value}`

/** Who has the identities that are named in these rows, those somebody gets from now on included. */
async function ownersOf<T extends Somebody>(tx: Tx, org: string, news: News<T>[]): Promise<Owners> {
  const owners: Owners = new Map()
  for (const row of news) {
    const { by_user, by_parent, by_phone, by_match } = row
    const by = {
      wa_user_id: by_user,
      wa_parent_id: by_parent,
      phone: by_phone,
      phone_match: by_match,
    }
    for (const one of identitiesOf(row.who.sender)) {
      const contact = by[one.kind]
      if (contact) owners.set(keyOf(one), contact)
    }
  }
  const further = news.flatMap(({ who }) => (who.became ? identitiesOf(who.became) : []))
  if (further.length === 0) return owners
  const found = await rows<Identity & { contact_id: string }>(
    tx,
    `select i.kind, i.value, i.contact_id from contact_identities i
       join jsonb_to_recordset(:further::jsonb) as w (kind text, value text) on w.kind = i.kind and w.value = i.value
      where i.org_id = :org`,
    { org, further: JSON.stringify(further) },
  )
  for (const { contact_id, ...identity } of found) owners.set(keyOf(identity), contact_id)
  return owners
}

type Resolved = Pick<People<unknown>, 'fresh' | 'missing' | 'doubts'> & {
  contacts: Map<number, string>
}

/**
 * Messages of known people come first, then those with both a user id and a number, so that one person who appears
 * under either in this set stays one. An identity of somebody else is never taken away: it is a doubt for people.
 */
function resolve<T extends Somebody>(news: News<T>[], owners: Owners): Resolved {
  const found: Resolved = { fresh: [], missing: [], doubts: [], contacts: new Map() }
  for (const { n, who } of news.toSorted((a, b) => certainty(b) - certainty(a))) {
    const identities = identitiesOf(who.sender)
    const known = identities.flatMap((one) => owners.get(keyOf(one)) ?? [])
    const contact = known[0] ?? newId()
    if (known.length === 0) found.fresh.push(contact)
    found.contacts.set(n, contact)
    give(found, owners, { contact, identities, reason: 'same_message' })
    if (who.became)
      give(found, owners, {
        contact,
        identities: identitiesOf(who.became),
        reason: who.became.reason,
      })
  }
  return found
}

type Gift = { contact: string; identities: Identity[]; reason: Doubt['reason'] }

function give(found: Resolved, owners: Owners, { contact, identities, reason }: Gift): void {
  for (const identity of identities) {
    const other = owners.get(keyOf(identity))
    if (other === undefined) {
      owners.set(keyOf(identity), contact)
      found.missing.push({ ...identity, contact, isLatest: reason !== 'same_message' })
    } else if (other !== contact) found.doubts.push({ contact, other, reason })
  }
}

function certainty<T extends Somebody>({ contact, who }: News<T>): number {
  if (contact !== null) return 2
  return who.sender.waUserId && who.sender.phone ? 1 : 0
}
