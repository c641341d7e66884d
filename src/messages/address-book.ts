import { fold } from '../contacts/fold.ts'
import { rows, type Tx } from '../db.ts'
import { findPeople, type Somebody } from './people.ts'
import { writeContacts, writeDoubts, writeIdentities, writeUsernames } from './profiles.ts'
import type { BookUpdate } from './updates.ts'

/**
 * Bring contacts up to the phone app's address book, and make those it has that we do not. The latest word on a
 * person counts; a name that an agent gave stays, and so does that of somebody whose data are restricted. Returns the contacts that changed.
 * Source: WhatsApp Cloud API, smb_app_state_sync.
 */
export async function writeBook(tx: Tx, org: string, entries: BookUpdate[]): Promise<string[]> {
  const added = entries.filter(({ name }) => name !== null)
  const made = added.length > 0 ? await placeEntries(tx, org, added) : []
  const gone = entries.filter(({ name }) => name === null)
  return [...new Set([...made, ...(gone.length > 0 ? await takeOut(tx, org, gone) : [])])]
}

/** The book's name is not the person's own: it goes into a column of its own. */
const somebody = (
  { sender, name, at }: BookUpdate,
  n: number,
): Somebody & { bookName: string } => ({
  sender: { ...sender, name: null },
  at,
  became: null,
  wamid: `book ${n}`,
  connection: null,
  bookName: name ?? '',
})

async function placeEntries(tx: Tx, org: string, entries: BookUpdate[]): Promise<string[]> {
  const people = await findPeople(tx, org, entries.map(somebody))
  await writeContacts(tx, org, people)
  await writeIdentities(tx, org, people)
  await writeDoubts(tx, org, people.doubts)
  const renamed = await writeUsernames(tx, org, people)
  const latest = new Map<string, { id: string; name: string; search_name: string; at: Date }>()
  const free = people.placed.filter(({ contact }) => !people.restricted.includes(contact))
  for (const { who, contact } of free)
    if (who.at > (latest.get(contact)?.at ?? new Date(0)))
      latest.set(contact, {
        id: contact,
        name: who.bookName,
        search_name: fold(who.bookName),
        at: who.at,
      })
  return [...people.fresh, ...renamed, ...(await nameThem(tx, org, [...latest.values()]))]
}

/** Whether the name shown is WhatsApp's or the book's, so that the book may change it. */
const IS_OURS = `(k.sources ->> 'name' is null) and (k.name is null or k.name is not distinct from k.profile_name or k.name is not distinct from k.book_name)`

const nameThem = async (tx: Tx, org: string, named: object[]): Promise<string[]> => {
  const changed = await rows<{ id: string }>(
    tx,
    `update contacts k
        set book_name = w.name, book_at = w.at, updated_at = now(),
            name = case when ${IS_OURS} then w.name else k.name end,
            search_name = case when ${IS_OURS} then w.search_name else k.search_name end
       from jsonb_to_recordset(:named::jsonb) as w (id uuid, name text, search_name text, at timestamptz)
      where k.org_id = :org and k.id = w.id and (k.book_at is null or k.book_at < w.at) returning k.id`,
    { org, named: JSON.stringify(named) },
  )
  return changed.map(({ id }) => id)
}

/** A person who was taken out of the book and is not known here stays unknown. */
async function takeOut(tx: Tx, org: string, entries: BookUpdate[]): Promise<string[]> {
  const people = await findPeople(tx, org, entries.map(somebody))
  const kept = new Set([...people.fresh, ...people.restricted])
  const gone = people.placed.filter(({ contact }) => !kept.has(contact))
  const changed: string[] = []
  for (const { contact, who } of gone) {
    const found = await rows<{ id: string; profile_name: string | null }>(
      tx,
      `select id, profile_name from contacts where org_id = ? and id = ? and (book_at is null or book_at < ?) for no key update`,
      [org, contact, who.at],
    )
    for (const { id, profile_name } of found) {
      await tx.raw(
        `update contacts k set book_at = :at, updated_at = now(), book_name = null,
                name = case when k.name is not distinct from k.book_name then k.profile_name else k.name end,
                search_name = case when k.name is not distinct from k.book_name then :search else k.search_name end
          where k.org_id = :org and k.id = :id`,
        { org, id, at: who.at, search: profile_name === null ? null : fold(profile_name) },
      )
      changed.push(id)
    }
  }
  return changed
}
