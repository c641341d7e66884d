import { rows, type Tx } from '../db.ts'
import { newId } from '../ids.ts'
import { openFor, sealFor } from '../keys.ts'
import { queueMail } from '../ops/mail.ts'
import { DAY_MS } from '../privacy/limits.ts'
import type { Resources } from '../resources.ts'
import type { Incoming, People, Placed } from './people.ts'
import type { MessageUpdate } from './updates.ts'

/** What somebody said, and where, for whoever listens for requests. */
export type Said = { conversation: string; update: MessageUpdate }
type Held = { contact_id: string; isQuiet: boolean }

/**
 * Put aside what restricted people wrote: it is sealed, and in no list, thread, search or feed until the restriction is
 * lifted. Their identities are kept, so that the restriction finds them by every name; nothing else of them changes.
 * The restrictions are held until the commit: whoever lifts one meanwhile finds everything that came before.
 * Source: privacy promise P50.
 */
export async function withhold(
  on: Resources,
  tx: Tx,
  org: string,
  people: People<Incoming>,
): Promise<{ people: People<Incoming>; withheld: Said[] }> {
  if (people.restricted.length === 0) return { people, withheld: [] }
  const about = [...people.placed, ...people.stored.filter(isFilled)]
  const held = await holdRestrictions(on, tx, org, people.restricted)
  if (held.length === 0) return { people, withheld: [] }
  const ids = new Set(held.map(({ contact_id }) => contact_id))
  const isApart = ({ contact }: { contact: string }): boolean => ids.has(contact)
  const withheld: Placed<Incoming>[] = []
  for (const one of about.filter(isApart)) if (await keep(on, tx, org, one)) withheld.push(one)
  const writing = new Set(withheld.filter(isWriting).map(({ contact }) => contact))
  const untold = held.filter(({ contact_id: id, isQuiet }) => writing.has(id) && !isQuiet)
  if (untold.length > 0)
    await tellAdmins(
      on,
      tx,
      org,
      untold.map(({ contact_id }) => contact_id),
    )
  return {
    people: {
      ...people,
      placed: people.placed.filter((one) => !isApart(one)),
      stored: people.stored.filter((one) => !isApart(one)),
    },
    withheld: withheld.flatMap(saidIn),
  }
}

/** A placeholder of the history whose content comes now. */
const isFilled = ({ kind, who }: People<Incoming>['stored'][number]): boolean =>
  kind === 'media_placeholder' && who.kind !== kind

const isWriting = ({ who }: Placed<Incoming>): boolean =>
  who.direction === 'in' && who.via === null && !who.isQuiet

/** Where there is no conversation yet nothing could be answered either. */
const saidIn = ({ conversation, who }: Placed<Incoming>): Said[] =>
  conversation === null ? [] : [{ conversation, update: who }]

/** Admins are told once a day of each person who writes on. */
const holdRestrictions = (
  on: Resources,
  tx: Tx,
  org: string,
  contacts: string[],
): Promise<Held[]> =>
  rows<Held>(
    tx,
    `select contact_id, coalesce(noticed_at > ?, false) as "isQuiet" from restrictions
      where org_id = ? and contact_id = any(?) and kind = 'restricted' and lifted_at is null order by id for update`,
    [new Date(on.now().getTime() - DAY_MS), org, contacts],
  )

/** True when it was not there yet. */
async function keep(
  on: Resources,
  tx: Tx,
  org: string,
  { who, contact }: Placed<Incoming>,
): Promise<boolean> {
  const { origin: _origin, connection, ...update } = who
  const id = newId()
  const body = await sealFor(on, tx, placeOf(org, id), JSON.stringify(update))
  const kept = await rows(
    tx,
    `insert into withheld_messages (org_id, id, contact_id, connection_id, wamid, body, at)
     values (?, ?, ?, ?, ?, ?, ?) on conflict (org_id, wamid) do nothing returning id`,
    [org, id, contact, connection, update.wamid, body, update.at],
  )
  return kept.length > 0
}

const placeOf = (org: string, row: string) => ({ purpose: 'withheld_messages|body', org, row })

/** What the mail says is only that there is something: who wrote and what stays in the product. */
async function tellAdmins(on: Resources, tx: Tx, org: string, contacts: string[]): Promise<void> {
  await rows(
    tx,
    `update restrictions set noticed_at = ?
      where org_id = ? and contact_id = any(?) and kind = 'restricted' and lifted_at is null`,
    [on.now(), org, contacts],
  )
  const admins = await rows<{ id: string; email: string }>(
    tx,
    `select u.id, u.email from memberships m join users u on u.id = m.user_id
      where m.org_id = ? and m.role in ('owner', 'admin') and u.disabled_at is null order by u.id`,
    [org],
  )
  const links = contacts.map((contact) => `${on.config.APP_URL}/contacts/${contact}`)
  for (const { id: user, email: to } of admins)
    await queueMail(tx, on, {
      to,
      user,
      org,
      kind: 'withheld',
      subject: 'Somebody whose data are restricted wrote to you',
      text: `${[
        'A contact whose data are restricted sent a message. It is kept sealed, and nobody reads it until the restriction is lifted. Tell the person before you lift it.',
        ...links,
      ].join('\n\n')}\n`,
    })
}

export type Withheld = { id: string; message: Incoming }

/** The oldest of what was put aside for a contact, opened. Throws SealError when one does not open. */
export async function readWithheld(
  on: Resources,
  tx: Tx,
  org: string,
  { contact, limit }: { contact: string; limit: number },
): Promise<Withheld[]> {
  const found = await rows<{ id: string; connection_id: string; body: string }>(
    tx,
    `select id, connection_id, body from withheld_messages where org_id = ? and contact_id = ? order by at, id limit ?`,
    [org, contact, limit],
  )
  const opened: Withheld[] = []
  for (const { id, connection_id: connection, body } of found) {
    const text = (await openFor(on, tx, placeOf(org, id), body)).toString('utf8')
    const update = JSON.parse(text) as Omit<MessageUpdate, 'at'> & { at: string }
    opened.push({ id, message: { ...update, connection, at: new Date(update.at) } })
  }
  return opened
}

/** How many messages of a contact wait sealed. */
export async function countWithheld(tx: Tx, org: string, contact: string): Promise<number> {
  const [found] = await rows<{ n: number }>(
    tx,
    'select count(*)::int as n from withheld_messages where org_id = ? and contact_id = ?',
    [org, contact],
  )
  return found?.n ?? 0
}
