import { normalEmail } from '../accounts/fields.ts'
import type { Throttles } from '../accounts/throttle.ts'
import { constraintOf, rows, type Tx } from '../db.ts'
import { digest, newCode } from '../ids.ts'
import { ringMail } from '../ops/mail.ts'
import { Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { linkDeletion } from '../rights/link.ts'
import { graceUntil } from './deadline.ts'
import { COLUMNS, openDeletion, type Deletion } from './deletion.ts'
import { mailLink, tellOwners } from './letters.ts'
import { solelyOwned } from './owners.ts'
import { begin, note, type Asked } from './request.ts'

/** Longer than either way takes, so that the time of the answer does not tell who has an account. */
const ANSWER_MS = 150

/**
 * Asked by somebody who is not signed in: a link goes to the address if it has an account, and the deletion begins when
 * it is opened. The answer is the same when not, and when one is under way already.
 * Source: privacy policy §6, "at any time by contacting us"; promise P38.
 */
export async function askDeletion(
  on: Resources,
  throttles: Throttles,
  given: string,
): Promise<void> {
  const floor = new Promise((resolve) => setTimeout(resolve, ANSWER_MS))
  await mailDeletionLink(on, throttles, { email: normalEmail(given) })
  await floor
}

/**
 * The link itself, for whatever road it was asked by: `received` is when that was, and now unless told. Sends nothing to
 * an address without an account, or to one that got three within the hour.
 */
export async function mailDeletionLink(
  on: Resources,
  throttles: Throttles,
  asked: { email: string; received?: Date },
): Promise<void> {
  if (await throttles.mail('deletion', asked.email)) await sendLink(on, asked)
}

async function sendLink(
  on: Resources,
  { email, received }: { email: string; received?: Date },
): Promise<void> {
  const token = newCode()
  const mail = await on.db
    .withSystem(async (tx) => {
      const [found] = await rows<{ id: string }>(tx, 'select id from users where email = ?', [
        email,
      ])
      if (!found) return undefined
      const [kind, subject] = ['user' as const, found.id]
      const running = await openDeletion(tx, subject)
      const wish = { kind, subject, road: 'self' as const, by: { kind: 'subject' as const } }
      const { id } =
        running ??
        (await note(on, tx, { ...wish, ...(received ? { received } : {}) }, { confirm: token }))
      await linkDeletion(tx, { kind, subject, deletion: id })
      if (running) return undefined
      const [waiting] = await rows<{ until: Date }>(
        tx,
        'select confirm_until as until from deletions where id = ?',
        [id],
      )
      const until = waiting?.until ?? on.now()
      return mailLink(on, tx, { user: found.id, email, token, until, isReminder: false })
    })
    .catch((error: unknown) => {
      // Two asked at once: the other one's mail is on its way.
      if (constraintOf(error) !== 'deletions_running') throw error
    })
  if (mail !== undefined) await ringMail(on, mail)
}

/** The deletion that a mailed link confirms; undefined when it was used, taken back or has run out. */
export async function findWaiting(on: Resources, token: string): Promise<Deletion | undefined> {
  const [found] = await on.db.withSystem((tx) =>
    rows<Deletion>(
      tx,
      `select ${COLUMNS} from deletions where confirm_digest = ? and state = 'requested' and confirm_until > ?`,
      [digest(token), on.now()],
    ),
  )
  return found
}

/**
 * Begin what was asked for, and answer the code to follow it by. The only owner of organizations takes them along, and
 * only when they say so; then the grace of those is also theirs: somebody has to be able to cancel.
 *
 * Throws Refusal 410 when the link was used or has run out, 409 `last_owner` for organizations not named yet.
 */
export async function confirmDeletion(
  on: Resources,
  token: string,
  { withOrganizations }: { withOrganizations: boolean },
): Promise<string> {
  const waiting = await findWaiting(on, token)
  if (!waiting) throw expired()
  const sole = await solelyOwned(on, waiting.subject_id)
  if (sole.length > 0 && !withOrganizations)
    throw new Refusal(409, 'last_owner', 'Tick that the organizations you alone own go, too.')
  const { code, taken } = await on.db.withSystem((tx) =>
    beginAll(on, tx, waiting, { token, orgs: sole.map(({ org }) => org) }),
  )
  for (const [org, asked] of taken) await tellOwners(on, org, asked)
  return code
}

async function beginAll(
  on: Resources,
  tx: Tx,
  { id, subject_id: subject, requested_at: received, deadline_at }: Deletion,
  { token, orgs }: { token: string; orgs: string[] },
): Promise<{ code: string; taken: [org: string, asked: Asked][] }> {
  // Of two that open the link at once, or one that cancels meanwhile, exactly one goes on.
  const locked = await rows(
    tx,
    `select 1 from deletions where id = ? and confirm_digest = ? and state = 'requested' for update`,
    [id, digest(token)],
  )
  if (locked.length === 0) throw expired()
  const by = { kind: 'subject' as const }
  const until = orgs.length > 0 ? graceUntil(on.now(), deadline_at, on.config) : on.now()
  const { code } = await begin(on, tx, { kind: 'user', subject, road: 'self', by, until })
  const taken: [string, Asked][] = []
  for (const org of orgs)
    taken.push([
      org,
      await begin(on, tx, { kind: 'org', subject: org, road: 'self', by, received }),
    ])
  return { code, taken }
}

const expired = (): Refusal =>
  new Refusal(
    410,
    'used_up',
    'This link was used already, or has run out. Nothing was removed by it; ask again if you still want to.',
  )
