import { disconnect } from '../connections/grants.ts'
import { rows, type Tx } from '../db.ts'
import type { Resources } from '../resources.ts'
import { advanceDue } from './advance.ts'
import { sealHandles, type First } from './deletion.ts'
import type { DeletionEntry, Entry } from './ledger.ts'
import { freeze } from './request.ts'
import { keepSuppression } from './suppressions.ts'

/** A deletion that has to be done again does not come to its end: nobody is let in before it does. */
export class NotReplayed extends Error {}

type Replay = { entries: Entry[]; madeAt: Date; observe?: ((at: string) => void) | undefined }

/**
 * Do again what was done after a backup was made: keep away who was erased, destroy tokens that were destroyed, take
 * back what was taken back, wait for what waits, and purge what was purged, each with its first certificate. Killed
 * anywhere and begun again it ends the same. Answers how many were purged again; throws NotReplayed while one is left.
 * Source: privacy promise P43.
 */
export async function replayDeletions(
  on: Resources,
  { entries, madeAt, observe }: Replay,
): Promise<number> {
  const states = latest(entries)
  await on.db.withSystem((tx) => suppressAgain(on, tx, entries))
  await on.db.withSystem((tx) => holdAgain(tx, entries))
  await destroyGrants(on, entries, states)
  const ordered = [...states].toSorted((a, b) => rank(a) - rank(b) || a.n - b.n)
  const again: string[] = []
  for (const entry of ordered) if (await setUp(on, entry, madeAt)) again.push(entry.id)
  await advanceDue(on, { now: on.now(), ...(observe ? { observe } : {}) })
  await checkPurged(on, states)
  return again.length
}

const OVER = new Set(['purged', 'cancelled'])

/** How far each deletion came, by its last entry. */
function latest(entries: Entry[]): DeletionEntry[] {
  const byId = new Map<string, DeletionEntry>()
  for (const entry of entries) if (entry.what === 'deletion') byId.set(entry.id, entry)
  return [...byId.values()]
}

const isDone = (state: DeletionEntry['state']): boolean => state === 'purging' || state === 'purged'

/** What was taken back first: it may stand in the way of a later one of the same subject. */
const rank = ({ state }: DeletionEntry): number =>
  state === 'cancelled' ? 0 : isDone(state) ? 2 : 1

async function suppressAgain(on: Resources, tx: Tx, entries: Entry[]): Promise<void> {
  for (const entry of entries)
    if (entry.what === 'suppressed' && entry.expires_at > on.now())
      await keepSuppression(tx, { ...entry, digest: Buffer.from(entry.digest, 'hex') })
}

/** What an order kept when the backup was made is to be kept now too, and what was released since is not. */
async function holdAgain(tx: Tx, entries: Entry[]): Promise<void> {
  for (const hold of entries)
    if (hold.what === 'hold')
      await rows(
        tx,
        `insert into legal_holds (org_id, id, contact_id, from_at, until_at, placed_at, ends_at, released_at)
         select org_id, ?, ?, ?, ?, ?, ?, ? from organizations where org_id = ?
         on conflict (org_id, id) do update set released_at = excluded.released_at`,
        [
          hold.id,
          hold.contact_id,
          hold.from_at,
          hold.until_at,
          hold.placed_at,
          hold.ends_at,
          hold.released_at,
          hold.org_id,
        ],
      )
}

/** Who granted what is not in the ledger; which connections lost their token is. */
async function destroyGrants(
  on: Resources,
  entries: Entry[],
  states: DeletionEntry[],
): Promise<void> {
  const again = new Set(states.filter(({ state }) => isDone(state)).map(({ id }) => id))
  const known = await on.db.withSystem((tx) =>
    rows<{ id: string }>(
      tx,
      `select id from deletions where state = 'purged' and kind = 'meta_user'`,
    ),
  )
  for (const { id } of known) again.delete(id)
  for (const entry of entries)
    if (entry.what === 'grant' && again.has(entry.deletion))
      for (const at of entry.connections) await disconnect(on, at)
}

