import { checkEmail } from '../accounts/fields.ts'
import type { Throttles } from '../accounts/throttle.ts'
import { rows, type Tx } from '../db.ts'
import { mailDeletionLink } from '../deletions/confirm.ts'
import { queueMail, ringMail } from '../ops/mail.ts'
import type { Resources } from '../resources.ts'
import { deskMail, receivedMail } from './letters.ts'
import { onceDigest } from './numbers.ts'
import { openIn, type Opened } from './request.ts'
import type { Kind, Road } from './vocabulary.ts'

/** Longer than any of it takes, so that the time of the answer does not tell who has an account. */
const ANSWER_MS = 150

export type Written = { name: string; email: string; kind: Kind; text: string }

/**
 * What somebody wrote to us without signing in: a request, a mail to whoever answers, a receipt to the address, and for
 * a deletion the link that confirms it, if the address has an account. Sent twice it is one request. The answer is the
 * same for every address.
 *
 * Throws Refusal 422 for no address, Throttled. Source: privacy policy §8, "please contact us at"; promise P3.
 */
export async function askByForm(
  on: Resources,
  throttles: Throttles,
  written: Written,
  ip: string,
): Promise<Opened> {
  const email = checkEmail(written.email)
  await throttles.rights(ip)
  const floor = new Promise((resolve) => setTimeout(resolve, ANSWER_MS))
  const opened = await takeIn(on, throttles, { ...written, email, road: 'form' })
  await floor
  return opened
}

export type TakenIn = Written & { road: Road; received?: Date; mandate?: string }

/** A request to the installation itself by any road, as it was written by somebody at this address. */
export async function takeIn(on: Resources, throttles: Throttles, given: TakenIn): Promise<Opened> {
  const { email, kind, received } = given
  const mayWrite = email !== '' && (await throttles.mail('rights', email))
  const { opened, mails } = await on.db.withSystem((tx) => keep(on, tx, given, mayWrite))
  for (const mail of mails) await ringMail(on, mail)
  if (kind === 'erase' && email !== '')
    await mailDeletionLink(on, throttles, { email, ...(received ? { received } : {}) })
  return opened
}

async function keep(
  on: Resources,
  tx: Tx,
  { name, email, kind, text, road, received, mandate }: TakenIn,
  mayWrite: boolean,
): Promise<{ opened: Opened; mails: string[] }> {
  const [user] = await rows<{ id: string }>(tx, 'select id from users where email = ?', [email])
  const opened = await openIn(on, tx, {
    org: null,
    kind,
    road,
    by: road === 'form' ? { kind: 'subject' } : { kind: 'operator' },
    user: user?.id,
    texts: { name, address: email, asked: text, ...(mandate ? { mandate } : {}) },
    once: onceDigest(on, road, email, kind, name, text),
    ...(received ? { received } : {}),
  })
  const mails = []
  if (opened.isNew) mails.push(await queueMail(tx, on, deskMail(on, opened)))
  if (opened.isNew && mayWrite) {
    const whose = user ? { user: user.id } : {}
    mails.push(await queueMail(tx, on, { ...receivedMail(on, { ...opened, to: email }), ...whose }))
  }
  return { opened, mails }
}
