import { SYSTEM } from '../audit/audit.ts'
import { rows } from '../db.ts'
import { DUE_SHARE } from '../key-usage.ts'
import { DAY_MS, LIMITS } from '../privacy/limits.ts'
import type { Resources } from '../resources.ts'
import { rotateDataKey } from './data-key.ts'
import { oneAtATime } from './key-lock.ts'
import { listRetired, settleKeys } from './retired-keys.ts'

type Active = { created_at: Date; seals: number }

/**
 * Gives an organization a new data key when its own is older than a year or three quarters used up, and goes on with what a
 * change before left to do. Sources: promises P26 and P27; NIST SP 800-57 part 1 on the life of a key.
 */
export async function tendKeys(on: Resources, org: string, now: Date): Promise<void> {
  if (await isDue(on, org, now)) await rotateDataKey(on, org, { by: SYSTEM, now })
  else if ((await listRetired(on, org)).length > 0)
    await oneAtATime(on, () => settleKeys(on, org, now))
}

async function isDue(on: Resources, org: string, now: Date): Promise<boolean> {
  const [active] = await on.db.withTenant(org, (tx) =>
    rows<Active>(
      tx,
      `select k.created_at, coalesce(u.seals, 0)::float8 as seals
         from org_keys k left join key_usage u on u.org_id = k.org_id and u.kid = k.kid
        where k.org_id = ? and k.state = 'active'`,
      [org],
    ),
  )
  if (!active) return false
  const isOld = now.getTime() - active.created_at.getTime() > LIMITS.DATA_KEY_DAYS.is * DAY_MS
  return isOld || active.seals >= on.keys.meter.limits.most * DUE_SHARE
}

/** Changes the keys that are three quarters used up, without waiting for the sweep of the night; answers how many. */
export async function replaceOverused(on: Resources): Promise<number> {
  const due = on.keys.meter.limits.most * DUE_SHARE
  const found = await on.db.withSystem((tx) =>
    rows<{ org_id: string }>(
      tx,
      `select distinct u.org_id from key_usage u join organizations o on o.org_id = u.org_id
        where u.seals >= ? and o.status <> 'purging'`,
      [due],
    ),
  )
  let changed = 0
  for (const { org_id: org } of found)
    if (await isDue(on, org, on.now())) {
      await rotateDataKey(on, org, { by: SYSTEM })
      changed += 1
    }
  return changed
}
