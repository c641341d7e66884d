import { audit, SYSTEM } from '../audit/audit.ts'
import { rows } from '../db.ts'
import type { Resources } from '../resources.ts'
import { countSealed, resealAll } from './reseal.ts'
import { sealersOfMedia } from './sealed-files.ts'

export type Settled = {
  /** Keys that seal nothing new and are still needed, or were in use too lately to be sure. */
  retired: string[]
  resealed: Record<string, number>
  /** What old keys still seal, by where it lies. */
  left: Record<string, number>
  destroyed: string[]
}

/**
 * A process that cannot reach the database goes on sealing webhooks with the key it knows, and its queue may keep them
 * from us: a day after its retirement nobody can be that late.
 */
const LATEST_MS = 86_400_000

type Retired = { kid: string; retired_at: Date }

/**
 * Seals what old keys of an organization still hold with the active one, and destroys each old key that seals nothing any
 * more in any store. Queues and files are not rewritten but waited for: they empty by themselves. Source: promise P27.
 */
export async function settleKeys(on: Resources, org: string, now: Date): Promise<Settled> {
  const keys = await on.db.withTenant(org, (tx) => on.keys.of(tx, org))
  const [active] = keys
  if (!active) return { retired: [], resealed: {}, left: {}, destroyed: [] }
  const { resealed, left } = await resealAll(on, { org }, { to: active, from: keys })
  const retired = await listRetired(on, org)
  const held: Held = retired.length > 0 ? await countHeld(on, org, retired) : new Map()
  for (const places of held.values())
    for (const [place, n] of Object.entries(places)) left[place] = (left[place] ?? 0) + n
  const isFree = ({ kid, retired_at }: Retired): boolean =>
    Object.keys(held.get(kid) ?? {}).length === 0 &&
    now.getTime() - retired_at.getTime() >= LATEST_MS
  const destroyed = await destroy(on, org, retired.filter(isFree))
  const kept = retired.map(({ kid }) => kid).filter((kid) => !destroyed.includes(kid))
  return { retired: kept, resealed, left, destroyed }
}

/** Old keys, the oldest first. */
export const listRetired = (on: Resources, org: string): Promise<Retired[]> =>
  on.db.withTenant(org, (tx) =>
    rows<Retired>(
      tx,
      `select kid, retired_at from org_keys where org_id = ? and state = 'retired' order by retired_at, kid`,
      [org],
    ),
  )

type Held = Map<string, Record<string, number>>

/** Everything that each old key still seals, by the place it lies in. */
async function countHeld(on: Resources, org: string, retired: Retired[]): Promise<Held> {
  const [columns, queued] = [await countSealed(on, { org }), await on.queues.sealedBy()]
  const media = await sealersOfMedia(on, org)
  const held: Held = new Map()
  for (const { kid, retired_at } of retired) {
    const queues = queued[kid] ?? 0
    // What cannot be looked at may be sealed with any of them.
    const files = (await exportsSince(on, org, retired_at)) + (media ? (media[kid] ?? 0) : 1)
    held.set(kid, {
      ...columns[kid],
      ...(queues > 0 ? { queues } : {}),
      ...(files > 0 ? { files } : {}),
    })
  }
  return held
}

/** An export is sealed with the key of its beginning, on whichever machine it was made. */
async function exportsSince(on: Resources, org: string, retiredAt: Date): Promise<number> {
  const [found] = await on.db.withSystem((tx) =>
    rows<{ n: number }>(
      tx,
      `select count(*)::int as n from exports where org_id = ? and created_at <= ?
          and state in ('pending', 'running', 'ready')`,
      [org, retiredAt],
    ),
  )
  return found?.n ?? 0
}

async function destroy(on: Resources, org: string, keys: Retired[]): Promise<string[]> {
  if (keys.length === 0) return []
  const gone = await on.db.withTenant(org, async (tx) => {
    const found = await rows<{ kid: string }>(
      tx,
      `delete from org_keys where org_id = ? and kid = any(?) and state = 'retired' returning kid`,
      [org, keys.map(({ kid }) => kid) as never],
    )
    const detail = { keys: found.length }
    await audit(tx, org, { actor: SYSTEM, action: 'keys.destroyed', detail })
    return found.map(({ kid }) => kid)
  })
  await on.db.withSystem((tx) =>
    rows(tx, `delete from key_usage where org_id = ? and kid = any(?)`, [org, gone as never]),
  )
  on.keys.forget(org)
  on.events.publish({ kind: 'keys', org })
  return gone
}
