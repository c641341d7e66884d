import { setTimeout as pause } from 'node:timers/promises'
import { noteWebhook } from '../connections/connections.ts'
import type { Tx } from '../db.ts'
import { withoutErased } from '../deletions/gate.ts'
import { appendFeed, type Change } from '../feed/feed.ts'
import { storeNotices, type Placed } from '../notices/store.ts'
import type { Resources } from '../resources.ts'
import { hearRequests } from '../rights/hearing.ts'
import { writeBook } from './address-book.ts'
import { isCollision } from './collision.ts'
import { connectionsOf, type Item } from './numbers.ts'
import type { Incoming } from './people.ts'
import { learnIds } from './receipt-ids.ts'
import { parkStatuses } from './status.ts'
import type { BookUpdate, MessageUpdate, StatusUpdate } from './updates.ts'
import { writeMessages } from './write-messages.ts'

export type Written = {
  added: number
  /** Updates for numbers that this organization does not have. */
  strangers: Item[]
  /** Whose statuses are parked and wait to be applied. */
  wamids: string[]
  /** Files of messages, to be fetched. */
  files: string[]
  changed: boolean
}

const MAX_TRIES = 5

/**
 * Write a set of updates of one organization in one transaction of short set-based statements.
 *
 * Nothing twice: everything counted hangs on the messages that are new. Any order: rows come out the same. Rows
 * are taken in one order (contacts, identities, conversations, messages, statuses, notices, the feed's counter; each
 * sorted), so sets do not deadlock; two sets that meet the same new person run one after the other.
 * Throws what the database says of the data; then nothing is written.
 */
export const writeSet = (on: Resources, org: string, items: Item[]): Promise<Written> =>
  untilAlone(() => on.db.withTenant(org, (tx) => write(on, tx, org, items)))

/** Run a transaction that writes messages again while it meets others that write the same. */
export async function untilAlone<T>(run: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await run()
    } catch (error) {
      if (!isCollision(error) || tries >= MAX_TRIES) throw error
      await pause(Math.random() * 10 * tries)
    }
  }
}

/** What is about a customer, with the connection it came to. */
type Personal = { update: MessageUpdate | StatusUpdate | BookUpdate; connection: string }
type Sorted = { personal: Personal[]; notices: Placed[]; strangers: Item[]; quiet: string[] }

async function write(on: Resources, tx: Tx, org: string, items: Item[]): Promise<Written> {
  const { personal, notices, strangers, quiet } = await sortOut(on, tx, org, items)
  const known = await withoutErased(on, tx, org, personal)
  const messages = known.flatMap(({ update, connection }): Incoming[] =>
    update.type === 'message' ? [{ ...update, connection }] : [],
  )
  const statuses = known.flatMap(({ update, connection }) =>
    update.type === 'status' ? [{ ...update, connection }] : [],
  )
  const book = known.flatMap(({ update }) => (update.type === 'book' ? [update] : []))
  const { changes, heard, files } = await writeMessages(on, tx, org, messages)
  const contacts = [
    ...(book.length > 0 ? await writeBook(tx, org, book) : []),
    ...(await learnIds(tx, org, statuses)),
  ]
  await parkStatuses(tx, org, statuses)
  await storeNotices(on, tx, org, notices)
  for (const id of quiet) await noteWebhook(tx, org, id, on.now())
  const wishes = await hearRequests(on, tx, org, heard)
  const all = withContacts([...changes, ...wishes], contacts)
  if (all.length > 0) await appendFeed(tx, org, all)
  return {
    added: changes.filter(({ kind }) => kind === 'message.received').length,
    strangers,
    wamids: [...new Set(statuses.map(({ wamid }) => wamid))],
    files,
    changed: all.length > 0,
  }
}

async function sortOut(on: Resources, tx: Tx, org: string, items: Item[]): Promise<Sorted> {
  const numbers = await connectionsOf(on, tx, org, items)
  const sorted: Sorted = { personal: [], notices: [], strangers: [], quiet: numbers.quiet }
  for (const item of items) {
    const { update } = item
    if (update.type === 'notice') {
      const place = numbers.noticed(item, update.notice)
      if (place) sorted.notices.push({ notice: update.notice, place })
      else sorted.strangers.push(item)
    } else {
      const connection = numbers.of(item)
      if (connection) sorted.personal.push({ update, connection })
      else sorted.strangers.push(item)
    }
  }
  return sorted
}

function withContacts(changes: Change[], contacts: string[]): Change[] {
  const told = new Set(changes.map(({ ref }) => ref))
  const news = [...new Set(contacts)].filter((id) => !told.has(id))
  return [...changes, ...news.map((ref) => ({ kind: 'contact.updated' as const, ref }))]
}
