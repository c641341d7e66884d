/** A person's role in one organization. `viewer` comes later; rows may hold it, nobody can be given it yet. */
export type Role = 'owner' | 'admin' | 'agent' | 'viewer'

const RANK: Record<Role, number> = { viewer: 0, agent: 1, admin: 2, owner: 3 }
export const rankOf = (role: Role): number => RANK[role]

/** The roles that can be given, highest first, each in words for the person who chooses. */
export const GIVEN: readonly { role: Role; label: string; can: string }[] = [
  { role: 'owner', label: 'Owner', can: 'everything, other owners included' },
  { role: 'admin', label: 'Admin', can: 'members, connections, programs and all conversations' },
  { role: 'agent', label: 'Agent', can: 'conversations and contacts' },
]

/** Nobody gives a role above their own. */
export const rolesUpTo = (own: Role): typeof GIVEN =>
  GIVEN.filter(({ role }) => rankOf(role) <= rankOf(own))

/**
 * Whether `own` may change or remove somebody who is `other`: admins and owners, and only below their own rank;
 * owners also other owners.
 */
export const mayManage = (own: Role, other: Role): boolean =>
  rankOf(own) >= RANK.admin && (own === 'owner' || rankOf(other) < rankOf(own))
