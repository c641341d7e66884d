import { rows, type Tx } from '../db.ts'
import { queueMail, ringMail } from '../ops/mail.ts'
import { recordTold } from '../privacy/policy-shown.ts'
import type { Resources } from '../resources.ts'
import { letterOf, listCurrent, topicFor, type Announcement } from './announcements.ts'
import { CONCERNED, UNREFUSED } from './audience.ts'

/** People written to in one transaction. */
const BATCH = 100

type Person = { id: string; email: string }

/**
 * Write to everybody whom a current announcement concerns and who was not written to; answers how many letters were
 * queued. Run twice, or by two processes at once, nobody gets a second one. Whoever came after an announcement was
 * published is not written to, but for a version of the policy whose day is still to come.
 * Source: privacy policy §3, "service updates"; promises P2 and P21.
 */
export async function mailAnnouncements(on: Resources, now: Date): Promise<number> {
  const current = await on.db.withSystem((tx) => listCurrent(tx, now))
  let queued = 0
  for (const announcement of current)
    for (let last = BATCH; last === BATCH; queued += last)
      last = await mailBatch(on, announcement, now)
  return queued
}

async function mailBatch(on: Resources, announcement: Announcement, now: Date): Promise<number> {
  const mails = await on.db.withSystem(async (tx) => {
    const people = await claim(tx, announcement, now)
    const kept = []
    for (const person of people) {
      kept.push(await queueMail(tx, on, letter(on, announcement, person)))
      if (announcement.policy_version !== null)
        await recordTold(tx, { user: person.id, version: announcement.policy_version, at: now })
    }
    return kept
  })
  for (const mail of mails) await ringMail(on, mail)
  return mails.length
}

/** The row of a person and an announcement says that the letter is written: whoever makes it writes the letter. */
const claim = (tx: Tx, announcement: Announcement, now: Date): Promise<Person[]> =>
  rows<Person>(
    tx,
    `with concerned as (
       select u.id, u.email from users u join announcements a on a.id = :id
        where ${CONCERNED} and ${UNREFUSED}
          and (a.policy_version is not null or u.created_at <= a.published_at)
          and not exists (select from announcement_reads r
            where r.user_id = u.id and r.announcement_id = a.id and r.mailed_at is not null)
        order by u.id limit ${BATCH} for no key update of u),
     claimed as (
       insert into announcement_reads as r (user_id, announcement_id, mailed_at)
       select id, :id, :now from concerned order by id
       on conflict (user_id, announcement_id) do update set mailed_at = excluded.mailed_at where r.mailed_at is null
       returning user_id)
     select c.id, c.email from concerned c join claimed on claimed.user_id = c.id`,
    { id: announcement.id, topic: topicFor(announcement.kind) ?? null, now },
  )

const letter = (on: Resources, { kind, title, body }: Announcement, { id, email }: Person) => ({
  to: email,
  user: id,
  kind: letterOf(kind),
  subject: title,
  text: `${body.trim()}\n\nEverything we announced: ${on.config.APP_URL}/updates\n`,
})
