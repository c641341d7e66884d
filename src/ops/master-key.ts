import { audit, type AuditActor } from '../audit/audit.ts'
import { rows } from '../db.ts'
import type { Resources } from '../resources.ts'
import { SealError, type SealingKey } from '../vault.ts'
import { oneAtATime } from './key-lock.ts'
import { countSealed, resealAll } from './reseal.ts'
import { sealersOfExports } from './sealed-files.ts'

export type MasterRotation = {
  /** The id of the key that seals everything now. */
  master_key: string
  organizations: number
  rewrapped: number
  /** Values of the installation, by their column. */
  resealed: Record<string, number>
  /** What another master key still seals, by where it lies; the old ones may be dropped when all of it is 0. */
  left: Record<string, number> & { data_keys: number }
}

const TELL_EVERY = 100

/**
 * Put everything that a master key seals under the first one of the list: data keys, mail, second factors, letters of
 * nobody. Data keys stay as they are, so nothing else changes. One organization per transaction and no state of its
 * own: after a kill the next run goes on, a second one waits, and a run with nothing to do changes nothing.
 * What an organization that is being purged still has is left to the purge, but for what an order keeps of it.
 */
export function rotateMasterKey(on: Resources, by: AuditActor): Promise<MasterRotation> {
  const [first] = on.vault.instance
  if (!first) throw new SealError()
  return oneAtATime(on, async () => {
    const orgs = await organizationsOf(on)
    let [rewrapped, stuck] = [0, 0]
    for (const [n, org] of orgs.entries()) {
      const done = org.isKept
        ? await rewrapKept(on, org.id, first)
        : await rewrapKeys(on, org.id, { first, by })
      rewrapped += done.rewrapped
      stuck += done.left
      if ((n + 1) % TELL_EVERY === 0 || n + 1 === orgs.length)
        on.log.info({ organizations: n + 1, of: orgs.length }, 'data keys rewrapped')
    }
    const { resealed, left } = await resealAll(
      on,
      { org: null },
      { to: first, from: on.vault.instance },
    )
    const waiting = await waitingFor(on, first)
    return {
      master_key: first.id,
      organizations: orgs.length,
      rewrapped,
      resealed,
      left: { data_keys: stuck, ...left, ...waiting },
    }
  })
}

/** What a change would do: nothing is written. */
export async function previewMasterKey(on: Resources): Promise<MasterRotation> {
  const [first] = on.vault.instance
  if (!first) throw new SealError()
  const orgs = await organizationsOf(on)
  let rewrapped = 0
  for (const { id: org } of orgs) {
    const old = await on.db.withTenant(org, (tx) =>
      rows(tx, `select kid from org_keys where org_id = ? and wrapped_by <> ?`, [org, first.id]),
    )
    rewrapped += old.length
  }
  const resealed: Record<string, number> = {}
  for (const [kid, columns] of Object.entries(await countSealed(on, { org: null })))
    if (kid !== first.id)
      for (const [column, n] of Object.entries(columns))
        resealed[column] = (resealed[column] ?? 0) + n
  const left = { data_keys: 0, ...(await waitingFor(on, first)) }
  return { master_key: first.id, organizations: orgs.length, rewrapped, resealed, left }
}

/** What is not rewritten, because it goes by itself: bodies of unknown numbers in the queue, and files of people's exports. */
async function waitingFor(on: Resources, first: SealingKey): Promise<Record<string, number>> {
  const old = new Set(on.vault.instance.map(({ id }) => id).filter((id) => id !== first.id))
  const count = (sealers: Record<string, number>): number =>
    Object.entries(sealers).reduce((sum, [kid, n]) => sum + (old.has(kid) ? n : 0), 0)
  const [queues, files] = [count(await on.queues.sealedBy()), count(await sealersOfExports(on))]
  return { ...(queues > 0 ? { queues } : {}), ...(files > 0 ? { files } : {}) }
}

/** `isKept`: it is being erased, and an order keeps a part that its keys open. */
const organizationsOf = (on: Resources): Promise<{ id: string; isKept: boolean }[]> =>
  on.db.withSystem((tx) =>
    rows<{ id: string; isKept: boolean }>(
      tx,
      `select o.org_id as id, o.status = 'purging' as "isKept" from organizations o where o.status <> 'purging'
          or exists (select from legal_holds h where h.org_id = o.org_id and h.released_at is null) order by o.org_id`,
    ),
  )

/** Behind the write fence of a purge only this function changes a key, and there is no log left to tell it to. */
async function rewrapKept(
  on: Resources,
  org: string,
  first: SealingKey,
): Promise<{ rewrapped: number; left: number }> {
  const old = await on.db.withTenant(org, (tx) =>
    rows<{ kid: string; wrapped: string }>(
      tx,
      `select kid, wrapped from org_keys where org_id = ? and wrapped_by <> ?`,
      [org, first.id],
    ),
  )
  let rewrapped = 0
  for (const { kid, wrapped } of old) {
    const anew = openable(() => on.vault.rewrap(org, kid, wrapped))
    if (!anew) continue
    const values = [org, kid, anew.wrapped, anew.wrappedBy]
    await on.db.withSystem((tx) => rows(tx, 'select hold_rewrap(?, ?, ?, ?)', values))
    rewrapped += 1
  }
  return { rewrapped, left: old.length - rewrapped }
}

function rewrapKeys(
  on: Resources,
  org: string,
  { first, by }: { first: SealingKey; by: AuditActor },
): Promise<{ rewrapped: number; left: number }> {
  return on.db.withTenant(org, async (tx) => {
    const old = await rows<{ kid: string; wrapped: string }>(
      tx,
      `select kid, wrapped from org_keys where org_id = ? and wrapped_by <> ? order by kid for update`,
      [org, first.id],
    )
    let rewrapped = 0
    for (const { kid, wrapped } of old) {
      const anew = openable(() => on.vault.rewrap(org, kid, wrapped))
      if (!anew) continue
      await rows(
        tx,
        `update org_keys set wrapped = ?, wrapped_by = ? where org_id = ? and kid = ?`,
        [anew.wrapped, anew.wrappedBy, org, kid],
      )
      rewrapped += 1
    }
    const detail = { key: 'master' as const, resealed: rewrapped }
    if (rewrapped > 0) await audit(tx, org, { actor: by, action: 'keys.rotated', detail })
    return { rewrapped, left: old.length - rewrapped }
  })
}

/** A key that no master key of the list opens stays as it is, and is counted. */
function openable<T>(run: () => T): T | undefined {
  try {
    return run()
  } catch (error) {
    if (error instanceof SealError) return undefined
    throw error
  }
}
