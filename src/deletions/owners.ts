import { rows } from '../db.ts'
import { Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'

type Owned = { org: string; name: string }

/** The active organizations that would have no owner without this person. */
export async function solelyOwned(on: Resources, user: string): Promise<Owned[]> {
  const owned = await on.db.withSystem((tx) =>
    rows<{ org_id: string }>(tx, `select org_id from user_orgs(?) where role = 'owner'`, [user]),
  )
  const sole: Owned[] = []
  for (const { org_id: org } of owned) {
    const [rest] = await on.db.withTenant(org, (tx) =>
      rows<{ name: string; owners: number }>(
        tx,
        `select o.name, (select count(*)::int from memberships m
            where m.org_id = o.org_id and m.role = 'owner' and m.user_id <> ?) as owners
           from organizations o where o.org_id = ? and o.status = 'active'`,
        [user, org],
      ),
    )
    if (rest?.owners === 0) sole.push({ org, name: rest.name })
  }
  return sole
}

/** Nobody is left without an owner: who goes names another one first, or deletes the organization. */
export async function checkOwners(on: Resources, user: string): Promise<void> {
  const [sole] = await solelyOwned(on, user)
  if (sole)
    throw new Refusal(
      409,
      'last_owner',
      `You are the only owner of ${sole.name}. Make somebody else an owner first, or delete the organization.`,
    )
}

/** The people an organization answers to. */
export const ownersOf = (on: Resources, org: string): Promise<{ id: string; email: string }[]> =>
  on.db.withTenant(org, (tx) =>
    rows<{ id: string; email: string }>(
      tx,
      `select u.id, u.email from memberships m join users u on u.id = m.user_id where m.org_id = ? and m.role = 'owner'`,
      [org],
    ),
  )
