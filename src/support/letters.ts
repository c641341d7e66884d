import { rows } from '../db.ts'
import { queueMail, ringMail, type Letter } from '../ops/mail.ts'
import { readSignedId, signId } from '../ops/signed-id.ts'
import type { Resources } from '../resources.ts'

type Told = { id: string; user_id: string | null; org_id: string | null; address: string | null }

/** The page of a ticket for somebody without an account: whoever has its address may read and write there. */
export const ticketLink = (on: Resources, id: string): string =>
  `/support/ticket/${signId(on, ['support'], id)}`

/** The ticket behind such an address; undefined when it was not made here. */
export const readTicketLink = (on: Resources, token: string): string | undefined =>
  readSignedId(on, ['support'], token)

const paragraphs = (...texts: string[]): string => `${texts.join('\n\n')}\n`

/** An answer is read in the product. The letter says only that there is one: mailboxes keep longer than we may. */
export async function tellAsker(on: Resources, { id, user_id, address }: Told): Promise<void> {
  const mail = await on.db.withSystem(async (tx) => {
    const [user] = await rows<{ email: string }>(tx, 'select email from users where id = ?', [
      user_id,
    ])
    const to = user?.email ?? address
    if (to === null) return undefined
    const page = user ? `/support/${id}` : ticketLink(on, id)
    return queueMail(tx, on, {
      to,
      kind: 'support',
      subject: 'There is an answer for you',
      text: paragraphs(
        'You asked something, and there is an answer.',
        `Read it here, and write back if it does not help: ${on.config.APP_URL}${page}`,
      ),
      ...(user && user_id !== null ? { user: user_id } : {}),
    })
  })
  if (mail !== undefined) await ringMail(on, mail)
}

/** To everybody who operates the product, or, where nobody is named, to whoever answers for privacy. */
export async function tellDesk(on: Resources, id: string): Promise<void> {
  const { opsEmails, PRIVACY_CONTACT, APP_URL } = on.config
  const letter = (to: string): Letter => ({
    to,
    kind: 'support',
    subject: 'A support ticket waits for an answer',
    text: paragraphs(
      'Somebody asked something.',
      `Read and answer it: ${APP_URL}/ops/support/${id}`,
    ),
  })
  const mails = await on.db.withSystem(async (tx) => {
    const kept = []
    for (const to of opsEmails.length > 0 ? opsEmails : [PRIVACY_CONTACT])
      kept.push(await queueMail(tx, on, letter(to)))
    return kept
  })
  for (const mail of mails) await ringMail(on, mail)
}
