import { setTimeout as pause } from 'node:timers/promises'
import { noteWebhook } from '../connections/connections.ts'
import { rows, type Tx } from '../db.ts'
import { withoutErased } from '../deletions/gate.ts'
import { appendFeed, type Change } from '../feed/feed.ts'
import type { Resources } from '../resources.ts'
import { hearRequests } from '../rights/hearing.ts'
import { addMessages, seat, touchConversations, type Arrival } from './arrivals.ts'
import { findPeople, type Known } from './people.ts'
import { writeContacts, writeIdentities, writeUsernames } from './profiles.ts'
import { parkStatuses } from './status.ts'
import type { MessageUpdate, StatusUpdate } from './updates.ts'

export type Storable = MessageUpdate | StatusUpdate
/** Updates of one organization; `addressed` is the connection in the path each of them came by. */
export type Item = { update: Storable; addressed: string | null }
export type Written = {
  added: number
  /** Updates for numbers that this organization does not have. */
  strangers: Item[]
  /** Whose statuses are parked and wait to be applied. */
  wamids: string[]
  changed: boolean
}

/** Somebody else is making the same person or conversation; a fresh look finds it. */
class Collision extends Error {}
const MAX_TRIES = 5

/**
 * Write a set of updates of one organization in one transaction of short set-based statements.
 *
 * Nothing twice: everything counted hangs on the messages that are new. Any order: rows come out the same. Rows
 * are taken in one order (contacts, identities, conversations, messages, statuses, the feed's counter; each
 * sorted), so sets do not deadlock; two sets that meet the same new person run one after the other.
 * Throws what the database says of the data; then nothing is written.
 */
export async function writeSet(on: Resources, org: string, items: Item[]): Promise<Written> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await on.db.withTenant(org, (tx) => write(on, tx, org, items))
    } catch (error) {
      if (!isCollision(error) || tries >= MAX_TRIES) throw error
      await pause(Math.random() * 10 * tries)
    }
  }
}

/** True for what another try cures: somebody else wrote the same rows at the same moment. */
export function isCollision(error: unknown): boolean {
  const { code = '' } = error as { code?: string }
  return error instanceof Collision || ['23505', '23503', '40P01', '40001'].includes(code)
}

async function write(on: Resources, tx: Tx, org: string, items: Item[]): Promise<Written> {
  const numbers = await connectionsOf(tx, org, items)
  const addressed = items.flatMap((item) => {
    const connection = numbers.of(item)
    return connection ? [{ update: item.update, connection }] : []
  })
  const known = await withoutErased(on, tx, org, addressed)
  const messages = known.flatMap(({ update, connection }) =>
    update.type === 'message' ? [{ update, connection }] : [],
  )
  const statuses = known.flatMap(({ update, connection }) =>
    update.type === 'status' ? [{ ...update, connection }] : [],
  )
  const { changes, arrivals } =
    messages.length > 0 ? await writeMessages(on, tx, org, messages) : NOTHING
  await parkStatuses(tx, org, statuses)
  for (const id of numbers.quiet) await noteWebhook(tx, org, id, on.now())
  await hearRequests(on, tx, org, arrivals)
  if (changes.length > 0) await appendFeed(tx, org, changes)
  return {
    added: changes.filter(({ kind }) => kind === 'message.received').length,
    strangers: items.filter((item) => !numbers.of(item)),
    wamids: [...new Set(statuses.map(({ wamid }) => wamid))],
    changed: changes.length > 0,
  }
}

/** What a set changed, and the messages that are new. */
type News = { changes: Change[]; arrivals: Arrival[] }
const NOTHING: News = { changes: [], arrivals: [] }

async function writeMessages(on: Resources, tx: Tx, org: string, messages: Known[]): Promise<News> {
  const people = await findPeople(tx, org, messages)
  if (people.placed.length === 0) return NOTHING
  const contacts = await writeContacts(tx, org, people)
  await writeIdentities(tx, org, people)
  const renamed = await writeUsernames(tx, org, people)
  const seated = await seat(tx, org, people.placed)
  if (!seated) throw new Collision()
  const added = await addMessages(on, tx, org, seated.arrivals)
  // Nobody may be left without a message: where one was written elsewhere meanwhile, look again.
  const isCrowded = added.length < seated.arrivals.length
  if (isCrowded && people.fresh.length + seated.opened > 0) throw new Collision()
  const conversations = added.length > 0 ? await touchConversations(tx, org, added) : []
  const changes = changesOf(added, conversations, [...new Set([...contacts, ...renamed])])
  return { changes, arrivals: added }
}

const changesOf = (added: Arrival[], conversations: string[], contacts: string[]): Change[] => [
  ...added.map(({ id }) => ({ kind: 'message.received' as const, ref: id })),
  ...conversations.map((ref) => ({ kind: 'conversation.updated' as const, ref })),
  ...contacts.map((ref) => ({ kind: 'contact.updated' as const, ref })),
]

type Numbers = {
  /** The connection of this organization that an update is about, whichever path it came by. */
  of(item: Item): string | undefined
  /** Connections in use that were not noted for a while. */
  quiet: string[]
}

async function connectionsOf(tx: Tx, org: string, items: Item[]): Promise<Numbers> {
  const found = await rows<{ id: string; phone_number_id: string; quiet: boolean }>(
    tx,
    `select id, phone_number_id,
            coalesce((settings ->> 'webhook_at')::timestamptz, '-infinity') < now() - interval '10 seconds' as quiet
       from connections
      where org_id = :org and state <> 'removed' and (phone_number_id = any(:numbers) or id = any(:ids::uuid[]))`,
    {
      org,
      numbers: [...new Set(items.flatMap(({ update }) => update.number ?? []))],
      ids: [...new Set(items.flatMap(({ addressed }) => addressed ?? []))],
    },
  )
  const byNumber = new Map(found.map((row) => [row.phone_number_id, row.id]))
  const ids = new Set(found.map((row) => row.id))
  const of = ({ update, addressed }: Item): string | undefined =>
    update.number === null
      ? addressed !== null && ids.has(addressed)
        ? addressed
        : undefined
      : byNumber.get(update.number)
  const used = new Set(items.map(of))
  return { of, quiet: found.filter((row) => row.quiet && used.has(row.id)).map((row) => row.id) }
}
