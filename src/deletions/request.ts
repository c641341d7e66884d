import { audit, type AuditActor } from '../audit/audit.ts'
import { constraintOf, rows, type Tx } from '../db.ts'
import { digest, newCode, newId } from '../ids.ts'
import { notFound, Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { deadlineOf, graceUntil } from './deadline.ts'
import {
  noteState,
  openDeletion,
  readHandles,
  sealHandles,
  type Deletion,
  type Kind,
  type Road,
  type State,
} from './deletion.ts'
import { tellOwners } from './letters.ts'

export type Wish = {
  kind: Kind
  /** The organization of a contact; of an organization, itself. */
  org?: string
  subject: string
  road: Road
  by: AuditActor
  /** When the request reached us by whatever road; now unless told. The deadline runs from here. */
  received?: Date
  /** Of a request that comes with its own; a new one unless told. */
  code?: string
  /** What the steps need that is in no row. */
  values?: string[]
}

export type Asked = { id: string; code: string; state: State; deadline: Date }

/**
 * Ask for a deletion that is confirmed by the way it is asked: signed in with the password entered lately, by an agent
 * for a contact, or on the command line. Asked again while one is under way, the same one is answered.
 *
 * Throws Refusal 404 for no such subject, 409 `last_owner` for a person without whom an organization has no owner.
 * Source: privacy policy §6, "You may request deletion … at any time".
 */
export async function requestDeletion(on: Resources, wish: Wish): Promise<Asked> {
  await checkSubject(on, wish)
  try {
    const asked = await on.db.withSystem((tx) => begin(on, tx, wish))
    if (wish.kind === 'org') await tellOwners(on, wish.subject, asked)
    return asked
  } catch (error) {
    // Two asked at once: the other one's is the one there is.
    if (constraintOf(error) !== 'deletions_running') throw error
    return on.db.withSystem((tx) => begin(on, tx, wish))
  }
}

async function begin(on: Resources, tx: Tx, wish: Wish): Promise<Asked> {
  const running = await openDeletion(tx, wish.subject)
  if (running) return again(on, tx, running)
  const [id, code, now] = [newId(), wish.code ?? newCode(24), on.now()]
  const received = wish.received && wish.received < now ? wish.received : now
  const deadline = deadlineOf(received)
  const until = wish.kind === 'org' ? graceUntil(now, deadline, on.config) : now
  const handles = sealHandles(on, id, { code, values: wish.values ?? [], members: [] })
  await rows(
    tx,
    `insert into deletions (id, org_id, kind, subject_id, code_digest, road, state, requested_at, confirmed_at, grace_until,
       deadline_at, handles) values (?, ?, ?, ?, ?, ?, 'grace', ?, ?, ?, ?, ?)`,
    [
      id,
      orgOf(wish),
      wish.kind,
      wish.subject,
      digest(code),
      wish.road,
      received,
      now,
      until,
      deadline,
      handles,
    ],
  )
  for (const state of ['requested', 'confirmed', 'grace'] as const)
    await noteState(tx, { id, state, at: now, by: wish.by.kind })
  if (wish.kind === 'org') await freeze(tx, wish.subject, 'frozen')
  await tell(tx, wish)
  return { id, code, state: 'grace', deadline }
}

const orgOf = ({ kind, org, subject }: Wish): string | null =>
  kind === 'org' ? subject : (org ?? null)

async function again(on: Resources, tx: Tx, { id, state, deadline_at }: Deletion): Promise<Asked> {
  const { code } = await readHandles(on, tx, id)
  return { id, code, state, deadline: deadline_at }
}

/** While it may still be cancelled an organization sends nothing and takes nobody in; what arrives is kept. */
async function freeze(tx: Tx, org: string, status: 'frozen' | 'active'): Promise<void> {
  await rows(
    tx,
    `update organizations set status = ?, updated_at = now() where org_id = ? and status <> 'purging'`,
    [status, org],
  )
}

async function tell(tx: Tx, { kind, org, subject, by }: Wish): Promise<void> {
  // Whom it concerns is known when the grant is looked up.
  if (kind === 'meta_user') return
  const detail = { kind }
  const target = { kind, id: subject }
  const places =
    kind === 'user'
      ? await rows<{ org_id: string }>(tx, 'select org_id from user_orgs(?)', [subject])
      : [{ org_id: org ?? subject }]
  for (const { org_id } of places)
    await audit(tx, org_id, { actor: by, action: 'deletion.requested', target, detail })
}

async function checkSubject(on: Resources, { kind, org, subject }: Wish): Promise<void> {
  // The answer is the same for a person nobody knows.
  if (kind === 'meta_user') return
  if (kind === 'contact') {
    const found = await on.db.withTenant(org ?? '', (tx) =>
      rows(tx, 'select id from contacts where org_id = ? and id = ?', [org ?? '', subject]),
    )
    if (found.length === 0) throw notFound('contact')
    return
  }
  const table = kind === 'org' ? ['organizations', 'org_id'] : ['users', 'id']
  const found = await on.db.withSystem((tx) =>
    rows(tx, `select 1 from ${table[0]} where ${table[1]} = ?`, [subject]),
  )
  if (found.length === 0) throw notFound(kind === 'org' ? 'organization' : 'person')
  if (kind === 'user') await checkOwners(on, subject)
}

/** Nobody is left without an owner: who goes names another one first, or deletes the organization. */
async function checkOwners(on: Resources, user: string): Promise<void> {
  const owned = await on.db.withSystem((tx) =>
    rows<{ org_id: string }>(tx, `select org_id from user_orgs(?) where role = 'owner'`, [user]),
  )
  for (const { org_id } of owned) {
    const [rest] = await on.db.withTenant(org_id, (tx) =>
      rows<{ name: string; owners: number }>(
        tx,
        `select o.name, (select count(*)::int from memberships m
            where m.org_id = o.org_id and m.role = 'owner' and m.user_id <> ?) as owners
           from organizations o where o.org_id = ? and o.status = 'active'`,
        [user, org_id],
      ),
    )
    if (rest?.owners === 0)
      throw new Refusal(
        409,
        'last_owner',
        `You are the only owner of ${rest.name}. Make somebody else an owner first, or delete the organization.`,
      )
  }
}

/**
 * Take a deletion back while that is possible. Throws Refusal 404 for none under way, 409 `too_late` from the moment
 * its grace is over, whether or not anything was removed yet.
 */
export async function cancelDeletion(
  on: Resources,
  { subject, by }: { subject: string; by: AuditActor },
): Promise<void> {
  const now = on.now()
  await on.db.withSystem(async (tx) => {
    const running = await openDeletion(tx, subject)
    if (!running) throw notFound('deletion')
    const [cancelled] = await rows<{ id: string }>(
      tx,
      `update deletions set state = 'cancelled', reason = 'withdrawn', handles = null
        where id = ? and state in ('requested', 'confirmed', 'grace') and coalesce(grace_until, 'infinity') > ? returning id`,
      [running.id, now],
    )
    if (!cancelled)
      throw new Refusal(409, 'too_late', 'The time to cancel is over: the deletion has begun.')
    await noteState(tx, { id: running.id, state: 'cancelled', at: now, by: by.kind })
    if (running.kind === 'org') {
      await freeze(tx, subject, 'active')
      const target = { kind: 'org', id: subject }
      await audit(tx, subject, { actor: by, action: 'deletion.cancelled', target })
    }
  })
}
