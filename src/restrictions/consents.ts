import { rows, type Tx } from '../db.ts'
import { newId } from '../ids.ts'

export type Purpose = 'marketing' | 'personalisation' | 'usage' | 'automation' | 'optional_mail'
/** How the wish reached us. */
export type ConsentRoad = 'settings' | 'link' | 'agent' | 'chat' | 'form' | 'api' | 'operator'

/** A yes or a no: of a contact, of a member, or of the organization for all its members when neither is named. */
export type Consent = {
  contact?: string
  user?: string
  purpose: Purpose
  state: 'given' | 'withdrawn'
  road: ConsentRoad
  /** Who wrote it down, where that is somebody with an account. */
  actor: string | null
  at: Date
}

/** Add one line to the log of consents, which nobody rewrites: the newest of a purpose counts. */
export async function noteConsent(tx: Tx, org: string, consent: Consent): Promise<void> {
  const { contact = null, user = null, purpose, state, road, actor, at } = consent
  await rows(
    tx,
    `insert into consents (org_id, id, contact_id, user_id, purpose, state, road, actor_id, at)
     values (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    [org, newId(), contact, user, purpose, state, road, actor, at],
  )
}
