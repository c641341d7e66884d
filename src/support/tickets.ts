import { rows, type Tx } from '../db.ts'
import { digest, newId } from '../ids.ts'
import { openCell, sealCell } from '../ops/seal.ts'
import { notFound, Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { keepFiles, listFiles, type Attachment, type FileLine } from './files.ts'
import { tellAsker, tellDesk } from './letters.ts'

export type Side = 'asker' | 'operator'

/** Who asks: somebody signed in, or an address that an answer can be written to. */
export type Asker = { user: string; org: string } | { address: string }

export type Ticket = {
  id: string
  org_id: string | null
  user_id: string | null
  /** Of somebody without an account. */
  address: string | null
  subject: string
  state: 'open' | 'closed'
  waits_for: 'operator' | 'asker'
  created_at: Date
  last_at: Date
  closed_at: Date | null
}
export type Message = { id: string; side: Side; body: string; at: Date; files: FileLine[] }

/** `token` is of the form that was sent: sent twice it is one. */
export type Written = { token: string; text: string; files: Attachment[] }

const COLUMNS =
  'id, org_id, user_id, address, subject, state, waits_for, created_at, last_at, closed_at'

const cell = (column: 'subject' | 'address', row: string) => ({
  table: 'support_tickets',
  column,
  row,
})

/** Open a ticket with its first message and tell whoever answers. Answers its id. */
export async function openTicket(
  on: Resources,
  asker: Asker,
  { subject, ...written }: Written & { subject: string },
): Promise<string> {
  const [id, now] = [newId(), on.now()]
  const account = 'user' in asker ? asker : { user: null, org: null }
  const ticket = await on.db.withSystem(async (tx) => {
    const [made] = await rows<{ id: string; isNew: boolean }>(
      tx,
      `insert into support_tickets as t (id, org_id, user_id, address, subject, once_digest, created_at, last_at)
       values (?, ?, ?, ?, ?, ?, ?, ?) on conflict (once_digest) do update set last_at = t.last_at
       returning id, xmax = 0 as "isNew"`,
      [
        id,
        account.org,
        account.user,
        'address' in asker ? sealCell(on, cell('address', id), asker.address) : null,
        sealCell(on, cell('subject', id), subject),
        digest(written.token),
        now,
        now,
      ],
    )
    if (made?.isNew)
      await keepMessage(on, tx, { ticket: id, user: account.user, side: 'asker', ...written })
    return made
  })
  if (!ticket) throw new Error('the ticket was not kept')
  if (ticket.isNew) await tellDesk(on, ticket.id)
  return ticket.id
}

/**
 * Add a message. An answer is told to whoever asked, a question to whoever answers; a closed ticket opens again when its
 * asker writes. Throws Refusal 404 for no such ticket, 409 `closed` for an answer to a closed one.
 */
export async function writeMessage(
  on: Resources,
  { ticket: id, side, ...written }: Written & { ticket: string; side: Side },
): Promise<void> {
  const ticket = await on.db.withSystem(async (tx) => {
    const [locked] = await rows<Ticket>(
      tx,
      `select ${COLUMNS} from support_tickets where id = ? for no key update`,
      [id],
    )
    if (!locked) throw notFound('ticket')
    if (locked.state === 'closed' && side === 'operator')
      throw new Refusal(409, 'closed', 'This ticket is closed. Open it again to answer.')
    const isNew = await keepMessage(on, tx, { ticket: id, user: locked.user_id, side, ...written })
    if (!isNew) return undefined
    await rows(
      tx,
      `update support_tickets set state = 'open', closed_at = null, waits_for = ?, last_at = ? where id = ?`,
      [side === 'asker' ? 'operator' : 'asker', on.now(), id],
    )
    return opened(on, locked)
  })
  if (!ticket) return
  if (side === 'asker') await tellDesk(on, id)
  else await tellAsker(on, ticket)
}

type Kept = Written & { ticket: string; user: string | null; side: Side }

/** False when this very form was sent before. */
async function keepMessage(
  on: Resources,
  tx: Tx,
  { ticket, user, side, token, text, files }: Kept,
): Promise<boolean> {
  const at = on.now()
  const made = await rows(
    tx,
    `insert into support_messages (id, ticket_id, user_id, side, body, at) values (?, ?, ?, ?, ?, ?)
     on conflict (id) do nothing returning id`,
    [
      token,
      ticket,
      user,
      side,
      sealCell(on, { table: 'support_messages', column: 'body', row: token }, text),
      at,
    ],
  )
  if (made.length > 0) await keepFiles(on, tx, { message: token, user, at }, files)
  return made.length > 0
}

/** Close or open again. Closed ones go 180 days later. Throws Refusal 404. */
export async function setState(on: Resources, id: string, state: Ticket['state']): Promise<void> {
  const changed = await on.db.withSystem((tx) =>
    rows(
      tx,
      `update support_tickets set state = :state, last_at = :now,
              closed_at = case when :state = 'closed' then coalesce(closed_at, :now) end
        where id = :id returning id`,
      { state, now: on.now(), id },
    ),
  )
  if (changed.length === 0) throw notFound('ticket')
}

/** A ticket with all that was said; undefined when there is none. */
export function readTicket(
  on: Resources,
  id: string,
): Promise<{ ticket: Ticket; messages: Message[] } | undefined> {
  return on.db.withSystem(async (tx) => {
    const [found] = await rows<Ticket>(tx, `select ${COLUMNS} from support_tickets where id = ?`, [
      id,
    ])
    if (!found) return undefined
    const said = await rows<Omit<Message, 'files'>>(
      tx,
      `select id, side, body, at from support_messages where ticket_id = ? order by at, id`,
      [id],
    )
    const files = await listFiles(on, tx, id)
    const messages = said.map(({ id: row, side, body, at }) => ({
      id: row,
      side,
      at,
      body: openCell(on, { table: 'support_messages', column: 'body', row }, body).toString('utf8'),
      files: files.filter(({ message_id }) => message_id === row),
    }))
    return { ticket: opened(on, found), messages }
  })
}

/** The tickets of a person; for whoever administers an organization also those its members opened in it. */
export const listTickets = (
  on: Resources,
  { user, org, isAdmin }: { user: string; org: string; isAdmin: boolean },
): Promise<Ticket[]> =>
  listed(on, `user_id = :user or (:isAdmin and org_id = :org)`, { user, org, isAdmin })

/** What waits for an answer first, then the rest; for operators. */
export const listDesk = (on: Resources): Promise<Ticket[]> => listed(on, 'true', {})

async function listed(
  on: Resources,
  where: string,
  values: Record<string, string | boolean>,
): Promise<Ticket[]> {
  const found = await on.db.withSystem((tx) =>
    rows<Ticket>(
      tx,
      `select ${COLUMNS} from support_tickets where ${where}
        order by state = 'closed', waits_for <> 'operator', last_at desc, id limit 100`,
      values,
    ),
  )
  return found.map((ticket) => opened(on, ticket))
}

function opened(on: Resources, ticket: Ticket): Ticket {
  const { id, subject, address } = ticket
  return {
    ...ticket,
    subject: openCell(on, cell('subject', id), subject).toString('utf8'),
    address: address === null ? null : openCell(on, cell('address', id), address).toString('utf8'),
  }
}
