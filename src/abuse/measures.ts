import { rows, type Tx } from '../db.ts'
import type { Resources } from '../resources.ts'
import { noteFinding } from './findings.ts'
import { RULES, type Measure, type Rule } from './rules.ts'

const MINUTE_MS = 60_000
const DAY_MS = 1_440 * MINUTE_MS
const SHORTEST_MINUTES = 10

/** Whom a rule looks at: a person, or without one the organization as a whole. */
export type Subject = { org: string; user?: string; rule: Rule; now: Date }

/**
 * What counts for a subject now: since when, since the measure of before is over; whether something is paused; and whether a
 * person said within a day that the rule was wrong about them.
 */
export type Standing = { since: Date; paused: boolean; lifted: boolean }

export async function standingOf(tx: Tx, { org, user, rule, now }: Subject): Promise<Standing> {
  const [found] = await rows<{ last: Date | null; paused: boolean; lifted: boolean }>(
    tx,
    `select max(case when action = 'ask' then at else least(expires_at, :now) end) as last,
            coalesce(bool_or(action <> 'ask' and expires_at > :now and outcome is distinct from 'lifted'), false) as paused,
            coalesce(bool_or(outcome = 'lifted' and decided_at > :yesterday), false) as lifted
       from abuse_findings where org_id = :org and user_id is not distinct from cast(:user as uuid) and rule = :rule
        and expires_at > :yesterday`,
    { org, user: user ?? null, rule, now, yesterday: new Date(now.getTime() - DAY_MS) },
  )
  const start = now.getTime() - RULES[rule].minutes * MINUTE_MS
  const { last = null, paused = false, lifted = false } = found ?? {}
  return { since: new Date(Math.max(start, last?.getTime() ?? 0)), paused, lifted }
}

export type Excess = {
  org: string
  user?: string
  rule: Rule
  /** A sentence with the numbers and the limit, and nothing that anybody wrote. */
  because: string
  counts: Record<string, number>
  /** When it ends, where the limiter that refused knows. */
  until?: Date
}

/**
 * Writes down that there was too much of something, with the next measure of its rule. As long as a person was asked to
 * look it does not get worse. Answers the measure.
 */
export async function noteExcess(on: Resources, tx: Tx, excess: Excess): Promise<Measure> {
  const action = await nextMeasure(on, tx, excess)
  const minutes = Math.max(SHORTEST_MINUTES, RULES[excess.rule].minutes)
  const length = action === 'slow' ? Math.min(minutes, 60) * MINUTE_MS : DAY_MS
  const until = excess.until ?? new Date(on.now().getTime() + length)
  await noteFinding(on, tx, { ...excess, action, until })
  if (action === 'ask' && excess.user) await askAgain(tx, excess.user)
  return action
}

/** After a pause of the day before a person looks, whether or not anybody asks. */
async function nextMeasure(on: Resources, tx: Tx, { org, user, rule }: Excess): Promise<Measure> {
  const { ladder } = RULES[rule]
  const now = on.now()
  const [before] = await rows<{ n: number; appealed: boolean; paused: boolean }>(
    tx,
    `select count(*) filter (where at > :yesterday)::int as n,
            coalesce(bool_or(appealed_at is not null and outcome is null), false) as appealed,
            coalesce(bool_or(action in ('pause', 'review')), false) as paused
       from abuse_findings where org_id = :org and user_id is not distinct from cast(:user as uuid) and rule = :rule
        and (expires_at <= :now or action = 'ask') and greatest(at, expires_at) > :yesterday`,
    { org, user: user ?? null, rule, now, yesterday: new Date(now.getTime() - DAY_MS) },
  )
  const { n = 0, appealed = false, paused = false } = before ?? {}
  if (appealed) return ladder[0] ?? 'slow'
  return paused ? 'review' : (ladder[Math.min(n, ladder.length - 1)] ?? 'slow')
}

/** Whoever sits at a signed-in screen of this person enters the password, or a code, before anything sensitive. */
const askAgain = (tx: Tx, user: string): Promise<unknown> =>
  rows(
    tx,
    `update user_sessions set sess = (sess::jsonb || '{"authAt": 0}')::json where user_id = ?`,
    [user],
  )
