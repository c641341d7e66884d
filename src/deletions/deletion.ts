import { rows, type Tx } from '../db.ts'
import { digest } from '../ids.ts'
import type { Resources } from '../resources.ts'
import { open, seal } from '../vault.ts'
import type { Withdrawn } from '../media/withdrawal.ts'
import type { Retained } from './retained.ts'

/**
 * `org`: an account with everything in it; `user`: one person's sign-in; `contact`: one person on WhatsApp;
 * `meta_user`: what a person on Facebook granted.
 */
export type Kind = 'org' | 'contact' | 'user' | 'meta_user'
export type State = 'requested' | 'confirmed' | 'grace' | 'purging' | 'purged' | 'cancelled'
/** How it was asked for. */
export type Road = 'self' | 'agent' | 'api' | 'cli' | 'operator' | 'meta' | 'dormant'
export type ActorKind = 'user' | 'api_key' | 'system' | 'operator' | 'subject'

/** What a step did: whether it is over, and how many rows, jobs or files of each name went. */
export type StepNote = { done: boolean; counts: Record<string, number>; notes?: string[] }

export type Deletion = {
  id: string
  org_id: string | null
  kind: Kind
  subject_id: string
  road: Road
  state: State
  reason: 'withdrawn' | 'lapsed' | 'rejected' | null
  requested_at: Date
  confirmed_at: Date | null
  grace_until: Date | null
  deadline_at: Date
  purged_at: Date | null
  backups_clear_at: Date | null
  steps: Record<string, StepNote>
  certificate: object | null
  signature: string | null
  /** Where a restored backup made it necessary again: what it was the first time. */
  first: First | null
  /** Since when it rests because an order keeps a part, and what that is; the latter stays to be told. */
  retained_at: Date | null
  retained: Retained | null
}

export type First = {
  purged_at: string
  backups_clear_at: string
  certificate: Record<string, unknown>
  signature: string
  /** When the backup was made that brought it back. */
  backup_made_at: string
}

/** What later steps need and earlier ones destroy. Sealed with the row under the installation's key, emptied at the end. */
export type Handles = {
  code: string
  /** Values that must be nowhere afterwards. */
  values: string[]
  /** People whose membership ends with an organization. */
  members: string[]
  /** Uploads that are gone at Meta, while others are still asked for. */
  withdrawn?: Withdrawn[]
  /** What the mailed link ends with, as long as it waits to be opened. */
  confirm?: string
}

export const COLUMNS = `id, org_id, kind, subject_id, road, state, reason, requested_at, confirmed_at, grace_until, deadline_at,
  purged_at, backups_clear_at, steps, certificate, signature, first, retained_at, retained`

const place = (id: string) => ({ purpose: 'deletions|handles', org: 'instance', row: id })

export function sealHandles(on: Resources, id: string, handles: Handles): string {
  const [key] = on.vault.instance
  if (!key) throw new Error('no master key')
  return seal(key, place(id), JSON.stringify(handles))
}

/** Throws when there are none any more, or another key sealed them. */
export async function readHandles(on: Resources, tx: Tx, id: string): Promise<Handles> {
  const [row] = await rows<{ handles: string | null }>(
    tx,
    'select handles from deletions where id = ?',
    [id],
  )
  if (!row?.handles) throw new Error('the handles of this deletion are gone')
  return JSON.parse(open(on.vault.instance, place(id), row.handles).toString('utf8')) as Handles
}

/** The deletion behind a public code, for whoever holds it; undefined for a code nobody was given. */
export async function findDeletion(on: Resources, code: string): Promise<Deletion | undefined> {
  const [found] = await on.db.withSystem((tx) =>
    rows<Deletion>(tx, `select ${COLUMNS} from deletions where code_digest = ?`, [digest(code)]),
  )
  return found
}

/** The deletion of a subject that is under way. */
export async function openDeletion(tx: Tx, subject: string): Promise<Deletion | undefined> {
  const [found] = await rows<Deletion>(
    tx,
    `select ${COLUMNS} from deletions where subject_id = ? and state not in ('purged', 'cancelled')`,
    [subject],
  )
  return found
}

export type OpenDeletion = Pick<
  Deletion,
  'id' | 'kind' | 'state' | 'requested_at' | 'deadline_at' | 'grace_until' | 'steps'
>

/** Those under way, the nearest deadline first; nobody is named. For operators. */
export const listOpenDeletions = (on: Resources, limit = 50): Promise<OpenDeletion[]> =>
  on.db.withSystem((tx) =>
    rows<OpenDeletion>(
      tx,
      `select id, kind, state, requested_at, deadline_at, grace_until, steps from deletions
        where state not in ('purged', 'cancelled') order by deadline_at, id limit ?`,
      [limit],
    ),
  )
