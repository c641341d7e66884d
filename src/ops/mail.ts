import { rows, type Tx } from '../db.ts'
import { newId } from '../ids.ts'
import type { Resources } from '../resources.ts'
import { topicOf, type LetterKind } from './letter-kinds.ts'
import { openPart, sealPart } from './mail-seal.ts'
import { wayOut } from './way-out.ts'

/** One mail to one person, in plain text. `org` and `user` say with whom it is erased. */
export type Letter = {
  to: string
  kind: LetterKind
  subject: string
  text: string
  org?: string
  user?: string
}

/**
 * Keeps a mail, sealed, in the caller's transaction and answers its id; `ringMail` it after the commit.
 * Without SMTP_URL it is kept to be read under /ops/mail and goes nowhere.
 */
export async function queueMail(tx: Tx, on: Resources, letter: Letter): Promise<string> {
  const id = newId()
  const { subject } = letter
  const body = JSON.stringify({ subject, text: withWayOut(on, letter) })
  await rows(
    tx,
    `insert into mail_outbox (id, org_id, user_id, kind, recipient, body, state, due_at, created_at)
     values (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    [
      id,
      letter.org ?? null,
      letter.user ?? null,
      letter.kind,
      sealPart(on, 'recipient', id, letter.to),
      sealPart(on, 'body', id, body),
      on.config.SMTP_URL === undefined ? 'kept' : 'pending',
      on.now(),
      on.now(),
    ],
  )
  return id
}

/** An optional letter says how to get no more of its kind; one to nobody in particular could not be refused. */
function withWayOut(on: Resources, { kind, text, user }: Letter): string {
  const topic = topicOf(kind)
  if (topic === undefined) return text
  if (user === undefined) throw new Error(`a letter of kind ${kind} needs its person`)
  return `${text}\nNo more letters of this kind: ${wayOut(on, user, topic)}\n`
}

/** Tells the worker; what is kept to be read needs none. Never throws: what is due is rung again each minute. */
export async function ringMail(on: Resources, id: string): Promise<void> {
  if (on.config.SMTP_URL !== undefined) await on.queues.addMail(id)
}

type Said = { subject: string; text: string }
export type Kept = {
  id: string
  kind: string
  state: string
  created_at: Date
  to: string
  subject: string
  text: string
}

/** The latest mails that were not sent, opened for the operator: first those to one person, then what went to many. */
export async function listKept(on: Resources, limit = 50): Promise<Kept[]> {
  const found = await on.db.withSystem((tx) =>
    rows<Kept & { recipient: string; body: string }>(
      tx,
      `select id, kind, state, created_at, recipient, body from mail_outbox
        where state in ('kept', 'failed', 'pending', 'claimed') order by kind like 'announcement%', created_at desc, id desc limit ?`,
      [limit],
    ),
  )
  return found.map(({ id, kind, state, created_at, recipient, body }) => {
    const to = openPart(on, 'recipient', id, recipient)
    const { subject, text } = JSON.parse(openPart(on, 'body', id, body)) as Said
    return { id, kind, state, created_at, to, subject, text }
  })
}

/** A restored database does not know what was sent since its backup: nothing of it goes out again, operators may read it. */
export const keepUnsentMail = (tx: Tx): Promise<unknown> =>
  rows(
    tx,
    `update app.mail_outbox set state = 'kept', lease_until = null where state in ('pending', 'claimed')`,
  )

/** How many mails are in each state. */
export async function countMail(on: Resources): Promise<Record<string, number>> {
  const found = await on.db.withSystem((tx) =>
    rows<{ state: string; n: number }>(
      tx,
      `select state, count(*)::int as n from mail_outbox group by state`,
    ),
  )
  return Object.fromEntries(found.map(({ state, n }) => [state, n]))
}
