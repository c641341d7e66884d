import { audit, type AuditActor } from '../audit/audit.ts'
import { rows, type Tx } from '../db.ts'
import { appendFeed } from '../feed/feed.ts'
import { releaseWithheld } from '../messages/release.ts'
import { untilAlone } from '../messages/set.ts'
import { Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { noteConsent } from './consents.ts'
import { changesOf, lockRestriction, personOf, PURPOSES } from './restrictions.ts'

/**
 * End a restriction or an objection. Of a restricted contact everything is shown again, with what they wrote meanwhile.
 * Throws Refusal 404 when nothing of this id is in force, 409 `tell_first` while no notice to the person is recorded.
 */
export async function liftRestriction(
  on: Resources,
  org: string,
  wish: { restriction: string; by: AuditActor },
): Promise<void> {
  await untilAlone(() => on.db.withTenant(org, (tx) => lift(on, tx, org, wish)))
  on.events.publish({ kind: 'feed', org })
}

async function lift(
  on: Resources,
  tx: Tx,
  org: string,
  { restriction, by }: { restriction: string; by: AuditActor },
): Promise<void> {
  const { contact_id: contact, kind, road, told_at } = await lockRestriction(tx, org, restriction)
  if (kind === 'restricted' && told_at === null)
    throw new Refusal(
      409,
      'tell_first',
      'Tell the person first, and write down how: then the restriction can be lifted.',
    )
  await refuseBeingErased(tx, org, contact)
  const [now, actor] = [on.now(), personOf(by)]
  await rows(
    tx,
    'update restrictions set lifted_at = ?, lifted_by = ? where org_id = ? and id = ?',
    [now, actor, org, restriction],
  )
  const purpose = PURPOSES[kind]
  if (purpose)
    await noteConsent(tx, org, { contact, purpose, state: 'given', road, actor, at: now })
  const released = kind === 'restricted' ? await releaseWithheld(on, tx, org, contact) : []
  const target = { kind: 'contact', id: contact }
  await audit(tx, org, {
    actor: by,
    action: 'contact.restriction_lifted',
    target,
    detail: { kind },
  })
  await appendFeed(tx, org, [...released, ...(await changesOf(tx, org, contact))])
}

/** Of a contact that is being erased only what the law requires is left, and nobody looks at that. */
async function refuseBeingErased(tx: Tx, org: string, contact: string): Promise<void> {
  const [running] = await rows(
    tx,
    `select 1 from deletions where org_id = ? and subject_id = ? and state = 'purging'`,
    [org, contact],
  )
  if (running)
    throw new Refusal(
      409,
      'being_erased',
      'This contact is being erased: what is left is only kept because the law requires it.',
    )
}
