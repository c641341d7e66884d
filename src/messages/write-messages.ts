import type { Tx } from '../db.ts'
import type { Change } from '../feed/feed.ts'
import { letGo, noteMedia, type Carrying } from '../media/arriving.ts'
import type { Resources } from '../resources.ts'
import { addMessages, seat, type Arrival } from './arrivals.ts'
import { Collision } from './collision.ts'
import { applyRevokes, fillPlaceholders } from './corrections.ts'
import { findPeople, type Incoming, type People, type Placed } from './people.ts'
import { keepWishes } from './preferences.ts'
import { writeContacts, writeDoubts, writeIdentities, writeUsernames } from './profiles.ts'
import { touchConversations } from './touch.ts'
import { withhold, type Said } from './withheld.ts'

/** What changed, in the feed's words; what somebody says to us now, what is put aside included; files to be fetched. */
export type News = { changes: Change[]; heard: Said[]; files: string[] }

/** Write messages with the people and conversations they belong to. */
export async function writeMessages(
  on: Resources,
  tx: Tx,
  org: string,
  messages: Incoming[],
): Promise<News> {
  if (messages.length === 0) return { changes: [], heard: [], files: [] }
  const { people, withheld } = await withhold(on, tx, org, await findPeople(tx, org, messages))
  const filled = await fillPlaceholders(on, tx, org, people.stored)
  const { added, contacts } =
    people.placed.length > 0 ? await add(on, tx, org, people) : await addNames(tx, org, people)
  const conversations = added.length > 0 ? await touchConversations(tx, org, added) : []
  const revoked = added.length > 0 ? await applyRevokes(tx, org, added) : []
  const files = await noteMedia(on, tx, org, [...added.map(carriedBy), ...filled])
  await letGo(tx, org, revoked)
  const changed = [...filled.map(({ message }) => message), ...revoked]
  return {
    changes: changesOf(added, { messages: changed, conversations, contacts }),
    files,
    // Whoever asked for a restriction may ask for more.
    heard: [...added, ...withheld].filter(isHeard),
  }
}

const carriedBy = ({ id, update: { kind, payload } }: Arrival): Carrying => ({
  message: id,
  kind,
  payload,
})

const isHeard = ({ update }: Said): boolean => update.direction === 'in' && update.via === null

type Added = { added: Arrival[]; contacts: string[] }

/** Of whom nothing is stored now: only the names by which the restriction finds them. */
async function addNames(tx: Tx, org: string, people: People<Incoming>): Promise<Added> {
  await writeIdentities(tx, org, people)
  return { added: [], contacts: [] }
}

async function add(on: Resources, tx: Tx, org: string, people: People<Incoming>): Promise<Added> {
  const contacts = await writeContacts(tx, org, people)
  await writeIdentities(tx, org, people)
  await writeDoubts(tx, org, people.doubts)
  const renamed = await writeUsernames(tx, org, people)
  const seated = await seat(tx, org, people.placed)
  if (!seated) throw new Collision()
  const added = await addMessages(on, tx, org, seated.arrivals)
  // Nobody may be left without a message: where one was written elsewhere meanwhile, look again.
  const isCrowded = added.length < seated.arrivals.length
  if (isCrowded && people.fresh.length + seated.opened > 0) throw new Collision()
  const wishing = await keepWishes(tx, org, placesOf(added, people.placed))
  const renumbered = people.missing.flatMap(({ isLatest, contact }) => (isLatest ? contact : []))
  return { added, contacts: [...contacts, ...renamed, ...renumbered, ...wishing] }
}

/** The new ones among them, with their persons. */
function placesOf(added: Arrival[], placed: Placed<Incoming>[]): Placed<Incoming>[] {
  const wamids = new Set(added.map(({ update }) => update.wamid))
  return placed.filter(({ who }) => wamids.has(who.wamid))
}

const updated = (ref: string): Change => ({ kind: 'message.updated', ref })

type Refs = { messages: string[]; conversations: string[]; contacts: string[] }

/** Only what a customer says now is received: what came from the phone app or its history rings for nobody. */
function changesOf(added: Arrival[], { messages, conversations, contacts }: Refs): Change[] {
  const isNews = ({ update: { direction, via } }: Arrival): boolean =>
    direction === 'in' && via !== 'history'
  const ids = new Set(added.map(({ id }) => id))
  return [
    ...added.map((one) =>
      isNews(one) ? { kind: 'message.received' as const, ref: one.id } : updated(one.id),
    ),
    ...[...new Set(messages)].filter((id) => !ids.has(id)).map(updated),
    ...conversations.map((ref) => ({ kind: 'conversation.updated' as const, ref })),
    ...[...new Set(contacts)].map((ref) => ({ kind: 'contact.updated' as const, ref })),
  ]
}
