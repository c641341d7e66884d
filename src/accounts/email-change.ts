import { createHmac } from 'node:crypto'
import { auditPerson, byPerson, type Source } from '../audit/audit.ts'
import { constraintOf, rows, type Tx } from '../db.ts'
import { digest, newCode, newId } from '../ids.ts'
import { openPart } from '../ops/mail-seal.ts'
import { queueMail, ringMail } from '../ops/mail.ts'
import { openCell, sealCell } from '../ops/seal.ts'
import { Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { checkEmail } from './fields.ts'
import { emailChangedMail, emailLinkMail, emailTakenMail } from './letters.ts'
import type { Throttles } from './throttle.ts'

type Who = { user: string; email: string; source?: Source }

const LINK_MS = 24 * 3_600_000
/** How long the address before can take a change back; until then it is kept, sealed. */
const UNDO_MS = 72 * 3_600_000

/**
 * Ask for another address: nothing changes until the link sent to it is opened by the same person. Asked again, only the
 * last link counts. The answer is the same when the address has an account, whose owner is told.
 * Throws Refusal 422 for what is no address or the present one. Source: privacy promise P6.
 */
export async function askEmailChange(
  on: Resources,
  throttles: Throttles,
  { who, given }: { who: Who; given: string },
): Promise<void> {
  const email = checkEmail(given)
  if (email === who.email) throw fault('This is your address already.')
  if (!(await throttles.mail('email', email))) return
  const mail = await on.db.withSystem(async (tx) => {
    const taken = await rows(tx, 'select 1 from users where email = ?', [email])
    await dropLinks(tx, who.user)
    if (taken.length > 0) return queueMail(tx, on, emailTakenMail(on, email))
    const token = newCode()
    await rows(
      tx,
      `insert into password_resets (token_digest, user_id, purpose, new_email, expires_at, created_at)
       values (?, ?, 'change_email', ?, ?, ?)`,
      [digest(token), who.user, email, new Date(on.now().getTime() + LINK_MS), on.now()],
    )
    return queueMail(tx, on, emailLinkMail(on, { user: who.user, email, token }))
  })
  await ringMail(on, mail)
}

const dropLinks = (tx: Tx, user: string): Promise<unknown> =>
  rows(tx, `delete from password_resets where user_id = ? and purpose = 'change_email'`, [user])

/** The address a link is for, when it is this person's and still good. */
export async function readEmailLink(
  on: Resources,
  user: string,
  token: string,
): Promise<string | undefined> {
  const [found] = await on.db.withSystem((tx) =>
    rows<{ new_email: string }>(
      tx,
      `select new_email from password_resets
        where token_digest = ? and user_id = ? and purpose = 'change_email' and expires_at > ?`,
      [digest(token), user, on.now()],
    ),
  )
  return found?.new_email
}

/**
 * Take the new address over. The earlier one is kept sealed for 72 hours, in which whoever reads its mail can take the
 * change back; then nothing of it is left but a keyed digest in the audit log. Links to the earlier address end.
 * Throws Refusal 410 for a link that is used or over, 409 `email_taken`.
 */
export async function confirmEmailChange(on: Resources, who: Who, token: string): Promise<void> {
  const mail = await on.db
    .withSystem((tx) => change(on, tx, who, token))
    .catch((error: unknown) => {
      if (constraintOf(error) === 'users_email_key')
        throw new Refusal(409, 'email_taken', 'This address has an account of its own by now.')
      throw error
    })
  await ringMail(on, mail)
}

async function change(on: Resources, tx: Tx, who: Who, token: string): Promise<string> {
  const now = on.now()
  const [link] = await rows<{ new_email: string }>(
    tx,
    `delete from password_resets where token_digest = ? and user_id = ? and purpose = 'change_email' and expires_at > ?
     returning new_email`,
    [digest(token), who.user, now],
  )
  if (!link) throw new Refusal(410, 'link_over', 'This link was used or is too old. Ask again.')
  const [old] = await rows<{ email: string }>(
    tx,
    'select email from users where id = ? for no key update',
    [who.user],
  )
  const before = old?.email ?? who.email
  await rows(tx, 'update users set email = ?, email_verified_at = ?, updated_at = ? where id = ?', [
    link.new_email,
    now,
    now,
    who.user,
  ])
  await rows(tx, 'delete from password_resets where user_id = ?', [who.user])
  const undo = await keepUndo(on, tx, { user: who.user, address: before })
  await auditPerson(tx, who.user, {
    actor: byPerson(who),
    action: 'email.changed',
    detail: { was: addressMark(on, before) },
  })
  return queueMail(tx, on, emailChangedMail(on, { user: who.user, email: before, token: undo }))
}

/** Tells that it was this address, to whoever has the address and the key. */
export const addressMark = (on: Resources, address: string): string =>
  createHmac('sha256', on.vault.derive('addresses')).update(address).digest('hex').slice(0, 32)

async function keepUndo(
  on: Resources,
  tx: Tx,
  { user, address }: { user: string; address: string },
): Promise<string> {
  const [id, token, now] = [newId(), newCode(), on.now()]
  await rows(
    tx,
    `insert into address_undos (id, user_id, token_digest, address, created_at, expires_at) values (?, ?, ?, ?, ?, ?)`,
    [
      id,
      user,
      digest(token),
      sealCell(on, { table: 'address_undos', column: 'address', row: id }, address),
      now,
      new Date(now.getTime() + UNDO_MS),
    ],
  )
  return token
}

type Undo = { id: string; user_id: string; address: string; created_at: Date }

/** Whether a link to take a change back is still good. */
export async function isUndoable(on: Resources, token: string): Promise<boolean> {
  const found = await on.db.withSystem((tx) => findUndo(tx, token, on.now()))
  return found !== undefined
}

const findUndo = async (tx: Tx, token: string, now: Date): Promise<Undo | undefined> => {
  const [found] = await rows<Undo>(
    tx,
    'select id, user_id, address, created_at from address_undos where token_digest = ? and expires_at > ? for update',
    [digest(token), now],
  )
  return found
}

/**
 * The earlier address is the person's again, and every sign-in ends: somebody who changed it without their knowing is out.
 * Links of later changes end with it. Throws Refusal 410 after 72 hours, 409 when somebody else has the address by now.
 */
export async function undoEmailChange(
  on: Resources,
  token: string,
  source?: Source,
): Promise<void> {
  const user = await on.db.withSystem(async (tx) => {
    const undo = await findUndo(tx, token, on.now())
    if (!undo) throw new Refusal(410, 'link_over', 'This link is over: it works for 72 hours.')
    const cell = { table: 'address_undos', column: 'address', row: undo.id }
    const address = openCell(on, cell, undo.address).toString('utf8')
    await rows(tx, 'update users set email = ?, updated_at = ? where id = ?', [
      address,
      on.now(),
      undo.user_id,
    ])
    await rows(tx, 'delete from address_undos where user_id = ? and created_at >= ?', [
      undo.user_id,
      undo.created_at,
    ])
    await rows(tx, 'delete from password_resets where user_id = ?', [undo.user_id])
    await rows(tx, 'delete from user_sessions where user_id = ?', [undo.user_id])
    await auditPerson(tx, undo.user_id, {
      actor: byPerson({ user: undo.user_id, ...(source ? { source } : {}) }),
      action: 'email.change_undone',
    })
    return undo.user_id
  })
  on.events.publish({ kind: 'sessions', user })
}

/** Addresses whose 72 hours are over, with every letter that was sent to them. */
export async function forgetAddresses(on: Resources): Promise<void> {
  await on.db.withSystem(async (tx) => {
    const over = await rows<Undo>(
      tx,
      'select id, user_id, address, created_at from address_undos where expires_at < ? for update skip locked',
      [on.now()],
    )
    for (const undo of over) await forget(on, tx, undo)
  })
}

async function forget(on: Resources, tx: Tx, { id, user_id, address }: Undo): Promise<void> {
  const cell = { table: 'address_undos', column: 'address', row: id }
  const earlier = openCell(on, cell, address).toString('utf8')
  const letters = await rows<{ id: string; recipient: string }>(
    tx,
    'select id, recipient from mail_outbox where user_id = ?',
    [user_id],
  )
  const theirs = letters.filter(
    (one) => openPart(on, 'recipient', one.id, one.recipient) === earlier,
  )
  await rows(tx, 'delete from mail_outbox where id = any(?)', [
    theirs.map((one) => one.id) as never,
  ])
  await rows(tx, 'delete from address_undos where id = ?', [id])
}

const fault = (detail: string): Refusal => new Refusal(422, 'invalid', detail, { email: detail })
