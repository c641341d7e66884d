import { rows } from '../db.ts'
import { DAY_MS, LIMITS } from '../privacy/limits.ts'
import type { Resources } from '../resources.ts'
import { topicOf, type LetterKind } from './letter-kinds.ts'
import { openPart } from './mail-seal.ts'
import { mayGo } from './refusals.ts'
import { wayOut } from './way-out.ts'

const ATTEMPTS = 3
const LEASE_MS = 120_000
const KEPT_MS = LIMITS.MAIL_DAYS.is * DAY_MS

type Claimed = {
  id: string
  org_id: string | null
  kind: LetterKind
  user_id: string | null
  recipient: string
  body: string
  attempts: number
}

/**
 * Sends one mail when it is due and nobody else is at it; what was said goes once it is sent. After the third failure
 * it stays as `failed`; before that it throws, and the job comes again.
 */
export async function deliverMail(on: Resources, id: string): Promise<void> {
  const mail = await claim(on, id)
  if (!mail) return
  try {
    await send(on, mail)
  } catch (error) {
    await settle(on, id, mail.attempts >= ATTEMPTS ? 'failed' : 'pending')
    throw error
  }
  await settle(on, id, 'sent')
}

/** What was refused since it was written is dropped here, in the step that would have sent it. */
function claim(on: Resources, id: string): Promise<Claimed | undefined> {
  const now = on.now()
  return on.db.withSystem(async (tx) => {
    const [mail] = await rows<Claimed>(
      tx,
      `update mail_outbox set state = 'claimed', attempts = attempts + 1, lease_until = ?
        where id = ? and (state = 'pending' or (state = 'claimed' and lease_until < ?))
       returning id, org_id, kind, user_id, recipient, body, attempts`,
      [new Date(now.getTime() + LEASE_MS), id, now],
    )
    if (!mail || (await mayGo(tx, mail.kind, mail.user_id))) return mail
    await rows(tx, `delete from mail_outbox where id = ?`, [id])
    return undefined
  })
}

/** Mail is forgotten after thirty days, sent or not. */
export async function pruneMail(on: Resources): Promise<void> {
  const oldest = new Date(on.now().getTime() - KEPT_MS)
  await on.db.withSystem((tx) => rows(tx, `delete from mail_outbox where created_at < ?`, [oldest]))
}

/** Mails whose job was lost on the way to the queue, or whose sender died: to be rung again. */
export async function dueMail(on: Resources): Promise<string[]> {
  const now = on.now()
  const due = await on.db.withSystem((tx) =>
    rows<{ id: string }>(
      tx,
      `select id from mail_outbox where state in ('pending', 'claimed') and due_at < ?
          and coalesce(lease_until, '-infinity') < ? order by due_at limit 100`,
      [new Date(now.getTime() - LEASE_MS), now],
    ),
  )
  return due.map(({ id }) => id)
}

async function send(on: Resources, mail: Claimed): Promise<void> {
  const { subject, text } = JSON.parse(openPart(on, 'body', mail.id, mail.body)) as {
    subject: string
    text: string
  }
  const { hostname } = new URL(on.config.APP_URL)
  const letter = {
    from: on.config.MAIL_FROM ?? `ChatFlow <no-reply@${hostname}>`,
    to: openPart(on, 'recipient', mail.id, mail.recipient),
    subject,
    text: withFoot(on, text),
    messageId: `<${mail.id}@${hostname}>`,
    headers: headersOf(on, mail),
  }
  await on.egress.mail(letter, mail.org_id)
}

/** What lets a mail program offer a button of its own. Source: RFC 2369, RFC 8058. */
function headersOf(on: Resources, { kind, user_id: user }: Claimed): Record<string, string> {
  const topic = topicOf(kind)
  if (topic === undefined || user === null) return {}
  return {
    'List-Unsubscribe': `<${wayOut(on, user, topic)}>`,
    'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
  }
}

/** Every mail leads to the policy (P1) and to whoever answers for privacy (P3). */
const withFoot = (on: Resources, text: string): string =>
  `${text}\nPrivacy policy: ${on.config.APP_URL}/privacy\nAbout your data: ${on.config.PRIVACY_CONTACT}\n`

async function settle(
  on: Resources,
  id: string,
  state: 'sent' | 'pending' | 'failed',
): Promise<void> {
  const sent = state === 'sent'
  await on.db.withSystem((tx) =>
    rows(
      tx,
      `update mail_outbox set state = ?, lease_until = null, sent_at = ?,
              recipient = case when ? then '' else recipient end, body = case when ? then '' else body end
        where id = ?`,
      [state, sent ? on.now() : null, sent, sent, id],
    ),
  )
}
