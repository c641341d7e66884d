import type { Tx } from '../db.ts'
import { Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { dueOf } from './clock.ts'
import {
  act,
  end,
  isAccountDeletion,
  isOverdue,
  runsOn,
  tellAudit,
  write,
  type At,
  type Change,
} from './desk.ts'
import { decisionText } from './letters.ts'
import type { PrivacyRequest } from './request.ts'
import { keepText } from './texts.ts'
import { REFUSALS, SAYS, type Outcome, type RefusalReason } from './vocabulary.ts'
import { letGo, say, toldBy, wayTo, type Sent, type Way } from './ways.ts'

/** What the person is told; `isTold` when somebody has told them already, by letter or on the telephone. */
export type Words = { words: string; isTold?: boolean }
const SHORTEST = 10
const LONGEST = 2_000

/**
 * Two months more, with the reason told. Throws Refusal as `act`, 409 `runs_on` for the deletion of an account, 409
 * `extended` twice, 409 `too_late` once the first month is over, 422 without a reason or with nobody told.
 * Source: GDPR 12(3).
 */
export function extend(on: Resources, at: At, given: Words): Promise<void> {
  return decide(on, at, { ...given, what: 'extension' }, async (tx, request, now) => {
    if (isAccountDeletion(request)) throw runsOn('extend')
    if (request.extended_at !== null)
      throw new Refusal(409, 'extended', 'This request was extended before; once is all there is.')
    if (isOverdue(request, now))
      throw new Refusal(409, 'too_late', 'The first month is over: it is too late to extend it.')
    const change = { extended_at: now, due_at: dueOf({ ...request, extended_at: now }) }
    await write(tx, request, { step: 'extended', by: at.by, at: now }, change)
    await tellAudit(tx, request, { actor: at.by, action: 'rights.extended' })
    return change
  })
}

/**
 * Say no, with the reason and the remedies told. Throws Refusal as `act`, 422 without a reason or with nobody told.
 * Source: GDPR 12(4).
 */
export function refuse(
  on: Resources,
  at: At,
  { reason, ...given }: Words & { reason: RefusalReason },
): Promise<void> {
  const words = `${REFUSALS[reason]}\n\n${given.words}`
  return decide(on, at, { ...given, words, what: 'refusal' }, async (tx, request, now) => {
    if (given.words.trim().length < SHORTEST) throw needsWords()
    const note = { step: 'refused' as const, by: at.by, at: now }
    await end(tx, request, note, { state: 'refused', outcome: 'refused', refusal: reason })
    await tellAudit(tx, request, { actor: at.by, action: 'rights.refused', detail: { reason } })
    return {}
  })
}

/** It is done, and the person is told how. Throws Refusal as `act`, 409 `unverified`, 422 with nobody told. */
export function answer(
  on: Resources,
  at: At,
  { outcome, ...given }: Words & { outcome: Outcome },
): Promise<void> {
  return decide(on, at, { ...given, what: 'answer' }, async (tx, request, now) => {
    if (request.verified_how === null && request.kind !== 'question' && outcome !== 'nothing_found')
      throw new Refusal(409, 'unverified', 'Make sure who asks first, and note how.')
    const note = { step: 'closed' as const, by: at.by, at: now }
    await end(tx, request, note, { state: 'done', outcome })
    await tellAudit(tx, request, { actor: at.by, action: 'rights.closed', detail: { outcome } })
    return {}
  })
}

type What = 'extension' | 'refusal' | 'answer'

/** The change, the words and their way out, all of it or nothing. */
async function decide(
  on: Resources,
  at: At,
  { what, words, isTold = false }: Words & { what: What },
  run: (tx: Tx, request: PrivacyRequest, now: Date) => Promise<Change>,
): Promise<void> {
  if (words.trim().length < SHORTEST || words.length > LONGEST) throw needsWords()
  const sent = await act(on, at, async (tx, request): Promise<Sent> => {
    const now = on.now()
    const way = isTold ? undefined : await wayTo(on, tx, request)
    if (!way && !isTold) throw nobodyTold()
    await keepText(on, tx, request, { kind: what, body: words, told: toldBy(way), at: now })
    const changed = { ...request, ...(await run(tx, request, now)) } as PrivacyRequest
    return tell(on, tx, { request: changed, way, what, words, person: at.by.id ?? undefined })
  })
  await letGo(on, at.org, sent)
}

type Telling = {
  request: PrivacyRequest
  way: Way | undefined
  what: What
  words: string
  person: string | undefined
}

function tell(
  on: Resources,
  tx: Tx,
  { request, way, what, words, person }: Telling,
): Promise<Sent> {
  const subject = `${SAYS[request.kind]}: your request ${request.number}`
  const text = decisionText(on, request, { what, words })
  const cause = person === undefined ? undefined : { kind: 'agent' as const, person }
  return say(on, tx, { request, way }, { subject, text, cause })
}

const needsWords = (): Refusal => {
  const detail = `Write what the person is told, in ${SHORTEST} to ${LONGEST} characters.`
  return new Refusal(422, 'invalid', detail, { words: detail })
}

const nobodyTold = (): Refusal => {
  const detail =
    'There is no address and no open chat, so nothing can be sent. Tell the person yourself, and tick that you did.'
  return new Refusal(422, 'nobody_told', detail, { told: detail })
}
