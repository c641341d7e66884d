import { audit, byPerson, type Source } from '../audit/audit.ts'
import { rows } from '../db.ts'
import { Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { hasFactor } from './second-factor.ts'

export type Demand = { isNeeded: boolean; members: number; without: number }

/** Whether an organization asks for a second factor, and how many of its members have none yet. */
export async function readDemand(on: Resources, org: string): Promise<Demand> {
  const [isNeeded, members] = await on.db.withTenant(org, async (tx) => {
    const [found] = await rows<{ needed: boolean }>(
      tx,
      `select require_2fa as needed from organizations where org_id = ?`,
      [org],
    )
    const people = await rows<{ id: string }>(
      tx,
      `select user_id as id from memberships where org_id = ?`,
      [org],
    )
    return [found?.needed ?? false, people.map(({ id }) => id)] as const
  })
  const [found] = await on.db.withSystem((tx) =>
    rows<{ n: number }>(
      tx,
      `select count(*)::int as n from second_factors where user_id = any(?) and confirmed_at is not null`,
      [members as never],
    ),
  )
  return { isNeeded, members: members.length, without: members.length - (found?.n ?? 0) }
}

/**
 * Asks every member for a second factor, or no longer. Whoever has none is led to set it up at their next request.
 * Throws Refusal 409 when the one who asks has none: they would shut themselves out of this very page.
 */
export async function demandFactor(
  on: Resources,
  who: { user: string; org: string; source?: Source },
  isNeeded: boolean,
): Promise<void> {
  if (isNeeded && !(await hasFactor(on, who.user)))
    throw new Refusal(
      409,
      'own_factor_first',
      'Set up your own second factor first, under Security.',
    )
  await on.db.withTenant(who.org, async (tx) => {
    await rows(
      tx,
      `update organizations set require_2fa = ?, updated_at = now() where org_id = ?`,
      [isNeeded, who.org],
    )
    await audit(tx, who.org, {
      actor: byPerson(who),
      action: 'organization.factor_demanded',
      detail: { to: isNeeded ? 'needed' : 'optional' },
    })
  })
}
