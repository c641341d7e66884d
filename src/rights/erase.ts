import { SYSTEM, type AuditActor } from '../audit/audit.ts'
import { rows } from '../db.ts'
import { checkOwners } from '../deletions/owners.ts'
import { requestDeletion } from '../deletions/request.ts'
import { Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { act, end, tellAudit, write, type At } from './desk.ts'
import { atDesk, COLUMNS, type PrivacyRequest } from './request.ts'

/**
 * Carry a request to be deleted out: the deletion begins, dated from when the request was received. Throws Refusal as
 * `act`, 409 `unverified`, 409 `nobody_known`, 409 `last_owner` for a person without whom an organization has no owner.
 * Source: privacy policy §6; promises P38 and P46.
 */
export async function carryOut(on: Resources, at: At): Promise<void> {
  const request = await act(on, at, async (tx, found) => {
    if (found.kind !== 'erase') throw new Refusal(409, 'not_asked', 'Deletion was not asked for.')
    if (found.verified_how === null)
      throw new Refusal(409, 'unverified', 'Make sure who asks first, and note how.')
    if (found.contact_id === null && found.user_id === null)
      throw new Refusal(409, 'nobody_known', 'It is not known whose data this is about.')
    const now = on.now()
    if (found.confirmed_at === null)
      await write(tx, found, { step: 'deleting', by: at.by, at: now }, { confirmed_at: now })
    await tellAudit(tx, found, { actor: at.by, action: 'rights.carried_out' })
    return found
  })
  if (request.user_id !== null) await checkOwners(on, request.user_id)
  await begin(on, request, at.by)
}

/** The deletion itself; asked twice it is one. */
async function begin(
  on: Resources,
  { org_id: org, contact_id: contact, user_id: user, received_at, verified_how }: PrivacyRequest,
  by: AuditActor,
): Promise<void> {
  const wish = { by, received: received_at }
  if (org !== null && contact !== null) {
    const road = verified_how === 'chat' ? 'self' : 'agent'
    await requestDeletion(on, { ...wish, kind: 'contact', org, subject: contact, road })
  } else if (user !== null)
    await requestDeletion(on, { ...wish, kind: 'user', subject: user, road: 'operator' })
}

/** What was confirmed and has not begun: the person answered with the code, or a process ended in between. */
export async function beginConfirmed(on: Resources): Promise<void> {
  const waiting = await on.db.withSystem((tx) =>
    rows<PrivacyRequest>(
      tx,
      `select org_id, ${COLUMNS} from privacy_requests
        where closed_at is null and confirmed_at is not null and deletion_id is null and kind = 'erase'
          and (contact_id is not null or user_id is not null) order by confirmed_at limit 100`,
    ),
  )
  for (const request of waiting) {
    const by: AuditActor = request.verified_how === 'chat' ? { kind: 'subject' } : SYSTEM
    await begin(on, request, by).catch((error: unknown) => {
      if (!(error instanceof Refusal)) throw error
      on.log.warn({ request: request.id, code: error.code }, 'a confirmed deletion does not begin')
    })
  }
}

type Ended = Pick<PrivacyRequest, 'id' | 'org_id'> & { state: 'purged' | 'cancelled' }

/**
 * Requests whose deletion is done, or was taken back, are closed. One that nobody confirmed in time stays open: whoever
 * answers decides, so that the receipt does not tell a stranger which addresses have an account.
 */
export async function closeDeleted(on: Resources): Promise<void> {
  const ended = await on.db.withSystem((tx) =>
    rows<Ended>(
      tx,
      `select r.id, r.org_id, d.state from privacy_requests r join deletions d on d.id = r.deletion_id
        where r.closed_at is null and (d.state = 'purged' or (d.state = 'cancelled' and d.reason = 'withdrawn'))
        order by r.due_at limit 100`,
    ),
  )
  for (const { id, org_id: org, state } of ended)
    await atDesk(on, org, async (tx) => {
      const [request] = await rows<PrivacyRequest>(
        tx,
        `select org_id, ${COLUMNS} from privacy_requests
          where org_id is not distinct from :org::uuid and id = :id and closed_at is null for update`,
        { org, id },
      )
      if (!request) return
      const [by, at] = [SYSTEM, on.now()]
      const isDone = state === 'purged'
      const outcome = isDone ? ('erased' as const) : ('taken_back' as const)
      const note = { step: isDone ? ('closed' as const) : ('withdrawn' as const), by, at }
      await end(tx, request, note, { state: isDone ? 'done' : 'withdrawn', outcome })
      await tellAudit(tx, request, { actor: by, action: 'rights.closed', detail: { outcome } })
    })
}
