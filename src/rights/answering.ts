import { SYSTEM } from '../audit/audit.ts'
import { rows, type Tx } from '../db.ts'
import { queueMail, ringMail } from '../ops/mail.ts'
import { Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { adminsOf } from './alarms.ts'
import { answerFor, filled } from './answers.ts'
import { challengeOf } from './challenge.ts'
import { tellAudit, write } from './desk.ts'
import { paragraphs, receiptLink } from './letters.ts'
import { newShortCode } from './numbers.ts'
import { COLUMNS, type PrivacyRequest } from './request.ts'
import { SAYS } from './vocabulary.ts'
import { letGo, openWindow, sayInChat, type Sent } from './ways.ts'

const BECAUSE =
  'The customer sent a privacy keyword, and the organization approved this answer to it.'

/**
 * Answer what came in by keyword: in the words that the organization approved, and not at all where it approved none.
 * Its admins hear of it either way. Once each, whoever else looks at the same moment.
 */
export async function answerKeywords(on: Resources): Promise<void> {
  const due = await on.db.withSystem((tx) =>
    rows<{ id: string; org_id: string }>(
      tx,
      `select id, org_id from privacy_requests where answer = 'due' and org_id is not null order by recorded_at limit 100`,
    ),
  )
  for (const { id, org_id: org } of due)
    await answerOne(on, org, id).catch((error: unknown) =>
      on.log.warn({ err: error, org, request: id }, 'keyword not answered'),
    )
}

async function answerOne(on: Resources, org: string, id: string): Promise<void> {
  const admins = await adminsOf(on, org)
  const attempt = (mayAnswer: boolean): Promise<{ sent: Sent; mails: string[] } | undefined> =>
    on.db.withTenant(org, async (tx) => {
      const request = await lockDue(tx, org, id)
      if (!request) return undefined
      const mails = await tellAdmins(on, tx, request, admins)
      return {
        mails,
        sent: mayAnswer ? await reply(on, tx, org, request) : await withhold(tx, request),
      }
    })
  const done = await attempt(true).catch((error: unknown) => {
    // The organization sends nothing at all now, or nothing to this person.
    if (!(error instanceof Refusal)) throw error
    return attempt(false)
  })
  if (!done) return
  await letGo(on, org, done.sent)
  for (const mail of done.mails) await ringMail(on, mail)
}

async function lockDue(tx: Tx, org: string, id: string): Promise<PrivacyRequest | undefined> {
  const [found] = await rows<PrivacyRequest>(
    tx,
    `select org_id, ${COLUMNS} from privacy_requests
      where org_id = ? and id = ? and answer = 'due' for update skip locked`,
    [org, id],
  )
  return found
}

async function reply(on: Resources, tx: Tx, org: string, request: PrivacyRequest): Promise<Sent> {
  const rule = await answerFor(tx, org, request)
  const place = rule && (await openWindow(on, tx, request))
  if (!rule || !place) return withhold(tx, request)
  const { id, number, due_at, code_digest, kind } = request
  const code = newShortCode()
  const text = filled(rule.body, {
    number,
    code,
    due: due_at.toISOString().slice(0, 10),
    link: receiptLink(on, id, code_digest),
  })
  const change = { answer: 'sent', ...(kind === 'erase' ? challengeOf(on, id, code) : {}) }
  const step = kind === 'erase' ? ('code_sent' as const) : ('answered' as const)
  await write(tx, request, { step, by: SYSTEM, at: on.now() }, change)
  if (kind === 'erase') await countChallenge(tx, request)
  await tellAudit(tx, request, { actor: SYSTEM, action: 'rights.answered' })
  const cause = { kind: 'rule' as const, rule: rule.id, version: rule.version, because: BECAUSE }
  return { message: await sayInChat(on, tx, { org, place, text, cause }) }
}

const countChallenge = (tx: Tx, { org_id, id }: PrivacyRequest): Promise<unknown> =>
  rows(tx, 'update privacy_requests set challenges = challenges + 1 where org_id = ? and id = ?', [
    org_id,
    id,
  ])

async function withhold(tx: Tx, { org_id, id }: PrivacyRequest): Promise<Sent> {
  await rows(tx, `update privacy_requests set answer = 'withheld' where org_id = ? and id = ?`, [
    org_id,
    id,
  ])
  return {}
}

async function tellAdmins(
  on: Resources,
  tx: Tx,
  { id, org_id, number, kind, due_at }: PrivacyRequest,
  admins: string[],
): Promise<string[]> {
  const mails = []
  for (const to of admins)
    mails.push(
      await queueMail(tx, on, {
        to,
        kind: 'rights',
        subject: `Privacy request ${number}`,
        text: paragraphs(
          `A customer asked in the chat (${SAYS[kind].toLowerCase()}). We call it ${number}; it is to be answered by ${due_at.toISOString().slice(0, 10)}.`,
          `Read and answer it: ${on.config.APP_URL}/settings/privacy/contacts/${id}`,
        ),
        ...(org_id === null ? {} : { org: org_id }),
      }),
    )
  return mails
}