/** The row as the ledger has it; true when it has to be purged again. */
function setUp(on: Resources, entry: DeletionEntry, madeAt: Date): Promise<boolean> {
  return on.db.withSystem(async (tx) => {
    const { id, state } = entry
    const [row] = await rows<{ state: string; isAgain: boolean }>(
      tx,
      `select state, first is not null as "isAgain" from deletions where id = ? for update`,
      [id],
    )
    if (row && OVER.has(row.state)) return row.isAgain
    if (!row) await insert(on, tx, entry)
    if (state === 'cancelled') await cancel(tx, entry)
    else if (state !== 'requested') await begin(tx, entry)
    if (!isDone(state)) return false
    await rows(
      tx,
      `update deletions set state = 'purging', steps = '{}', retained_at = null, lease_until = null, first = ?::jsonb,
              handles = coalesce(handles, ?) where id = ?`,
      [JSON.stringify(firstOf(entry, madeAt)), emptyHandles(on, id), id],
    )
    // What was granted is destroyed already, by the connections that the ledger names.
    if (entry.kind === 'meta_user' && state === 'purged') await keepFirst(tx, entry)
    return true
  })
}

async function insert(on: Resources, tx: Tx, entry: DeletionEntry): Promise<void> {
  const { id, org_id, kind, subject_id, road, requested_at, deadline_at, confirm_until } = entry
  await rows(
    tx,
    `insert into deletions (id, org_id, kind, subject_id, code_digest, road, state, requested_at, deadline_at, handles,
       confirm_digest, confirm_until) values (?, ?, ?, ?, ?, ?, 'requested', ?, ?, ?, ?, ?)`,
    [
      id,
      org_id,
      kind,
      subject_id,
      Buffer.from(entry.code_digest, 'hex'),
      road,
      requested_at,
      deadline_at,
      entry.kept ?? emptyHandles(on, id),
      entry.confirm_digest === null ? null : Buffer.from(entry.confirm_digest, 'hex'),
      confirm_until,
    ],
  )
}

const emptyHandles = (on: Resources, id: string): string =>
  sealHandles(on, id, { code: '', values: [], members: [] })

async function cancel(tx: Tx, { id, kind, subject_id, reason }: DeletionEntry): Promise<void> {
  await rows(
    tx,
    `update deletions set state = 'cancelled', reason = ?, handles = null, confirm_digest = null, confirm_until = null
      where id = ?`,
    [reason, id],
  )
  if (kind === 'org') await freeze(tx, subject_id, 'active')
}

async function begin(tx: Tx, entry: DeletionEntry): Promise<void> {
  const { id, kind, subject_id, confirmed_at, grace_until } = entry
  await rows(
    tx,
    `update deletions set state = 'grace', confirmed_at = ?, grace_until = ?, confirm_digest = null, confirm_until = null
      where id = ? and state = 'requested'`,
    [confirmed_at, grace_until, id],
  )
  if (kind === 'org') await freeze(tx, subject_id, 'frozen')
}

const firstOf = (entry: DeletionEntry, madeAt: Date): First | null =>
  entry.certificate && entry.signature && entry.purged_at && entry.backups_clear_at
    ? {
        purged_at: entry.purged_at.toISOString(),
        backups_clear_at: entry.backups_clear_at.toISOString(),
        certificate: entry.certificate,
        signature: entry.signature,
        backup_made_at: madeAt.toISOString(),
      }
    : null

const keepFirst = (tx: Tx, entry: DeletionEntry): Promise<unknown> =>
  rows(
    tx,
    `update deletions set state = 'purged', purged_at = ?, backups_clear_at = ?, handles = null,
            certificate = ?::jsonb, signature = ? where id = ?`,
    [
      entry.purged_at,
      entry.backups_clear_at,
      JSON.stringify(entry.certificate),
      entry.signature,
      entry.id,
    ],
  )

async function checkPurged(on: Resources, states: DeletionEntry[]): Promise<void> {
  const wanted = states.filter(({ state }) => isDone(state)).map(({ id }) => id)
  const left = await on.db.withSystem((tx) =>
    rows<{ id: string }>(
      tx,
      `select id from deletions where id = any(?) and state <> 'purged' and retained_at is null`,
      [wanted as never],
    ),
  )
  if (left.length > 0)
    throw new NotReplayed(`not deleted again yet: ${left.map(({ id }) => id).join(', ')}`)
}
