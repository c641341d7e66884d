import { audit, byPerson, type Source } from '../audit/audit.ts'
import { rows } from '../db.ts'
import { queueMail, ringMail } from '../ops/mail.ts'
import { notFound } from '../refusal.ts'
import { REGISTER } from '../register.ts'
import type { Resources } from '../resources.ts'

export type Objection = { processor: string; at: Date }
type Person = { org: string; user: string; source?: Source }

/** The processors an organization objects to, the earliest first. */
export const listObjections = (on: Resources, org: string): Promise<Objection[]> =>
  on.db.withTenant(org, (tx) =>
    rows<Objection>(
      tx,
      'select processor, at from processor_objections where org_id = ? order by at, processor',
      [org],
    ),
  )

/** Every objection there is, with its organization. For operators, who have to answer it. */
export const listAllObjections = (on: Resources): Promise<(Objection & { org: string })[]> =>
  on.db.withSystem((tx) =>
    rows<Objection & { org: string }>(
      tx,
      'select org_id as org, processor, at from processor_objections order by at, processor',
    ),
  )

/**
 * An organization objects to a sub-processor: kept, written into its audit log, and told to whoever answers for privacy
 * here. A second time changes nothing. Throws Refusal 404. Source: GDPR 28(2); promise P35.
 */
export async function objectTo(on: Resources, who: Person, processor: string): Promise<void> {
  const entry = entryOf(processor)
  const isNew = await on.db.withTenant(who.org, async (tx) => {
    const kept = await rows(
      tx,
      `insert into processor_objections (org_id, processor, objected_by, at) values (?, ?, ?, ?)
       on conflict do nothing returning org_id`,
      [who.org, processor, who.user, on.now()],
    )
    if (kept.length === 0) return false
    const detail = { processor }
    await audit(tx, who.org, { actor: byPerson(who), action: 'processor.objected', detail })
    return true
  })
  if (!isNew) return
  const mail = await on.db.withSystem((tx) =>
    queueMail(tx, on, {
      to: on.config.PRIVACY_CONTACT,
      org: who.org,
      kind: 'processor',
      subject: `An organization objects to ${entry.name}`,
      text: `Organization ${who.org} objects to the sub-processor ${entry.name}.\n\nAnswer it, and see all of them: ${on.config.APP_URL}/ops/destinations\n`,
    }),
  )
  await ringMail(on, mail)
}

/** Takes an objection back. Throws Refusal 404 for a processor that is not on the list. */
export async function withdrawObjection(
  on: Resources,
  who: Person,
  processor: string,
): Promise<void> {
  entryOf(processor)
  await on.db.withTenant(who.org, async (tx) => {
    const gone = await rows(
      tx,
      'delete from processor_objections where org_id = ? and processor = ? returning processor',
      [who.org, processor],
    )
    const detail = { processor }
    if (gone.length > 0)
      await audit(tx, who.org, { actor: byPerson(who), action: 'processor.accepted', detail })
  })
}

function entryOf(processor: string): { name: string } {
  const entry = REGISTER.find(({ id }) => id === processor)
  if (!entry) throw notFound('sub-processor')
  return entry
}
