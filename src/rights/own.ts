import { byPerson, type Source } from '../audit/audit.ts'
import { queueMail, ringMail } from '../ops/mail.ts'
import type { Resources } from '../resources.ts'
import { deskMail, receivedMail } from './letters.ts'
import { onceDigest } from './numbers.ts'
import { openIn, type Opened } from './request.ts'
import type { Kind } from './vocabulary.ts'

/** What somebody with an account cannot do alone, and asks a person for; a deletion has a page of its own. */
export const OWN_WISHES: readonly (readonly [kind: Kind, words: string])[] = [
  ['question', 'A question about privacy'],
  ['access', 'Something about me that I do not see'],
  ['correct', 'Something that I cannot correct myself'],
  ['object', 'Object to a use of my data'],
  ['restrict', 'Restrict the use of my data'],
  ['export', 'My data in another form'],
]

type Who = { user: string; email: string; source?: Source }

/**
 * A request of somebody who is signed in and has just entered the password: it is known who asks. It goes to whoever
 * operates the installation, and no organization hears of it. Source: promise P46, "account user = login".
 */
export async function askAsUser(
  on: Resources,
  who: Who,
  { kind, text }: { kind: Kind; text: string },
): Promise<Opened> {
  const { user, email } = who
  const { opened, mails } = await on.db.withSystem(async (tx) => {
    const made = await openIn(on, tx, {
      org: null,
      kind,
      user,
      road: 'self',
      by: byPerson(who),
      verified: 'login',
      texts: { asked: text },
      once: onceDigest(on, 'self', user, kind, text),
    })
    const letters = made.isNew
      ? [deskMail(on, made), { ...receivedMail(on, { ...made, to: email }), user }]
      : []
    const kept = []
    for (const letter of letters) kept.push(await queueMail(tx, on, letter))
    return { opened: made, mails: kept }
  })
  for (const mail of mails) await ringMail(on, mail)
  return opened
}
