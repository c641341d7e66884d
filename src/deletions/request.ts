import { audit, type AuditActor } from '../audit/audit.ts'
import { constraintOf, rows, type Tx } from '../db.ts'
import { digest, newCode, newId } from '../ids.ts'
import { DAY_MS } from '../privacy/limits.ts'
import { notFound } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { linkDeletion } from '../rights/link.ts'
import { deadlineOf, graceUntil } from './deadline.ts'
import {
  openDeletion,
  readHandles,
  sealHandles,
  type ActorKind,
  type Deletion,
  type Kind,
  type Road,
  type State,
} from './deletion.ts'
import { tellOwners } from './letters.ts'
import { checkOwners } from './owners.ts'
import { noteState } from './states.ts'

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
  /** Until when it may be cancelled; at once for all but an organization unless told. */
  until?: Date
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

/** As `requestDeletion`, in a transaction of the caller's, who has looked at the subject and tells the owners. */
export async function begin(on: Resources, tx: Tx, wish: Wish): Promise<Asked> {
  const { kind, subject, by } = wish
  const running = await openDeletion(tx, subject)
  const asked = running ? await again(on, tx, running) : await note(on, tx, wish)
  const { id, code, deadline } = asked
  await linkDeletion(tx, { kind, org: wish.org, subject, deletion: id })
  if (asked.state !== 'requested') return asked
  const now = on.now()
  const until = wish.until ?? (kind === 'org' ? graceUntil(now, deadline, on.config) : now)
  // It was taken back or lapsed a moment ago: then this is a new one.
  if (!(await startGrace(on, tx, { id, now, until, by: by.kind }))) return begin(on, tx, wish)
  if (kind === 'org') await freeze(tx, subject, 'frozen')
  await tell(tx, wish)
  return { id, code, state: 'grace', deadline }
}

/** The row of something that was asked for and is not confirmed. */
export async function note(
  on: Resources,
  tx: Tx,
  wish: Wish,
  { confirm }: { confirm?: string } = {},
): Promise<Asked> {
  const [id, code, now] = [newId(), wish.code ?? newCode(24), on.now()]
  const received = wish.received && wish.received < now ? wish.received : now
  const deadline = deadlineOf(received)
  const kept = { code, values: wish.values ?? [], members: [], ...(confirm ? { confirm } : {}) }
  const handles = sealHandles(on, id, kept)
  await rows(
    tx,
    `insert into deletions (id, org_id, kind, subject_id, code_digest, road, state, requested_at, deadline_at, handles,
       confirm_digest, confirm_until) values (?, ?, ?, ?, ?, ?, 'requested', ?, ?, ?, ?, ?)`,
    [
      id,
      orgOf(wish),
      wish.kind,
      wish.subject,
      digest(code),
      wish.road,
      received,
      deadline,
      handles,
      confirm ? digest(confirm) : null,
      confirm ? new Date(now.getTime() + on.config.DELETION_CONFIRM_DAYS * DAY_MS) : null,
    ],
  )
  await noteState(on, tx, { id, state: 'requested', at: now, by: wish.by.kind })
  return { id, code, state: 'requested', deadline }
}

/** Confirmed, and from the same moment within its grace; false when it was not waiting for that. */
async function startGrace(
  on: Resources,
  tx: Tx,
  { id, now, until, by }: { id: string; now: Date; until: Date; by: ActorKind },
): Promise<boolean> {
  const begun = await rows(
    tx,
    `update deletions set state = 'grace', confirmed_at = ?, grace_until = ?, confirm_digest = null, confirm_until = null
      where id = ? and state = 'requested' returning id`,
    [now, until, id],
  )
  if (begun.length === 0) return false
  for (const state of ['confirmed', 'grace'] as const)
    await noteState(on, tx, { id, state, at: now, by })
  return true
}

const orgOf = ({ kind, org, subject }: Wish): string | null =>
  kind === 'org' ? subject : (org ?? null)

async function again(on: Resources, tx: Tx, { id, state, deadline_at }: Deletion): Promise<Asked> {
  const { code } = await readHandles(on, tx, id)
  return { id, code, state, deadline: deadline_at }
}

/** While it may still be cancelled an organization sends nothing and takes nobody in; what arrives is kept. */
export async function freeze(tx: Tx, org: string, status: 'frozen' | 'active'): Promise<void> {
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
