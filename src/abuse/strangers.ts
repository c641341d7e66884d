import { rows, type Tx } from '../db.ts'
import { Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { noteExcess, standingOf, type Excess } from './measures.ts'
import { lengthOf, RULES, type Rule } from './rules.ts'

/** Fewer messages say nothing about whether people want them. */
export const FEWEST_MESSAGES = 50
type At = { org: string; now: Date }
type Seen = Pick<Excess, 'because' | 'counts'>

/** Writing to strangers stops for a while; `excess` tells why, where that is not written down already. */
export class TooManyStrangers extends Refusal {
  readonly excess: Excess | undefined
  constructor(excess?: Excess) {
    super(
      429,
      'too_many_strangers',
      'Writing to numbers that never wrote to you is held back for a while. Answers go on as before. Settings → Security says why, until when, and how to ask a person to look.',
    )
    this.excess = excess
  }
}

/**
 * Throws Refusal 429 `too_many_strangers` when one more first message would be one too many, when too much of what went
 * out was not delivered, or when too many templates were rejected. `conversation` is the one about to be opened and does
 * not count. Only numbers are read, no message.
 */
export async function checkFirstMessage(
  tx: Tx,
  { conversation, ...at }: At & { conversation: string },
): Promise<void> {
  await check(tx, at, 'failed_messages', countFailed)
  await check(tx, at, 'rejected_templates', countRejected)
  const { paused, lifted } = await standingOf(tx, { ...at, rule: 'first_messages' })
  if (lifted) return
  const seen = await countStrangers(tx, at, conversation)
  // Slowed down means: as many as fit into the minutes, not none.
  const isStopped = paused && (await isPaused(tx, at))
  if (seen) throw new TooManyStrangers({ ...seen, org: at.org, rule: 'first_messages' })
  if (isStopped) throw new TooManyStrangers()
}

async function check(
  tx: Tx,
  at: At,
  rule: Rule,
  count: (tx: Tx, org: string, since: Date) => Promise<Seen | undefined>,
): Promise<void> {
  const { since, paused, lifted } = await standingOf(tx, { ...at, rule })
  if (lifted) return
  if (paused) throw new TooManyStrangers()
  const seen = await count(tx, at.org, since)
  if (seen) throw new TooManyStrangers({ ...seen, org: at.org, rule })
}

async function isPaused(tx: Tx, { org, now }: At): Promise<boolean> {
  const found = await rows(
    tx,
    `select 1 from abuse_findings where org_id = ? and rule = 'first_messages' and action in ('pause', 'review')
        and expires_at > ? and outcome is distinct from 'lifted' limit 1`,
    [org, now],
  )
  return found.length > 0
}

async function countStrangers(
  tx: Tx,
  { org, now }: At,
  conversation: string,
): Promise<Seen | undefined> {
  const { limit, minutes } = RULES.first_messages
  const [found] = await rows<{ n: number }>(
    tx,
    `select count(*)::int as n from conversations where org_id = :org and id <> :conversation
        and status in ('open', 'snoozed', 'resolved') and last_message_at > :since and window_expires_at is null`,
    { org, conversation, since: new Date(now.getTime() - minutes * 60_000) },
  )
  const strangers = (found?.n ?? 0) + 1
  if (strangers <= limit) return undefined
  return {
    because: `${strangers} first messages in ${lengthOf(minutes)} went to numbers that never wrote to you; limit ${limit}.`,
    counts: { strangers, limit, minutes },
  }
}

/** Codes of WhatsApp only: what we did not send ourselves says nothing about the people. */
async function countFailed(tx: Tx, org: string, since: Date): Promise<Seen | undefined> {
  const { limit, minutes } = RULES.failed_messages
  const [found] = await rows<{ sent: number; failed: number }>(
    tx,
    `select count(*)::int as sent, count(*) filter (where m.status = 'failed' and m.error_code ~ '^[0-9]+$')::int as failed
       from outbox o join messages m on m.org_id = o.org_id and m.id = o.message_id
      where o.org_id = ? and o.state = 'done' and o.finished_at > ?`,
    [org, since],
  )
  const { sent = 0, failed = 0 } = found ?? {}
  if (sent < FEWEST_MESSAGES || failed * 100 <= limit * sent) return undefined
  return {
    because: `${failed} of ${sent} messages in ${lengthOf(minutes)} were not delivered by WhatsApp; limit ${limit} in 100.`,
    counts: { failed, sent, limit, minutes },
  }
}

async function countRejected(tx: Tx, org: string, since: Date): Promise<Seen | undefined> {
  const { limit, minutes } = RULES.rejected_templates
  const [found] = await rows<{ n: number }>(
    tx,
    `select count(*)::int as n from templates where org_id = ? and status = 'REJECTED' and status_at > ?`,
    [org, since],
  )
  const rejected = found?.n ?? 0
  if (rejected <= limit) return undefined
  return {
    because: `${rejected} templates were rejected by WhatsApp in ${lengthOf(minutes)}; limit ${limit}.`,
    counts: { rejected, limit, minutes },
  }
}

/** Writes down why it was refused, where nothing says so already. */
export async function noteStrangers(on: Resources, { excess }: TooManyStrangers): Promise<void> {
  if (excess) await on.db.withSystem((tx) => noteExcess(on, tx, excess))
}
