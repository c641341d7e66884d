import { rows } from '../db.ts'
import { newId } from '../ids.ts'
import { queueMail, ringMail } from '../ops/mail.ts'
import { DAY_MS } from '../privacy/limits.ts'
import type { Resources } from '../resources.ts'
import { dueAt, FIRST_ALARM_DAYS, stageOf, type Stage } from './clock.ts'
import { paragraphs } from './letters.ts'
import { COLUMNS, type PrivacyRequest } from './request.ts'

const SAYS: Readonly<Record<Stage, string>> = {
  ten_days: 'is due in ten days',
  five_days: 'is due in five days',
  one_day: 'is due in one day',
  late: 'is overdue',
}

/**
 * Tell whoever answers of each open request with ten, five and one days left, and when it is over: once each, the latest
 * alone when several were missed. A request whose clock stands raises none. Answers the ids of those within ten days.
 * Source: promise P46; GDPR 12(3).
 */
export async function raiseRequestAlarms(on: Resources, now: Date): Promise<string[]> {
  const near = await listNear(on, now)
  for (const { request, stage } of near) await raise(on, request, stage, now)
  await on.db.withSystem((tx) =>
    rows(
      tx,
      `update alarms set cleared_at = ? where kind = 'rights' and cleared_at is null and not ref = any(?)`,
      [now, near.map(({ request }) => request.id) as never],
    ),
  )
  return near.map(({ request }) => request.id)
}

async function listNear(
  on: Resources,
  now: Date,
): Promise<{ request: PrivacyRequest; stage: Stage }[]> {
  const found = await on.db.withSystem((tx) =>
    rows<PrivacyRequest>(
      tx,
      `select org_id, ${COLUMNS} from privacy_requests
        where closed_at is null and state = 'open' and due_at <= ? order by due_at, id`,
      [new Date(now.getTime() + FIRST_ALARM_DAYS * DAY_MS)],
    ),
  )
  return found.flatMap((request) => {
    const stage = stageOf(dueAt(request, now).getTime() - now.getTime())
    return stage ? [{ request, stage }] : []
  })
}

/** The row, the mails and nothing twice: two processes that look at once raise one alarm. */
async function raise(
  on: Resources,
  { id, org_id: org, number, due_at }: PrivacyRequest,
  stage: Stage,
  now: Date,
): Promise<void> {
  const to = org === null ? [on.config.PRIVACY_CONTACT] : await adminsOf(on, org)
  const page = org === null ? '/ops/rights' : '/settings/privacy/contacts'
  const subject = `Privacy request ${number} ${SAYS[stage]}`
  const text = paragraphs(
    `${subject}, on ${due_at.toISOString().slice(0, 10)}.`,
    `Read and answer it: ${on.config.APP_URL}${page}/${id}`,
  )
  const mails = await on.db.withSystem(async (tx) => {
    const raised = await rows(
      tx,
      `insert into alarms (id, kind, ref, stage, raised_at) values (?, 'rights', ?, ?, ?)
       on conflict (kind, ref, stage) do nothing returning id`,
      [newId(), id, stage, now],
    )
    if (raised.length === 0) return []
    const whose = org === null ? {} : { org }
    const kept = []
    for (const address of to)
      kept.push(await queueMail(tx, on, { to: address, kind: 'alarm', subject, text, ...whose }))
    return kept
  })
  if (mails.length === 0) return
  on.log.warn({ request: id, org, stage, due: due_at }, 'privacy request near its end')
  for (const mail of mails) await ringMail(on, mail)
}

/** Whom an organization answers through; nobody once it is being purged. */
export const adminsOf = async (on: Resources, org: string): Promise<string[]> => {
  const found = await on.db.withTenant(org, (tx) =>
    rows<{ email: string }>(
      tx,
      `select u.email from memberships m join users u on u.id = m.user_id
        where m.org_id = ? and m.role in ('owner', 'admin') and u.disabled_at is null order by u.id`,
      [org],
    ),
  )
  return found.map(({ email }) => email)
}
