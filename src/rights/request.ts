import { audit, type AuditActor } from '../audit/audit.ts'
import { rows, type Tx } from '../db.ts'
import { digest, newId } from '../ids.ts'
import { through } from '../privacy/export-plan.ts'
import { Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { dueOf, type Timed } from './clock.ts'
import { newNumber, receiptCode } from './numbers.ts'
import { keepText, type TextKind } from './texts.ts'
import type { Kind, Outcome, Proof, RefusalReason, Road, State, Step } from './vocabulary.ts'

export type StepNote = { at: string; step: Step; by: AuditActor['kind'] }

/** One request about somebody's data; `org_id` is null where the installation answers and no organization. */
export type PrivacyRequest = Timed & {
  id: string
  org_id: string | null
  number: string
  state: State
  road: Road
  contact_id: string | null
  user_id: string | null
  code_digest: Buffer
  language: string | null
  recorded_at: Date
  due_at: Date
  verified_how: Proof | null
  verified_by: string | null
  verified_at: Date | null
  not_by: string | null
  challenge_until: Date | null
  confirmed_at: Date | null
  deletion_id: string | null
  refusal: RefusalReason | null
  outcome: Outcome | null
  closed_at: Date | null
  steps: StepNote[]
}

/** All but `org_id`, which each statement names itself. */
export const COLUMNS = `id, number, kind, state, road, contact_id, user_id, code_digest, language, received_at,
  recorded_at, due_at, paused_at, paused_ms, extended_at, verified_how, verified_by, verified_at, not_by, challenge_until, confirmed_at,
  deletion_id, refusal, outcome, closed_at, steps`

export type Wish = {
  /** The organization that answers; null for the installation. */
  org: string | null
  kind: Kind
  road: Road
  by: AuditActor
  /** When it reached us by whatever road; now unless told. The clock runs from here. */
  received?: Date
  contact?: string | undefined
  user?: string | undefined
  texts?: Partial<Record<TextKind, string>>
  verified?: Proof
  /** What makes the same wish the same request while that is open. */
  once?: Buffer
  language?: string
  /** A keyword: the approved answer is due. */
  isKeyword?: boolean
  /** The member whom it is about: somebody else has to answer. */
  notBy?: string | undefined
}
export type Opened = { id: string; number: string; code: string; due: Date; isNew: boolean }

/** The door that a request is reached through: its organization's, or the system's. */
export const atDesk = <T>(
  on: Resources,
  org: string | null,
  run: (tx: Tx) => Promise<T>,
): Promise<T> => through(on.db, org ?? undefined, run)

/**
 * Open a request, and its clock with it; asked the same again while one is open, that one is answered.
 * Throws Refusal 422 for a time of receipt that is still to come.
 * Source: privacy policy §7 and §8; promises P3 and P46.
 */
export const openRequest = (on: Resources, wish: Wish): Promise<Opened> =>
  atDesk(on, wish.org, (tx) => openIn(on, tx, wish))

/** As `openRequest`, in a transaction of the caller's behind the right door; its last statement but the feed's. */
export async function openIn(on: Resources, tx: Tx, wish: Wish): Promise<Opened> {
  const { org, kind, road, by } = wish
  const now = on.now()
  const received = wish.received ?? now
  if (received > now) throw inFuture()
  const id = newId()
  const due = dueOf({
    kind,
    received_at: received,
    paused_at: null,
    paused_ms: 0,
    extended_at: null,
  })
  const [made] = await rows<{ number: string }>(
    tx,
    INSERT,
    valuesOf(on, wish, { id, received, due }),
  )
  // Closed at the very moment it was asked again: then this is a new one.
  if (!made) return (await known(on, tx, wish)) ?? openIn(on, tx, wish)
  await keepAll(on, tx, wish, id)
  const target = { kind: 'privacy_request', id }
  if (org !== null)
    await audit(tx, org, { actor: by, action: 'rights.opened', target, detail: { kind, road } })
  return { id, number: made.number, code: receiptCode(on, id), due, isNew: true }
}

async function keepAll(on: Resources, tx: Tx, wish: Wish, id: string): Promise<void> {
  const { org, contact = null, user = null, texts = {} } = wish
  const owner = { id, org_id: org, contact_id: contact, user_id: user }
  for (const [kind, body] of Object.entries(texts))
    if (body)
      await keepText(on, tx, owner, { kind: kind as TextKind, body, told: null, at: on.now() })
}

const INSERT = `
  insert into privacy_requests (id, org_id, number, kind, road, contact_id, user_id, code_digest, once_digest, language,
    received_at, recorded_at, due_at, verified_how, verified_at, not_by, answer, steps)
  values (:id, :org, :number, :kind, :road, :contact, :user, :code, :once, :language, :received, :now, :due, :how,
    :verified, :notBy, :answer, :steps)
  on conflict (org_id, once_digest) where closed_at is null and once_digest is not null do nothing returning number`

function valuesOf(
  on: Resources,
  wish: Wish,
  { id, received, due }: { id: string; received: Date; due: Date },
) {
  const { org, kind, road, by, verified } = wish
  const now = on.now()
  const steps = [stepNote('opened', by, now), ...(verified ? [stepNote('verified', by, now)] : [])]
  return {
    id,
    org,
    kind,
    road,
    received,
    due,
    now,
    number: newNumber(),
    contact: wish.contact ?? null,
    user: wish.user ?? null,
    code: digest(receiptCode(on, id)),
    once: wish.once ?? null,
    language: wish.language ?? null,
    how: verified ?? null,
    verified: verified ? now : null,
    notBy: wish.notBy ?? null,
    answer: wish.isKeyword ? 'due' : null,
    steps: JSON.stringify(steps),
  }
}

export const stepNote = (step: Step, by: AuditActor, at: Date): StepNote => ({
  at: at.toISOString(),
  step,
  by: by.kind,
})

async function known(on: Resources, tx: Tx, { org, once }: Wish): Promise<Opened | undefined> {
  const [found] = await rows<PrivacyRequest>(
    tx,
    `select org_id, ${COLUMNS} from privacy_requests
      where org_id is not distinct from :org::uuid and once_digest = :once and closed_at is null`,
    { org, once: once ?? null },
  )
  if (!found) return undefined
  const { id, number, due_at: due } = found
  return { id, number, due, code: receiptCode(on, id, found.code_digest), isNew: false }
}

const inFuture = (): Refusal => {
  const detail = 'This time is still to come. Enter when it really reached you.'
  return new Refusal(422, 'invalid', detail, { received_at: detail })
}

/** A request of one desk; another's, and one that never was, are both undefined. */
export async function findRequest(
  tx: Tx,
  org: string | null,
  id: string,
): Promise<PrivacyRequest | undefined> {
  const [found] = await rows<PrivacyRequest>(
    tx,
    `select org_id, ${COLUMNS} from privacy_requests where org_id is not distinct from :org::uuid and id = :id`,
    { org, id },
  )
  return found
}

/** The request behind the code of its receipt, whoever answers it. */
export async function findByCode(on: Resources, code: string): Promise<PrivacyRequest | undefined> {
  const [found] = await on.db.withSystem((tx) =>
    rows<PrivacyRequest>(
      tx,
      `select org_id, ${COLUMNS} from privacy_requests where code_digest = ?`,
      [digest(code)],
    ),
  )
  return found
}
