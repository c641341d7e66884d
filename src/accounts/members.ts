import { audit, byPerson } from '../audit/audit.ts'
import { rows, type Tx } from '../db.ts'
import { notFound, Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import type { Actor } from './invitations.ts'
import { mayManage, rankOf, type Role } from './roles.ts'
import { endSessions } from './sessions.ts'

type Locked = { own: Role; role: Role; isLastOwner: boolean }
export type Member = { id: string; name: string; email: string; role: Role; since: Date }

/** The people of an organization, the highest roles first. */
export function listMembers(on: Resources, org: string): Promise<Member[]> {
  return on.db.withTenant(org, (tx) =>
    rows<Member>(
      tx,
      `select u.id, u.name, u.email, m.role, m.created_at as since
         from memberships m join users u on u.id = m.user_id
        where m.org_id = ? order by array_position(array['owner', 'admin', 'agent', 'viewer'], m.role), u.name, u.id`,
      [org],
    ),
  )
}

/**
 * Gives a member another role, and ends their sessions: what a page shows is of the role it was made for.
 *
 * Throws Refusal 404 for nobody here, 403 for a role above one's own or a member not below one's rank,
 * 409 `last_owner` when nobody would own the organization.
 */
export async function changeRole(
  on: Resources,
  actor: Actor & { session: string },
  member: string,
  role: Role,
): Promise<void> {
  await on.db.withTenant(actor.org, async (tx) => {
    const { own, role: from, isLastOwner } = await manageable(tx, actor, member)
    if (rankOf(role) > rankOf(own)) throw forbidden()
    if (isLastOwner && role !== 'owner') throw needsOwner()
    await rows(tx, `update memberships set role = ? where org_id = ? and user_id = ?`, [
      role,
      actor.org,
      member,
    ])
    await audit(tx, actor.org, {
      actor: byPerson(actor),
      action: 'member.role_changed',
      target: { kind: 'user', id: member },
      detail: { from, to: role },
    })
  })
  await endSessions(on, member, { org: actor.org, except: actor.session })
}

/**
 * Removes a member, or lets one leave: their sessions here end at once, their conversations become unassigned,
 * what they wrote stays.
 *
 * Throws Refusal 404 for nobody here, 403 for a member not below one's rank, 409 `last_owner`.
 */
export async function removeMember(on: Resources, actor: Actor, member: string): Promise<void> {
  await on.db.withTenant(actor.org, async (tx) => {
    const { role, isLastOwner } = await manageable(tx, actor, member)
    if (isLastOwner) throw needsOwner()
    await rows(tx, `delete from memberships where org_id = ? and user_id = ?`, [actor.org, member])
    await audit(tx, actor.org, {
      actor: byPerson(actor),
      action: member === actor.user ? 'member.left' : 'member.removed',
      target: { kind: 'user', id: member },
      detail: { role },
    })
  })
  await endSessions(on, member, { org: actor.org })
}

/**
 * The role of a member whom the actor may change: themselves, or somebody below (owners: anybody). Both and all owners
 * are locked in one order, so that two who demote each other at once do not both succeed.
 */
async function manageable(tx: Tx, actor: Actor, member: string): Promise<Locked> {
  const locked = await rows<{ user_id: string; role: Role }>(
    tx,
    `select user_id, role from memberships
      where org_id = ? and (user_id in (?, ?) or role = 'owner') order by user_id for update`,
    [actor.org, member, actor.user],
  )
  const roleOf = (user: string): Role | undefined =>
    locked.find(({ user_id }) => user_id === user)?.role
  const [role, own] = [roleOf(member), roleOf(actor.user)]
  if (role === undefined) throw notFound('member')
  if (own === undefined || (member !== actor.user && !mayManage(own, role))) throw forbidden()
  const isOwned = locked.some((other) => other.user_id !== member && other.role === 'owner')
  return { own, role, isLastOwner: role === 'owner' && !isOwned }
}

const needsOwner = (): Refusal =>
  new Refusal(
    409,
    'last_owner',
    'An organization needs an owner. Make somebody else an owner first.',
  )

const forbidden = (): Refusal =>
  new Refusal(403, 'above_own_rank', 'You can only change people and give roles below your own.')
