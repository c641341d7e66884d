import type { AuditActor } from '../audit/audit.ts'
import { rows, type Tx } from '../db.ts'
import { Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { act, tellAudit, write, type At, type Change } from './desk.ts'
import { isShortCode, newShortCode, shortCodeDigest } from './numbers.ts'
import { COLUMNS, type PrivacyRequest } from './request.ts'
import { letGo, openWindow, sayInChat, type Sent } from './ways.ts'

/** A code works for so long and for so many tries, whoever reads it. Source: promise P46. */
export const CODE_MS = 10 * 60_000
const TRIES = 3

export type Challenged = PrivacyRequest & { challenge_digest: Buffer; challenge_tries: number }
const OVER = { challenge_digest: null, challenge_until: null }

/** What a request is given with a new code; only a keyed digest of it is kept. */
export const challengeOf = (on: Resources, id: string, code: string): Change => ({
  challenge_digest: shortCodeDigest(on, id, code),
  challenge_until: new Date(on.now().getTime() + CODE_MS),
  challenge_tries: 0,
})

/** The open request of a contact that waits for a code; its row is locked. */
export async function challengedOf(
  tx: Tx,
  org: string,
  contact: string,
): Promise<Challenged | undefined> {
  const [found] = await rows<Challenged>(
    tx,
    `select org_id, ${COLUMNS}, challenge_digest, challenge_tries from privacy_requests
      where org_id = ? and contact_id = ? and closed_at is null and challenge_digest is not null
      order by received_at desc limit 1 for update`,
    [org, contact],
  )
  return found
}

type Try = { code: string; at: Date; by: AuditActor }
export type Verdict = 'right' | 'wrong' | 'over'

/**
 * Whether a code is the one that was sent, in time. Right, it confirms what was asked in the chat, and makes sure who
 * asks where the request came by another road; wrong for the third time or too late, it is of no use any more.
 */
export async function judge(
  on: Resources,
  tx: Tx,
  request: Challenged,
  { code, at, by }: Try,
): Promise<Verdict> {
  const note = { by, at: on.now() }
  if (at > (request.challenge_until ?? at)) {
    await write(tx, request, { ...note, step: 'code_over' }, OVER)
    return 'over'
  }
  if (!isShortCode(on, request.id, code, request.challenge_digest)) {
    const challenge_tries = request.challenge_tries + 1
    const change = { challenge_tries, ...(challenge_tries >= TRIES ? OVER : {}) }
    await write(tx, request, { ...note, step: 'code_wrong' }, change)
    await tellAudit(tx, request, { actor: by, action: 'rights.code_failed' })
    return 'wrong'
  }
  await accept(on, tx, request, by)
  return 'right'
}

async function accept(on: Resources, tx: Tx, request: Challenged, by: AuditActor): Promise<void> {
  const now = on.now()
  if (request.road === 'chat') {
    const note = { step: 'code_right' as const, by, at: now }
    await write(tx, request, note, { ...OVER, confirmed_at: now })
    await tellAudit(tx, request, { actor: by, action: 'rights.carried_out' })
    return
  }
  const how = 'code' as const
  const change = { ...OVER, verified_how: how, verified_by: by.id ?? null, verified_at: now }
  await write(tx, request, { step: 'verified', by, at: now }, change)
  await tellAudit(tx, request, { actor: by, action: 'rights.verified', detail: { how } })
}

/**
 * Send a code to the number on file, for somebody who asked by mail or on the telephone. Throws Refusal as `act`, 409
 * `chat_closed` where WhatsApp takes nothing but a template now.
 */
export async function sendCode(on: Resources, at: At, orgName: string): Promise<void> {
  const sent = await act(on, at, async (tx, request): Promise<Sent> => {
    const place = await openWindow(on, tx, request)
    if (!place)
      throw new Refusal(
        409,
        'chat_closed',
        'This person did not write in the last 24 hours, so WhatsApp takes no code now. Ask them to write, or make sure in another way.',
      )
    const code = newShortCode()
    const change = challengeOf(on, request.id, code)
    await write(tx, request, { step: 'code_sent', by: at.by, at: on.now() }, change)
    await tellAudit(tx, request, { actor: at.by, action: 'rights.answered' })
    const person = at.by.id
    if (!person) throw new Error('a code is sent by somebody')
    const text = `${code} confirms the request ${request.number} to ${orgName}. Answer with it, or tell it to whom you asked, within 10 minutes. If it was not you who asked, do nothing.`
    return {
      message: await sayInChat(on, tx, {
        org: at.org,
        place,
        text,
        cause: { kind: 'agent', person },
      }),
    }
  })
  await letGo(on, at.org, sent)
}

/** The code as the person said it. Throws Refusal as `act`, 422 when it is not the one or came too late. */
export async function checkCode(on: Resources, at: At, code: string): Promise<void> {
  const verdict = await act(on, at, async (tx, request) => {
    const [challenged] = await rows<Challenged>(
      tx,
      `select org_id, ${COLUMNS}, challenge_digest, challenge_tries from privacy_requests
        where org_id is not distinct from :org::uuid and id = :id and challenge_digest is not null`,
      { org: at.org, id: request.id },
    )
    return challenged ? judge(on, tx, challenged, { code, at: on.now(), by: at.by }) : 'over'
  })
  if (verdict === 'right') return
  const detail =
    verdict === 'over'
      ? 'This code has run out. Send a new one.'
      : 'This is not the code that was sent.'
  throw new Refusal(422, `code_${verdict}`, detail, { code: detail })
}
