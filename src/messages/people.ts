import { rows, type Tx } from '../db.ts'
import { newId } from '../ids.ts'
import type { MessageUpdate } from './updates.ts'

/** A message and the connection of ours it was sent to. */
export type Known = { update: MessageUpdate; connection: string }
/** What the tables say of a message before it is written. */
type Found = {
  n: number
  stored: boolean
  by_user: string | null
  by_phone: string | null
  by_match: string | null
  contact: string | null
  conversation: string | null
  profile_name: string | null
  profile_name_at: Date | null
}
type News = Found & Known
type IdentityKind = 'wa_user_id' | 'phone' | 'phone_match'
type Identity = { kind: IdentityKind; value: string }
/** A message that is not stored yet, and whose it is; the conversation where there is one. */
export type Placed = Known & { contact: string; conversation: string | null }
export type People = {
  placed: Placed[]
  fresh: string[]
  /** Identities that nobody has yet. */
  missing: (Identity & { contact: string })[]
  /** Profile names of known people and when WhatsApp showed them first. */
  profiles: Map<string, { name: string | null; at: Date | null }>
}

const identitiesOf = ({ sender }: MessageUpdate): Identity[] =>
  [
    { kind: 'wa_user_id' as const, value: sender.waUserId },
    { kind: 'phone' as const, value: sender.phone },
    { kind: 'phone_match' as const, value: sender.match },
  ].filter((one): one is Identity => one.value !== null)

/** Leaves out what is stored already and says who wrote the rest; new people get ids, nothing is written. */
export async function findPeople(tx: Tx, org: string, messages: Known[]): Promise<People> {
  const once = new Map(messages.toReversed().map((one) => [one.update.wamid, one]))
  const first = [...once.values()].toReversed()
  const found = await look(tx, org, first)
  const news = found.flatMap((row): News[] => {
    const message = first[row.n]
    return row.stored || !message ? [] : [Object.assign(row, message)]
  })
  const owners = resolve(news)
  return {
    placed: news.map((row) => placeOf(row, owners.contacts.get(row.n) ?? '')),
    fresh: owners.fresh,
    missing: owners.missing,
    profiles: new Map(
      news.flatMap(({ contact, profile_name: name, profile_name_at: at }) =>
        contact === null ? [] : [[contact, { name, at }]],
      ),
    ),
  }
}

/** The look-up's conversation is that of its own contact: another one was found through a neighbour. */
const placeOf = ({ update, connection, ...row }: News, contact: string): Placed => ({
  update,
  connection,
  contact,
  conversation: row.contact === contact ? row.conversation : null,
})

const look = (tx: Tx, org: string, messages: Known[]): Promise<Found[]> =>
  rows<Found>(
    tx,
    `select i.n, m.id is not null as stored, u.contact_id as by_user, p.contact_id as by_phone, v.contact_id as by_match,
            k.id as contact, k.profile_name, k.profile_name_at, c.id as conversation
       from jsonb_to_recordset(:input::jsonb)
              as i (n int, wamid text, connection uuid, wa_user_id text, phone text, phone_match text)
       left join messages m on m.org_id = :org and m.wamid = i.wamid
       left join contact_identities u on u.org_id = :org and u.kind = 'wa_user_id' and u.value = i.wa_user_id
       left join contact_identities p on p.org_id = :org and p.kind = 'phone' and p.value = i.phone
       left join contact_identities v on v.org_id = :org and v.kind = 'phone_match' and v.value = i.phone_match
       left join contacts k on k.org_id = :org and k.id = coalesce(u.contact_id, p.contact_id, v.contact_id)
       left join conversations c on c.org_id = :org and c.connection_id = i.connection and c.contact_id = k.id
      order by i.n`,
    { org, input: JSON.stringify(messages.map(questionOf)) },
  )

const questionOf = ({ update, connection }: Known, n: number): object => ({
  n,
  connection,
  wamid: update.wamid,
  wa_user_id: update.sender.waUserId,
  phone: update.sender.phone,
  phone_match: update.sender.match,
})

type Owners = Pick<People, 'fresh' | 'missing'> & { contacts: Map<number, string> }

/**
 * A user id wins over a number, a number over its variants. Messages of known people come first, then those with
 * both a user id and a number, so that one person who appears under either in this set stays one.
 */
function resolve(news: News[]): Owners {
  const owner = new Map<string, string>()
  const owners: Owners = { fresh: [], missing: [], contacts: new Map() }
  for (const row of news) note(owner, row)
  for (const { n, update } of news.toSorted((a, b) => certainty(b) - certainty(a))) {
    const identities = identitiesOf(update)
    const known = identities.flatMap((one) => owner.get(keyOf(one)) ?? [])
    const contact = known[0] ?? newId()
    if (known.length === 0) owners.fresh.push(contact)
    owners.contacts.set(n, contact)
    for (const identity of identities) {
      if (owner.has(keyOf(identity))) continue
      owner.set(keyOf(identity), contact)
      owners.missing.push({ ...identity, contact })
    }
  }
  return owners
}

const keyOf = ({ kind, value }: Identity): string => `${kind} ${value}`

function note(owner: Map<string, string>, row: News): void {
  const { by_user: wa_user_id, by_phone: phone, by_match: phone_match } = row
  for (const one of identitiesOf(row.update)) {
    const contact = { wa_user_id, phone, phone_match }[one.kind]
    if (contact) owner.set(keyOf(one), contact)
  }
}

function certainty({ contact, update }: News): number {
  if (contact !== null) return 2
  return update.sender.waUserId && update.sender.phone ? 1 : 0
}
