import type { Tx } from '../db.ts'
import { queueMail, ringMail } from '../ops/mail.ts'
import type { Resources } from '../resources.ts'
import { ownersOf } from './owners.ts'
import type { Asked } from './request.ts'

/** Every owner may cancel, so every owner is told. Written while the addresses are still ours to use. */
export async function tellOwners(on: Resources, org: string, asked: Asked): Promise<void> {
  const owners = await ownersOf(on, org)
  const status = `${on.config.APP_URL}/deletion/${asked.code}`
  const text = [
    'Your organization in ChatFlow CRM is going to be deleted, with everything in it.',
    `Until then nothing is sent and everything can be read, exported and cancelled: ${on.config.APP_URL}/settings/privacy/delete`,
    `It will be done by ${asked.deadline.toISOString().slice(0, 10)} at the latest. This page tells how far it is, also after your account is gone: ${status}`,
  ]
  const ids = await on.db.withSystem(async (tx) => {
    const kept = []
    for (const { id, email } of owners)
      kept.push(
        await queueMail(tx, on, {
          to: email,
          user: id,
          org,
          kind: 'deletion',
          subject: 'Your organization in ChatFlow is going to be deleted',
          text: `${text.join('\n\n')}\n`,
        }),
      )
    return kept
  })
  for (const id of ids) await ringMail(on, id)
}

const paragraphs = (...texts: string[]): string => `${texts.join('\n\n')}\n`

/** The link that begins the deletion of an account, and up to two reminders of it. In the caller's transaction. */
export function mailLink(
  on: Resources,
  tx: Tx,
  { user, email, token, until, isReminder }: Link,
): Promise<string> {
  const lead = isReminder
    ? 'The deletion of your ChatFlow account still waits for you.'
    : 'Somebody, probably you, asked to delete the ChatFlow account of this address.'
  return queueMail(tx, on, {
    to: email,
    user,
    kind: 'deletion',
    subject: isReminder ? 'Still waiting: delete your account?' : 'Delete your ChatFlow account?',
    text: paragraphs(
      lead,
      `See what would go, and confirm it: ${on.config.APP_URL}/deletion/confirm/${token}`,
      `The link works until ${day(until)}. If it was not you, do nothing: without the link nothing is deleted.`,
    ),
  })
}

type Link = { user: string; email: string; token: string; until: Date; isReminder: boolean }
const day = (at: Date): string => at.toISOString().slice(0, 10)

/** Nobody opened the link in time. */
export const mailLapsed = (
  on: Resources,
  tx: Tx,
  { user, email }: { user: string; email: string },
): Promise<string> =>
  queueMail(tx, on, {
    to: email,
    user,
    kind: 'deletion',
    subject: 'Your account was not deleted',
    text: paragraphs(
      'You were asked to confirm the deletion of your ChatFlow account, and nobody did. Nothing was removed.',
      `If you still want it, ask again: ${on.config.APP_URL}/deletion`,
    ),
  })

/** Whoever answers for the installation says no; the reason is theirs. */
export const mailRejected = (
  on: Resources,
  tx: Tx,
  { id, email }: { id: string; email: string },
  reason: string,
): Promise<string> =>
  queueMail(tx, on, {
    to: email,
    user: id,
    kind: 'deletion',
    subject: 'Your deletion was refused',
    text: paragraphs(
      `The deletion you asked for in ChatFlow CRM is not carried out. The reason: ${reason}`,
      `You may object by writing to ${on.config.PRIVACY_CONTACT}, complain to a data protection authority, or go to court.`,
    ),
  })
