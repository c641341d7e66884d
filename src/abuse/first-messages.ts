import { rows, type Tx } from '../db.ts'
import { Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { noteFinding, type Measure } from './findings.ts'

/**
 * How many strangers (people who never wrote) an organization may open a conversation with in ten minutes. A shop's
 * list of customers fits; somebody who tries out numbers does not.
 */
export const FIRST_MESSAGES = { limit: 100, minutes: 10 } as const
const MINUTE_MS = 60_000
const DAY_MS = 1_440 * MINUTE_MS
/** The third time within a day sending to strangers stops for a day, unless a person is asked to look. */
const TIMES = 3

/**
 * Throws Refusal 429 `too_many_strangers` when one more first message would be one too many. `conversation` is the
 * one about to be opened and does not count. Only numbers are read, no message.
 */
export async function checkFirstMessage(
  tx: Tx,
  { org, conversation, now }: { org: string; conversation: string; now: Date },
): Promise<void> {
  const since = new Date(now.getTime() - FIRST_MESSAGES.minutes * MINUTE_MS)
  const [seen] = await rows<{ strangers: number; paused: boolean; lifted: boolean }>(
    tx,
    `select (select count(*)::int from conversations where org_id = :org and id <> :conversation
                and status in ('open', 'snoozed', 'resolved') and last_message_at > :since and window_expires_at is null) as strangers,
            exists (select from abuse_findings where org_id = :org and rule = 'first_messages' and action = 'pause'
                and expires_at > :now and outcome is distinct from 'lifted') as paused,
            exists (select from abuse_findings where org_id = :org and rule = 'first_messages' and outcome = 'lifted'
                and decided_at > :yesterday) as lifted`,
    { org, conversation, since, now, yesterday: new Date(now.getTime() - DAY_MS) },
  )
  if (!seen || seen.lifted) return
  if (seen.paused || seen.strangers >= FIRST_MESSAGES.limit)
    throw new TooManyStrangers(seen.strangers + 1)
}

export class TooManyStrangers extends Refusal {
  readonly strangers: number
  constructor(strangers: number) {
    super(
      429,
      'too_many_strangers',
      'Too many first messages went to numbers that never wrote to you. Answers go on as before. Settings → Security says why, until when, and how to ask a person to look.',
    )
    this.strangers = strangers
  }
}

/** Writes down why it was refused: slowed down, or, the third time in a day and with nobody asked to look, paused. */
export async function noteStrangers(
  on: Resources,
  org: string,
  { strangers }: TooManyStrangers,
): Promise<void> {
  const { limit, minutes } = FIRST_MESSAGES
  if (strangers <= limit) return
  const now = on.now().getTime()
  await on.db.withSystem(async (tx) => {
    const [before] = await rows<{ n: number; appealed: boolean }>(
      tx,
      `select count(*)::int as n, coalesce(bool_or(appealed_at is not null and outcome is null), false) as appealed
         from abuse_findings where org_id = ? and rule = 'first_messages' and at > ? and expires_at <= ?`,
      [org, new Date(now - DAY_MS), on.now()],
    )
    const isPause = (before?.n ?? 0) >= TIMES - 1 && !before?.appealed
    const [action, length]: [Measure, number] = isPause
      ? ['pause', DAY_MS]
      : ['slow', minutes * MINUTE_MS]
    await noteFinding(on, tx, {
      org,
      rule: 'first_messages',
      because: `${strangers} first messages in ${minutes} minutes went to numbers that never wrote to you; limit ${limit}.`,
      counts: { strangers, limit, minutes },
      action,
      until: new Date(now + length),
    })
  })
}
