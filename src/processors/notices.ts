import { rows } from '../db.ts'
import type { Processor } from '../door.ts'
import { queueMail, ringMail } from '../ops/mail.ts'
import { DAY_MS } from '../privacy/limits.ts'
import { REGISTER } from '../register.ts'
import type { Resources } from '../resources.ts'

/** How long before its first use a new processor is announced. Source: GDPR 28(2); promise P35. */
export const NOTICE_DAYS = 30

type Admin = { id: string; email: string }

/**
 * Tells the owners and admins of an organization of each processor that is to come, once per person; answers how many
 * mails that were. The door opens for it on its day, whether or not somebody has read them.
 */
export async function announceProcessors(
  on: Resources,
  org: string,
  register: readonly Processor[] = REGISTER,
): Promise<number> {
  const today = on.now().toISOString().slice(0, 10)
  const coming = register.filter(
    (one) => one.publishedOn <= today && today < one.effectiveOn && one.hosts(on.config).length > 0,
  )
  if (coming.length === 0) return 0
  const admins = await adminsOf(on, org)
  let told = 0
  for (const processor of coming)
    for (const admin of admins) if (await tell(on, org, admin, processor)) told += 1
  return told
}

/** Whether an entry was announced early enough, or says why it could not be. */
export function isAnnounced({ publishedOn, effectiveOn, emergency }: Processor): boolean {
  const days = (Date.parse(effectiveOn) - Date.parse(publishedOn)) / DAY_MS
  return days >= NOTICE_DAYS || (emergency ?? '') !== ''
}

const adminsOf = (on: Resources, org: string): Promise<Admin[]> =>
  on.db.withTenant(org, (tx) =>
    rows<Admin>(
      tx,
      `select u.id, u.email from memberships m join users u on u.id = m.user_id
        where m.org_id = ? and m.role in ('owner', 'admin') and u.disabled_at is null order by u.id`,
      [org],
    ),
  )

/** The note and the mail in one transaction: somebody who belongs to two organizations is told once. */
async function tell(
  on: Resources,
  org: string,
  { id: user, email }: Admin,
  processor: Processor,
): Promise<boolean> {
  const mail = await on.db.withSystem(async (tx) => {
    const noted = await rows(
      tx,
      `insert into processor_notices (user_id, processor, told_at) values (?, ?, ?)
       on conflict do nothing returning user_id`,
      [user, processor.id, on.now()],
    )
    if (noted.length === 0) return undefined
    const { name, does, place, categories, effectiveOn } = processor
    return queueMail(tx, on, {
      to: email,
      user,
      org,
      kind: 'processor',
      subject: `From ${effectiveOn} a new service works for ChatFlow: ${name}`,
      text: [
        `${name} is going to be a sub-processor of this ChatFlow installation. It ${does}.`,
        `Where: ${place}. What it gets: ${categories.join(', ')}. Nothing goes there before ${effectiveOn}.`,
        `The whole list, and how to object: ${on.config.APP_URL}/trust/processors`,
      ].join('\n\n'),
    })
  })
  if (mail !== undefined) await ringMail(on, mail)
  return mail !== undefined
}
