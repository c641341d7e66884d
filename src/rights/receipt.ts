import { rows } from '../db.ts'
import type { Resources } from '../resources.ts'
import { dueAt, progressOf } from './clock.ts'
import { findByCode, type PrivacyRequest } from './request.ts'
import { STEPS, type Kind, type Outcome, type State } from './vocabulary.ts'

/** What whoever holds the code of a receipt may know. Nobody is named, and it is the same for every address. */
export type Receipt = {
  number: string
  kind: Kind
  state: State
  outcome: Outcome | null
  /** The name of the organization that answers; null for the installation. */
  answers: string | null
  received_at: Date
  due_at: Date
  closed_at: Date | null
  is_extended: boolean
  used: number
  left: string
  steps: { at: Date; says: string }[]
}

/** The receipt behind a code, with the time that is left at this moment; undefined for a code nobody was given. */
export async function readReceipt(on: Resources, code: string): Promise<Receipt | undefined> {
  const request = await findByCode(on, code)
  return request && receiptOf(request, { now: on.now(), answers: await nameOf(on, request) })
}

async function nameOf(on: Resources, { org_id: org }: PrivacyRequest): Promise<string | null> {
  if (org === null) return null
  const [found] = await on.db.withSystem((tx) =>
    rows<{ name: string }>(tx, 'select name from organizations where org_id = ?', [org]),
  )
  return found?.name ?? null
}

function receiptOf(
  request: PrivacyRequest,
  { now, answers }: { now: Date; answers: string | null },
): Receipt {
  const { number, kind, state, outcome, received_at, closed_at, extended_at } = request
  return {
    number,
    kind,
    state,
    outcome,
    answers,
    received_at,
    closed_at,
    due_at: dueAt(request, now),
    is_extended: extended_at !== null,
    ...progressOf(request, now),
    steps: request.steps.map(({ at, step }) => ({ at: new Date(at), says: STEPS[step] })),
  }
}
