import { rows, type Tx } from '../db.ts'
import { ringMail } from '../ops/mail.ts'
import { DAY_MS } from '../privacy/limits.ts'
import type { Resources } from '../resources.ts'
import { readHandles } from './deletion.ts'
import { mailLapsed, mailLink } from './letters.ts'
import { noteState } from './states.ts'

type Waiting = { id: string; user: string; email: string | null; until: Date; reminders: number }

/** A mail at each third of the time that a link waits. */
const REMINDERS = 2

/**
 * Remind whoever asked for the deletion of their account and has not opened the link, twice; and end what nobody
 * confirmed in time, with a word to the address. Asked of the same moment again it does nothing more.
 * Source: promise P38; DELETION_CONFIRM_DAYS.
 */
export async function lapseUnconfirmed(on: Resources, now: Date): Promise<void> {
  const life = on.config.DELETION_CONFIRM_DAYS * DAY_MS
  for (const waiting of await listWaiting(on)) {
    const left = waiting.until.getTime() - now.getTime()
    const due = Math.min(REMINDERS, Math.floor(((life - left) * (REMINDERS + 1)) / life))
    const mail =
      left <= 0
        ? await on.db.withSystem((tx) => lapse(on, tx, waiting, now))
        : due > waiting.reminders
          ? await on.db.withSystem((tx) => remind(on, tx, waiting, due))
          : undefined
    if (mail !== undefined) await ringMail(on, mail)
  }
}

const listWaiting = (on: Resources): Promise<Waiting[]> =>
  on.db.withSystem((tx) =>
    rows<Waiting>(
      tx,
      `select d.id, d.subject_id as "user", u.email, d.confirm_until as until, d.reminders
         from deletions d left join users u on u.id = d.subject_id
        where d.state = 'requested' and d.confirm_until is not null order by d.confirm_until, d.id`,
    ),
  )

/** Compare and set: of two sweeps at once, one sends the mail. */
async function remind(
  on: Resources,
  tx: Tx,
  { id, user, email, until, reminders }: Waiting,
  due: number,
): Promise<string | undefined> {
  const counted = await rows(
    tx,
    `update deletions set reminders = ? where id = ? and reminders = ? and state = 'requested' returning id`,
    [due, id, reminders],
  )
  const { confirm: token } = await readHandles(on, tx, id)
  if (counted.length === 0 || email === null || token === undefined) return undefined
  return mailLink(on, tx, { user, email, token, until, isReminder: true })
}

async function lapse(
  on: Resources,
  tx: Tx,
  { id, user, email }: Waiting,
  now: Date,
): Promise<string | undefined> {
  const lapsed = await rows(
    tx,
    `update deletions set state = 'cancelled', reason = 'lapsed', handles = null, confirm_digest = null, confirm_until = null
      where id = ? and state = 'requested' returning id`,
    [id],
  )
  if (lapsed.length === 0) return undefined
  await noteState(on, tx, { id, state: 'cancelled', at: now, by: 'system' })
  return email === null ? undefined : mailLapsed(on, tx, { user, email })
}
