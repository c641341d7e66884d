import { auditEach, SYSTEM } from '../audit/audit.ts'
import { rows } from '../db.ts'
import { ownersOf } from '../deletions/owners.ts'
import { queueMail, ringMail } from '../ops/mail.ts'
import type { Resources } from '../resources.ts'

type Untold = { id: string; org: string; legal_basis: string; disclosed_at: Date | null }

/**
 * Tell the owners of each decided disclosure that nobody forbids to tell of, or no longer: before it leaves, or as soon as
 * the order to be silent ends. Once each. Where the organization is gone there is nobody to tell. Answers how many.
 * Source: privacy policy §5, "if required by law"; promise P36.
 */
export async function tellOrganizations(on: Resources, now: Date): Promise<number> {
  const untold = await on.db.withSystem((tx) =>
    rows<Untold>(
      tx,
      `select d.id, d.about_org as org, d.legal_basis, d.disclosed_at from disclosures d
         join organizations o on o.org_id = d.about_org and o.status <> 'purging'
        where d.decision in ('disclosed', 'partly', 'preserved', 'refused') and d.org_told_at is null
          and (d.gag_until is null or d.gag_until <= ?) order by d.decided_at, d.id`,
      [now],
    ),
  )
  for (const one of untold) await tell(on, one, now)
  return untold.length
}

/** Compare and set: of two that look at once, one tells. */
async function tell(on: Resources, { id, org, legal_basis, disclosed_at }: Untold, now: Date) {
  const owners = await ownersOf(on, org)
  const text = [
    'An authority asked for data of your organization, and the law lets us tell you.',
    `What it stands on: ${legal_basis}`,
    disclosed_at
      ? `Data were handed over on ${disclosed_at.toISOString().slice(0, 10)}; we were forbidden to say so before.`
      : 'What was asked for and what we decided is told to you on request; you may object to the authority or go to court.',
    `Ask us: ${on.config.APP_URL}/support`,
  ]
  const mails = await on.db.withSystem(async (tx) => {
    const told = await rows(
      tx,
      'update disclosures set org_told_at = ? where id = ? and org_told_at is null returning id',
      [now, id],
    )
    if (told.length === 0) return []
    const kept = []
    for (const owner of owners)
      kept.push(
        await queueMail(tx, on, {
          to: owner.email,
          user: owner.id,
          org,
          kind: 'disclosure',
          subject: 'An authority asked for data of your organization',
          text: `${text.join('\n\n')}\n`,
        }),
      )
    await auditEach(tx, [org], () => ({
      actor: SYSTEM,
      action: 'disclosure.told',
      target: { kind: 'disclosure', id },
    }))
    return kept
  })
  for (const mail of mails) await ringMail(on, mail)
}
