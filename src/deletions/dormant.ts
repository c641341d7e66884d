import { byPerson, SYSTEM } from '../audit/audit.ts'
import { rows, type Tx } from '../db.ts'
import { queueMail, ringMail, type Letter } from '../ops/mail.ts'
import { DAY_MS, LIMITS } from '../privacy/limits.ts'
import { Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { cancelDeletion } from './cancel.ts'
import { ownersOf } from './owners.ts'
import { requestDeletion } from './request.ts'

/** How many days before an unused organization is closed its owners are told. Source: privacy promise P37. */
export const NOTICE_DAYS = [60, 30, 7] as const

/**
 * An organization is active while somebody signs in to it or a WhatsApp message passes through it. Signing in also
 * takes back a closing that has begun: whoever comes is told of nothing and asked for nothing.
 * Source: privacy policy §6, "as long as your account is active".
 */
export async function noteUse(
  on: Resources,
  { org, user }: { org: string; user: string },
): Promise<void> {
  await on.db.withTenant(org, (tx) => keepActive(tx, { org, at: on.now() }))
  const [closing] = await on.db.withSystem((tx) =>
    rows(
      tx,
      `select id from deletions where subject_id = ? and kind = 'org' and road = 'dormant' and state = 'grace'`,
      [org],
    ),
  )
  if (!closing) return
  try {
    await cancelDeletion(on, { subject: org, by: byPerson({ user }) })
  } catch (error) {
    // Its time ended this very moment: then there is nothing left to sign in to.
    if (!(error instanceof Refusal)) throw error
  }
}

/** Notes the newest message before its own rule removes it: a shop that answers on WhatsApp only is in use too. */
export async function noteTraffic(on: Resources, org: string): Promise<void> {
  await on.db.withTenant(org, async (tx) => {
    const [newest] = await rows<{ at: Date | null }>(
      tx,
      `select max(created_at) as at from messages where org_id = ?`,
      [org],
    )
    if (newest?.at) await keepActive(tx, { org, at: newest.at })
  })
}

/** Activity that is news ends the countdown; a message of long ago does not. */
async function keepActive(tx: Tx, { org, at }: { org: string; at: Date }): Promise<void> {
  await rows(
    tx,
    `update organizations set active_at = ?, closes_at = null, close_notices = 0 where org_id = ? and active_at < ?`,
    [at, org, at],
  )
}

type Use = { active_at: Date; closes_at: Date | null; close_notices: number; status: string }

/**
 * Tells the owners of an organization that nobody has used for 24 months, 60, 30 and 7 days before it is closed, and
 * closes it then: that is a deletion like any other, with its grace. Where no sweep ran for long the day moves on, so that
 * each notice comes as early as it should and nobody is closed unwarned. Answers what it did.
 */
export async function tendDormant(
  on: Resources,
  { org, now }: { org: string; now: Date },
): Promise<'nothing' | 'told' | 'closed'> {
  const use = await readUse(on, org)
  if (use?.status !== 'active') return 'nothing'
  const end = closingOf(use)
  const left = end.getTime() - now.getTime()
  const next = NOTICE_DAYS[use.close_notices]
  if (next === undefined) {
    if (left > 0) return 'nothing'
    await requestDeletion(on, { kind: 'org', subject: org, road: 'dormant', by: SYSTEM })
    return 'closed'
  }
  if (left > next * DAY_MS) return 'nothing'
  const until = new Date(Math.max(end.getTime(), now.getTime() + next * DAY_MS))
  return (await tell(on, { org, until, after: use.close_notices })) ? 'told' : 'nothing'
}

/** The day it is closed on, as last told, or the day on which it will have been unused for 24 months. */
function closingOf({ active_at, closes_at }: Use): Date {
  if (closes_at) return closes_at
  const end = new Date(active_at)
  end.setUTCMonth(end.getUTCMonth() + LIMITS.DORMANT_MONTHS.is)
  return end
}

async function readUse(on: Resources, org: string): Promise<Use | undefined> {
  const [use] = await on.db.withTenant(org, (tx) =>
    rows<Use>(
      tx,
      `select active_at, closes_at, close_notices, status from organizations where org_id = ?`,
      [org],
    ),
  )
  return use
}

type Notice = { org: string; until: Date; after: number }

/** Compare and set: of two sweeps at once one sends the mails, and where somebody signs in meanwhile none does. */
async function tell(on: Resources, { org, until, after }: Notice): Promise<boolean> {
  const owners = await ownersOf(on, org)
  const mails = await on.db.withSystem(async (tx) => {
    const counted = await rows(
      tx,
      `update organizations set closes_at = ?, close_notices = close_notices + 1
        where org_id = ? and close_notices = ? and active_at < ? and status = 'active' returning 1`,
      [until, org, after, new Date(until.getTime() - NOTICE_DAYS[0] * DAY_MS)],
    )
    if (counted.length === 0) return []
    const kept = []
    for (const { id, email } of owners)
      kept.push(await queueMail(tx, on, letter(on, { id, email, org, until })))
    return kept
  })
  for (const mail of mails) await ringMail(on, mail)
  return mails.length > 0
}

function letter(
  on: Resources,
  { id, email, org, until }: { id: string; email: string; org: string; until: Date },
): Letter {
  const day = until.toISOString().slice(0, 10)
  const text = [
    `Nobody has signed in to your organization in ChatFlow CRM for a long time, and no message has passed through it.`,
    `We keep data as long as an account is active, so it will be closed on ${day} and then deleted, with everything in it.`,
    `To keep it, sign in once: ${on.config.APP_URL}/login. To take your data along, export it there. To let it go, do nothing.`,
  ]
  return {
    to: email,
    user: id,
    org,
    kind: 'deletion',
    subject: `Your organization in ChatFlow will be closed on ${day}`,
    text: `${text.join('\n\n')}\n`,
  }
}
