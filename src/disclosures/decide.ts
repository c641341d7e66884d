import { rows, type Tx } from '../db.ts'
import type { Signed } from '../deletions/certificate.ts'
import { writeLedgerFile } from '../deletions/ledger-file.ts'
import { Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import {
  decisionsOn,
  readDisclosure,
  requireTwo,
  type Decision,
  type Disclosure,
} from './disclosures.ts'
import { isThere, placeHold } from './holds.ts'

/** What was decided; of what is to be kept also until when, and by whom. */
export type Decided = {
  decision: Decision
  reasons: string
  challenged: string | null
  hold?: { until: Date; by: string }
}

/**
 * Decide once, with reasons. That anything leaves or is kept takes two people; to refuse or to find nothing takes none. What
 * is to be kept is kept from the same moment.
 * Throws Refusal 403 `two_people`, 409 `decided`, `nothing_held` or `asked_else`, 422 for a hold without a good end.
 */
export async function decide(on: Resources, id: string, decided: Decided): Promise<void> {
  const disclosure = await readDisclosure(on, id)
  const { decision } = decided
  if (!decisionsOn(disclosure.asks).includes(decision))
    throw new Refusal(409, 'asked_else', 'This is not what the authority asks for.')
  if (!['refused', 'nothing_held'].includes(decision)) {
    requireTwo(disclosure)
    await requireHeld(on, disclosure)
  }
  await on.db.withSystem(async (tx) => {
    const done = await rows(
      tx,
      `update disclosures set decision = ?, reasons = ?, challenged = ?, decided_at = ? where id = ? and decision is null returning id`,
      [decision, decided.reasons, decided.challenged, on.now(), id],
    )
    if (done.length === 0) throw new Refusal(409, 'decided', 'This is decided already.')
    if (decision === 'preserved') await preserve(on, tx, disclosure, decided.hold)
  })
  if (decision === 'preserved') await writeLedgerFile(on)
}

function preserve(on: Resources, tx: Tx, about: Disclosure, hold: Decided['hold']): Promise<void> {
  const { id, about_org: org, scope, gag_until: gag } = about
  const detail = 'Enter the day until which it is to be kept.'
  if (!hold) throw new Refusal(422, 'invalid', detail, { hold_until: detail })
  return placeHold(on, tx, { disclosure: id, org, scope, gag, ends: hold.until, by: hold.by })
}

/** Throws Refusal 409 `nothing_held` when the organization or the contact is gone. */
async function requireHeld(on: Resources, { about_org, scope }: Disclosure): Promise<void> {
  if (await isThere(on, about_org, scope.contact)) return
  throw new Refusal(
    409,
    'nothing_held',
    'Nothing is held: the organization or the contact is not here. Decide that, and hand over the certificate if there is one.',
  )
}

/** The signed statement that the organization, or the contact, was deleted: the answer where nothing is held. */
export async function certificateFor(
  on: Resources,
  { about_org, scope }: Disclosure,
): Promise<Signed | undefined> {
  const [found] = await on.db.withSystem((tx) =>
    rows<{ certificate: { certificate: Signed['certificate']; key: string }; signature: string }>(
      tx,
      `select certificate, signature from deletions
        where state = 'purged' and certificate is not null and subject_id = any(?)
        order by kind = 'org' desc, purged_at desc limit 1`,
      [[about_org, scope.contact] as never],
    ),
  )
  return found && { ...found.certificate, signature: found.signature }
}
