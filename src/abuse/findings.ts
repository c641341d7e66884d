import { audit, byPerson, SYSTEM, type AuditActor } from '../audit/audit.ts'
import { rows, type Tx } from '../db.ts'
import { newId } from '../ids.ts'
import { notFound } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import type { Measure, Rule } from './rules.ts'

export type Found = {
  org: string
  /** Whom it is about; undefined for the organization as a whole. */
  user?: string
  rule: Rule
  /** A sentence with the numbers and the limit, and nothing that anybody wrote. */
  because: string
  counts: Record<string, number>
  action: Measure
  until: Date
}

export type Finding = {
  id: string
  org_id: string
  user_id: string | null
  rule: Rule
  because: string
  action: Measure
  at: Date
  expires_at: Date
  appealed_at: Date | null
  outcome: 'lifted' | 'kept' | null
}
const COLUMNS = 'id, org_id, user_id, rule, because, action, at, expires_at, appealed_at, outcome'

/**
 * Writes a finding down, with an entry in the audit log; while one of the same rule and measure runs for the same
 * subject there is no second. In a system transaction.
 * Source: privacy promise P23, "detected with reasons people can read and contest".
 */
export async function noteFinding(on: Resources, tx: Tx, found: Found): Promise<void> {
  const { org, user, rule, because, counts, action, until } = found
  await rows(tx, `select pg_advisory_xact_lock(hashtextextended(?, 23))`, [`${org}${rule}`])
  const id = newId()
  const noted = await rows(
    tx,
    `insert into abuse_findings (id, org_id, user_id, rule, because, counts, action, at, expires_at)
     select :id, :org, :user, :rule, :because, :counts, :action, :now, :until
      where not exists (select from abuse_findings where org_id = :org and user_id is not distinct from :user::uuid
              and rule = :rule and action = :action and expires_at > :now and outcome is distinct from 'lifted')
     returning id`,
    {
      id,
      org,
      user: user ?? null,
      rule,
      because,
      action,
      until,
      counts: JSON.stringify(counts),
      now: on.now(),
    },
  )
  const target = { kind: 'finding', id }
  if (noted.length > 0)
    await audit(tx, org, { actor: SYSTEM, action: 'abuse.found', target, detail: { kind: rule } })
}

/** What runs against somebody: about them, and, for whoever answers for the organization, about all of it. */
export function listFindings(
  on: Resources,
  { org, user, isAdmin }: { org: string; user: string; isAdmin: boolean },
): Promise<Finding[]> {
  return on.db.withSystem((tx) =>
    rows<Finding>(
      tx,
      `select ${COLUMNS} from abuse_findings
        where expires_at > :now and (user_id = :user or (:isAdmin and org_id = :org and user_id is null))
        order by at desc, id desc limit 50`,
      { now: on.now(), org, user, isAdmin },
    ),
  )
}

/** Asks a person to look. Throws Refusal 404 for a finding that is over or somebody else's. Asked twice is asked once. */
export async function appealFinding(
  on: Resources,
  who: { org: string; user: string; isAdmin: boolean },
  id: string,
): Promise<void> {
  const finding = (await listFindings(on, who)).find((each) => each.id === id)
  if (!finding) throw notFound('finding')
  await on.db.withSystem(async (tx) => {
    const asked = await rows(
      tx,
      `update abuse_findings set appealed_at = ? where id = ? and appealed_at is null and outcome is null returning 1`,
      [on.now(), id],
    )
    const target = { kind: 'finding', id }
    if (asked.length > 0)
      await audit(tx, finding.org_id, { actor: byPerson(who), action: 'abuse.appealed', target })
  })
}

/** For operators: what waits for a decision first, because somebody asked or the rule does, then what runs, then what was decided lately. */
export const listForReview = (on: Resources): Promise<(Finding & { name: string })[]> =>
  on.db.withSystem((tx) =>
    rows<Finding & { name: string }>(
      tx,
      `select ${COLUMNS.split(', ')
        .map((column) => `f.${column}`)
        .join(', ')}, o.name
         from abuse_findings f join organizations o on o.org_id = f.org_id
        order by ((f.appealed_at is not null or f.action = 'review') and f.outcome is null) desc, f.expires_at > ? desc, f.at desc limit 100`,
      [on.now()],
    ),
  )

/**
 * A person decides: the measure is lifted at once, or kept until the end it has already. Throws Refusal 404 for a
 * finding that is unknown or decided.
 */
export async function decideFinding(
  on: Resources,
  { id, outcome, by }: { id: string; outcome: 'lifted' | 'kept'; by: AuditActor },
): Promise<void> {
  await on.db.withSystem(async (tx) => {
    const [decided] = await rows<{ org_id: string }>(
      tx,
      `update abuse_findings set decided_at = ?, outcome = ? where id = ? and outcome is null returning org_id`,
      [on.now(), outcome, id],
    )
    if (!decided) throw notFound('finding')
    const target = { kind: 'finding', id }
    await audit(tx, decided.org_id, {
      actor: by,
      action: 'abuse.decided',
      target,
      detail: { to: outcome },
    })
  })
}
