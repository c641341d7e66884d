import { audit, type AuditActor } from '../audit/audit.ts'
import { rows, type Tx } from '../db.ts'
import { ringMail } from '../ops/mail.ts'
import { notFound, Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { findDeletion, openDeletion, type ActorKind } from './deletion.ts'
import { mailRejected } from './letters.ts'
import { ownersOf } from './owners.ts'
import { freeze } from './request.ts'
import { noteState } from './states.ts'

/**
 * Take a deletion back while that is possible. An organization that is kept keeps the owners who were to go with it:
 * without them it would be nobody's.
 *
 * Throws Refusal 404 for none under way, 409 `too_late` from the moment its grace is over, whether or not anything was
 * removed yet.
 */
export async function cancelDeletion(
  on: Resources,
  { subject, by }: { subject: string; by: AuditActor },
): Promise<void> {
  const now = on.now()
  const owners = await ownersOf(on, subject)
  await on.db.withSystem(async (tx) => {
    const running = await openDeletion(tx, subject)
    if (!running) throw notFound('deletion')
    const end = { at: now, by: by.kind }
    const [cancelled] = await takeBack(on, tx, [subject], end)
    if (!cancelled)
      throw new Refusal(409, 'too_late', 'The time to cancel is over: the deletion has begun.')
    if (running.kind !== 'org') return
    await takeBack(
      on,
      tx,
      owners.map(({ id }) => id),
      end,
    )
    await freeze(tx, subject, 'active')
    const target = { kind: 'org', id: subject }
    await audit(tx, subject, { actor: by, action: 'deletion.cancelled', target })
  })
}

type End = { at: Date; by: ActorKind; reason?: 'withdrawn' | 'rejected' }

async function takeBack(
  on: Resources,
  tx: Tx,
  subjects: string[],
  { at, by, reason = 'withdrawn' }: End,
): Promise<{ id: string }[]> {
  const cancelled = await rows<{ id: string }>(
    tx,
    `update deletions set state = 'cancelled', reason = ?, handles = null, confirm_digest = null, confirm_until = null
      where subject_id = any(?) and state in ('requested', 'confirmed', 'grace')
        and coalesce(grace_until, 'infinity') > ? returning id`,
    [reason, subjects as never, at],
  )
  for (const { id } of cancelled) await noteState(on, tx, { id, state: 'cancelled', at, by })
  return cancelled
}

/**
 * Refuse a deletion that has not begun, with a reason that goes to whoever asked and is kept nowhere else.
 * Throws Refusal 404 for none that can be refused. Source: GDPR 12(4), which wants the reason and the remedy told.
 */
export async function rejectDeletion(
  on: Resources,
  { code, reason, by }: { code: string; reason: string; by: AuditActor },
): Promise<void> {
  const found = await findDeletion(on, code)
  if (!found || !['org', 'user'].includes(found.kind)) throw notFound('deletion')
  const people =
    found.kind === 'org' ? await ownersOf(on, found.subject_id) : await person(on, found.subject_id)
  const mails = await on.db.withSystem(async (tx) => {
    const end = { at: on.now(), by: by.kind, reason: 'rejected' as const }
    const ended = await takeBack(on, tx, [found.subject_id], end)
    if (ended.length === 0) throw notFound('deletion')
    if (found.kind === 'org') await freeze(tx, found.subject_id, 'active')
    return Promise.all(people.map((each) => mailRejected(on, tx, each, reason)))
  })
  for (const mail of mails) await ringMail(on, mail)
}

const person = (on: Resources, id: string): Promise<{ id: string; email: string }[]> =>
  on.db.withSystem((tx) =>
    rows<{ id: string; email: string }>(tx, 'select id, email from users where id = ?', [id]),
  )
