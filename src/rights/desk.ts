import { audit, type AuditActor, type Entry } from '../audit/audit.ts'
import type { Action } from '../audit/actions.ts'
import { rows, type Tx } from '../db.ts'
import { notFound, Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { dueAt, dueOf } from './clock.ts'
import { atDesk, COLUMNS, stepNote, type PrivacyRequest } from './request.ts'
import { closeTexts } from './texts.ts'
import type { Outcome, Proof, State, Step } from './vocabulary.ts'

/** Which request, at whose desk, and who acts. */
export type At = { org: string | null; id: string; by: AuditActor }
export type Change = Partial<Record<string, unknown>>

/**
 * One act on an open request: its row is locked, so that of two people who act at once the second sees what the first
 * did; the step is noted, and an organization's audit log tells it.
 *
 * Throws Refusal 404 for none at this desk, 409 `closed`, 409 `about_you` for the member whom the request is about.
 */
export async function act<T>(
  on: Resources,
  at: At,
  run: (tx: Tx, request: PrivacyRequest) => Promise<T>,
): Promise<T> {
  return atDesk(on, at.org, async (tx) => run(tx, await lockOpen(tx, at)))
}

async function lockOpen(tx: Tx, { org, id, by }: At): Promise<PrivacyRequest> {
  const [found] = await rows<PrivacyRequest>(
    tx,
    `select org_id, ${COLUMNS} from privacy_requests
      where org_id is not distinct from :org::uuid and id = :id for update`,
    { org, id },
  )
  if (!found) throw notFound('request')
  if (found.closed_at !== null)
    throw new Refusal(409, 'closed', 'This request is closed. What was decided stays as it is.')
  if (found.not_by !== null && found.not_by === by.id)
    throw new Refusal(409, 'about_you', 'This request is about you, so somebody else answers it.')
  return found
}

/** Writes what an act changes, with its step; nothing else writes a request. */
export async function write(
  tx: Tx,
  request: PrivacyRequest,
  { step, by, at }: { step: Step; by: AuditActor; at: Date },
  change: Change = {},
): Promise<void> {
  const names = Object.keys(change)
  const sets = names.map((name) => `${name} = :${name}, `).join('')
  await rows(
    tx,
    `update privacy_requests set ${sets}steps = steps || cast(:note as jsonb)
      where org_id is not distinct from :orgId::uuid and id = :requestId`,
    {
      ...(change as Record<string, string>),
      note: JSON.stringify([stepNote(step, by, at)]),
      orgId: request.org_id,
      requestId: request.id,
    },
  )
}

/** The entry of the organization's audit log; where the installation answers, the steps are the log. */
export async function tellAudit<A extends Action>(
  tx: Tx,
  { org_id, id }: PrivacyRequest,
  entry: Omit<Entry<A>, 'target'>,
): Promise<void> {
  const target = { kind: 'privacy_request', id }
  if (org_id !== null) await audit(tx, org_id, { ...entry, target } as Entry<A>)
}

/** Who asks is made sure of. Throws Refusal as `act`. */
export const verify = (on: Resources, at: At, how: Proof): Promise<void> =>
  act(on, at, async (tx, request) => {
    const now = on.now()
    const change = { verified_how: how, verified_by: at.by.id ?? null, verified_at: now }
    await write(tx, request, { step: 'verified', by: at.by, at: now }, change)
    await tellAudit(tx, request, { actor: at.by, action: 'rights.verified', detail: { how } })
  })

/**
 * The clock stops while we wait for what makes sure who asks. The deletion of an account does not wait: the policy gave
 * thirty days. Throws Refusal as `act`, 409 `runs_on` then and `paused` twice. Source: GDPR 12(6); EDPB 01/2022.
 */
export const pause = (on: Resources, at: At): Promise<void> =>
  act(on, at, async (tx, request) => {
    if (isAccountDeletion(request)) throw runsOn('stop')
    if (request.state === 'waiting')
      throw new Refusal(409, 'paused', 'The clock of this request stands already.')
    const now = on.now()
    const change = { state: 'waiting', paused_at: now }
    await write(tx, request, { step: 'paused', by: at.by, at: now }, change)
    await tellAudit(tx, request, { actor: at.by, action: 'rights.paused' })
  })

/** It goes on, and is due later by exactly as long as it stood. Throws Refusal as `act`, 409 `not_paused`. */
export const resume = (on: Resources, at: At): Promise<void> =>
  act(on, at, async (tx, request) => {
    if (request.state !== 'waiting')
      throw new Refusal(409, 'not_paused', 'The clock of this request runs.')
    await goOn(tx, request, { by: at.by, at: on.now() })
    await tellAudit(tx, request, { actor: at.by, action: 'rights.resumed' })
  })

async function goOn(
  tx: Tx,
  request: PrivacyRequest,
  { by, at }: { by: AuditActor; at: Date },
): Promise<void> {
  const stood = at.getTime() - (request.paused_at ?? at).getTime()
  const paused_ms = request.paused_ms + Math.max(0, stood)
  const due_at = dueOf({ ...request, paused_ms, paused_at: null })
  const change = { state: 'open', paused_at: null, paused_ms, due_at }
  await write(tx, request, { step: 'resumed', by, at }, change)
}

export const isAccountDeletion = ({ org_id, kind }: PrivacyRequest): boolean =>
  org_id === null && kind === 'erase'

export const runsOn = (what: 'stop' | 'extend'): Refusal =>
  new Refusal(
    409,
    'runs_on',
    what === 'stop'
      ? 'The deletion of an account is done within 30 days, so its clock does not stop.'
      : 'The deletion of an account is done within 30 days and is never extended.',
  )

/** Whether the first month is over at `now`; a request that stands is looked at as if it went on. */
export const isOverdue = (request: PrivacyRequest, now: Date): boolean => dueAt(request, now) <= now

/** Ends a request in the caller's transaction: nobody can act on it any more, and its words have their last day. */
export async function end(
  tx: Tx,
  request: PrivacyRequest,
  note: { step: Step; by: AuditActor; at: Date },
  { state, outcome, ...more }: { state: State; outcome: Outcome } & Change,
): Promise<void> {
  const change = {
    ...more,
    state,
    outcome,
    closed_at: note.at,
    paused_at: null,
    challenge_digest: null,
    challenge_until: null,
    answer: null,
  }
  await write(tx, request, note, change)
  await closeTexts(tx, request.org_id, request.id, note.at)
}

/** The person does not want it any more. Throws Refusal as `act`. */
export const withdraw = (on: Resources, at: At): Promise<void> =>
  act(on, at, async (tx, request) => {
    const note = { step: 'withdrawn' as const, by: at.by, at: on.now() }
    await end(tx, request, note, { state: 'withdrawn', outcome: 'taken_back' })
    const detail = { outcome: 'taken_back' as const }
    await tellAudit(tx, request, { actor: at.by, action: 'rights.closed', detail })
  })
