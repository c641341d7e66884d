import { rows } from '../db.ts'
import { SEAL_LIMITS } from '../key-usage.ts'
import type { Resources } from '../resources.ts'

export type KeyStatus = {
  /** The first seals what is new; all of them open. */
  master_keys: string[]
  data_keys: { active: number; retired: number; by_master_key: Record<string, number> }
  /** How much of what a key may seal the most used one has sealed, in percent. */
  most_used_percent: number
  /** Organizations whose data key does not open with the master keys given. */
  unreadable: string[]
}

type Keyed = Pick<Resources, 'config' | 'db' | 'vault'>
type Row = { kid: string; wrapped: string; wrapped_by: string; state: 'active' | 'retired' }

/** Which master key wraps how many data keys, and whether all of them open. No key leaves this function. */
export async function keyStatus(on: Keyed): Promise<KeyStatus> {
  const status: KeyStatus = {
    master_keys: on.config.masterKeys.map((key) => key.id),
    data_keys: { active: 0, retired: 0, by_master_key: {} },
    most_used_percent: (await keyUsage(on)).percent,
    unreadable: [],
  }
  const organizations = await on.db.withSystem((tx) =>
    rows<{ org_id: string }>(tx, 'select org_id from organizations order by org_id'),
  )
  for (const { org_id: org } of organizations) {
    const keys = await on.db.withTenant(org, (tx) =>
      rows<Row>(tx, 'select kid, wrapped, wrapped_by, state from org_keys where org_id = ?', [org]),
    )
    for (const key of keys) {
      status.data_keys[key.state] += 1
      const { by_master_key } = status.data_keys
      by_master_key[key.wrapped_by] = (by_master_key[key.wrapped_by] ?? 0) + 1
    }
    if (!keys.every((key) => opens(on, org, key))) status.unreadable.push(org)
  }
  return status
}

function opens(on: Keyed, org: string, { kid, wrapped }: Row): boolean {
  try {
    on.vault.unwrap(org, kid, wrapped)
    return true
  } catch {
    return false
  }
}

/** How often the most used key has sealed, and how much of its limit that is. Source: promise P26. */
export async function keyUsage(
  on: Pick<Resources, 'db'>,
): Promise<{ seals: number; percent: number }> {
  const [found] = await on.db.withSystem((tx) =>
    rows<{ seals: number }>(
      tx,
      `select max(seals)::float8 as seals
         from (select org_id, seals from key_usage union all select null, seals from master_keys) u`,
    ),
  )
  const seals = found?.seals ?? 0
  return { seals, percent: (100 * seals) / SEAL_LIMITS.most }
}
