import { audit, byPerson, type Source } from '../audit/audit.ts'
import { rows, type Tx } from '../db.ts'
import { digest, newCode, newId } from '../ids.ts'
import { queueMail, ringMail } from '../ops/mail.ts'
import { Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { checkEmail } from './fields.ts'
import { invitationMail } from './letters.ts'
import { rankOf, type Role } from './roles.ts'
import { usedUp } from './sign-up.ts'
import type { Throttles } from './throttle.ts'

/** The member who acts, with the role they have at this moment. */
export type Actor = {
  user: string
  org: string
  orgName: string
  role: Role
  name: string
  source?: Source
}

const LIFE_MS = 7 * 24 * 3_600_000

export type Invitation = {
  id: string
  email: string
  role: Role
  inviter: string | null
  expires_at: Date
}

/**
 * Invites an address with a role and answers the path of the link, which is shown this once and mailed; an earlier
 * invitation of the address is void. Whether the address has an account, or is a member, changes nothing here.
 *
 * Throws Refusal 422 for a bad address, 403 for a role above one's own, 429 after fifty in a day.
 */
export async function invite(
  on: Resources,
  throttles: Throttles,
  actor: Actor,
  wanted: { email: string; role: Role },
): Promise<string> {
  const email = checkEmail(wanted.email)
  if (rankOf(wanted.role) > rankOf(actor.role))
    throw new Refusal(403, 'above_own_rank', 'You can only give roles up to your own.')
  await throttles.invite(actor.org)
  const code = newCode()
  await keep(on, actor, { email, role: wanted.role, code })
  const path = `/invite/${code}`
  const { org, orgName, name: inviter } = actor
  const letter = invitationMail(on, { org, orgName, inviter, email, path })
  const mail = await on.db.withSystem((tx) => queueMail(tx, on, letter))
  await ringMail(on, mail)
  return path
}

/** Invitations that can still be used, the latest first. */
export function listInvitations(on: Resources, org: string): Promise<Invitation[]> {
  return on.db.withTenant(org, (tx) =>
    rows<Invitation>(
      tx,
      `select i.id, i.email, i.role, u.name as inviter, i.expires_at
         from invitations i left join users u on u.id = i.invited_by
        where i.org_id = ? and i.used_at is null and i.expires_at > ? order by i.id desc`,
      [org, on.now()],
    ),
  )
}

/** Takes an invitation back; nothing happens when it is gone. */
export async function withdraw(
  on: Resources,
  actor: Pick<Actor, 'user' | 'org' | 'source'>,
  id: string,
): Promise<void> {
  const { org } = actor
  await on.db.withTenant(org, async (tx) => {
    const gone = await rows(
      tx,
      `delete from invitations where org_id = ? and id = ? and used_at is null returning id`,
      [org, id],
    )
    const target = { kind: 'invitation', id }
    if (gone.length > 0)
      await audit(tx, org, { actor: byPerson(actor), action: 'invitation.withdrawn', target })
  })
}

export type Open = {
  org: string
  id: string
  email: string
  role: Role
  orgName: string
  inviter: string | null
  /** The role of the inviter today, null when they are no member any more. */
  inviterRole: Role | null
}

/** What a link invites to; throws Refusal 410 when it was used, withdrawn or has run out. */
export async function readInvitation(on: Resources, code: string): Promise<Open> {
  const [found] = await on.db.withSystem((tx) =>
    rows<{ org_id: string; id: string }>(tx, `select org_id, id from lookup_invitation(?)`, [
      digest(code),
    ]),
  )
  const open =
    found && (await on.db.withTenant(found.org_id, (tx) => details(on, tx, found.org_id, found.id)))
  if (!open) throw usedUp()
  return open
}

/**
 * Uses an invitation up and adds the member, in the transaction of the caller. The inviter's role is looked at again:
 * who was removed or has fallen below the role lets nobody in by an old link.
 *
 * Throws Refusal 410 when the link was used meanwhile, 403 `invitation_void`.
 */
export async function accept(
  on: Resources,
  tx: Tx,
  { org, id, ...joining }: { org: string; id: string; user: string; source?: Source },
): Promise<void> {
  const open = await details(on, tx, org, id)
  if (!open) throw usedUp()
  checkInviter(open)
  const used = await rows(
    tx,
    `update invitations set used_at = ? where org_id = ? and id = ? and used_at is null and expires_at > ? returning id`,
    [on.now(), org, id, on.now()],
  )
  if (used.length !== 1) throw usedUp()
  await rows(
    tx,
    `insert into memberships (org_id, user_id, role) values (?, ?, ?) on conflict do nothing`,
    [org, joining.user, open.role],
  )
  await audit(tx, org, {
    actor: byPerson(joining),
    action: 'invitation.accepted',
    target: { kind: 'invitation', id },
    detail: { role: open.role },
  })
}

/** Throws Refusal 403 when the inviter could not give this role today. */
export function checkInviter({ inviterRole, role }: Open): void {
  const may = inviterRole !== null && rankOf(inviterRole) >= Math.max(rankOf('admin'), rankOf(role))
  if (may) return
  throw new Refusal(
    403,
    'invitation_void',
    'Who invited you may not do so any more. Ask an owner or an admin for a new link.',
  )
}

async function details(on: Resources, tx: Tx, org: string, id: string): Promise<Open | undefined> {
  const [open] = await rows<Open>(
    tx,
    `select i.org_id as org, i.id, i.email, i.role, o.name as "orgName", u.name as inviter, m.role as "inviterRole"
       from invitations i
       join organizations o on o.org_id = i.org_id
       left join memberships m on m.org_id = i.org_id and m.user_id = i.invited_by
       left join users u on u.id = i.invited_by
      where i.org_id = ? and i.id = ? and i.used_at is null and i.expires_at > ?`,
    [org, id, on.now()],
  )
  return open
}

async function keep(
  on: Resources,
  actor: Actor,
  { email, role, code }: { email: string; role: Role; code: string },
): Promise<void> {
  const { org, user } = actor
  const id = newId()
  const until = new Date(on.now().getTime() + LIFE_MS)
  await on.db.withTenant(org, async (tx) => {
    await rows(tx, `delete from invitations where org_id = ? and email = ? and used_at is null`, [
      org,
      email,
    ])
    await rows(
      tx,
      `insert into invitations (org_id, id, code_digest, email, role, invited_by, expires_at, created_at)
       values (?, ?, ?, ?, ?, ?, ?, ?)`,
      [org, id, digest(code), email, role, user, until, on.now()],
    )
    await audit(tx, org, {
      actor: byPerson(actor),
      action: 'invitation.created',
      target: { kind: 'invitation', id },
      detail: { role },
    })
  })
}
