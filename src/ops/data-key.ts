import { audit, type AuditActor } from '../audit/audit.ts'
import { rows, type Tx } from '../db.ts'
import { changeKey } from '../keys.ts'
import { listSwept } from '../privacy/sweep-runs.ts'
import { notFound } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { open, sealSoon, type SealingKey } from '../vault.ts'
import { oneAtATime } from './key-lock.ts'
import { countSealed } from './reseal.ts'
import { settleKeys, type Settled } from './retired-keys.ts'

export type DataRotation = { data_key: string } & Settled

const COLUMNS = ['access_token', 'app_secret', 'verify_token'] as const
type Connection = { id: string } & Record<(typeof COLUMNS)[number], string | null>

/**
 * Give an organization another data key. The key and the secrets of its connections change in one transaction; every
 * other value follows in batches, while people go on writing. An old key stays, retired, until nothing anywhere is sealed
 * with it. Another change of keys is waited for.
 * Throws Refusal 404; SealError when a secret opens with none of the organization's keys, and then nothing is changed.
 * Source: promise P27.
 */
export function rotateDataKey(
  on: Resources,
  org: string,
  { by, now = on.now() }: { by: AuditActor; now?: Date },
): Promise<DataRotation> {
  return oneAtATime(on, async () => {
    const key = await on.db.withTenant(org, (tx) => takeNewKey(on, tx, org, by))
    on.keys.forget(org)
    on.events.publish({ kind: 'keys', org })
    on.events.publish({ kind: 'connections' })
    await on.directory.refresh()
    return { data_key: key.id, ...(await settleKeys(on, org, now)) }
  })
}

export type AllRotated = Omit<Settled, 'retired'> & { organizations: number; retired: number }

/** As `rotateDataKey`, one organization after the other; those that are being purged are left to the purge. */
export async function rotateDataKeys(
  on: Resources,
  how: { by: AuditActor; now: Date },
): Promise<AllRotated> {
  const all: AllRotated = { organizations: 0, retired: 0, resealed: {}, left: {}, destroyed: [] }
  const orgs = await listSwept(on)
  for (const org of orgs) {
    const { retired, resealed, left, destroyed } = await rotateDataKey(on, org, how)
    all.organizations += 1
    all.retired += retired.length
    all.destroyed.push(...destroyed)
    addUp(all.resealed, resealed)
    addUp(all.left, left)
    on.log.info({ organizations: all.organizations, of: orgs.length }, 'data keys changed')
  }
  return all
}

/** What a change would do, for one organization or all: nothing is written. */
export async function previewDataKeys(
  on: Resources,
  org: string | undefined,
): Promise<{ organizations: number; would_reseal: Record<string, number> }> {
  const orgs = org === undefined ? await listSwept(on) : [org]
  const would_reseal: Record<string, number> = {}
  for (const each of orgs)
    for (const columns of Object.values(await countSealed(on, { org: each })))
      addUp(would_reseal, columns)
  return { organizations: orgs.length, would_reseal }
}

function addUp(sum: Record<string, number>, more: Record<string, number>): void {
  for (const [name, n] of Object.entries(more)) sum[name] = (sum[name] ?? 0) + n
}

/** Who seals a secret holds the keys until the commit: nothing is sealed under the old one after this. */
async function takeNewKey(on: Resources, tx: Tx, org: string, by: AuditActor): Promise<SealingKey> {
  const found = await rows(
    tx,
    `select 1 from organizations where org_id = ? and status <> 'purging'`,
    [org],
  )
  await rows(tx, `select kid from org_keys where org_id = ? order by kid for update`, [org])
  on.keys.forget(org)
  // Read before the new one is there: what is read is kept, and this may still be taken back.
  const keys = await on.keys.of(tx, org)
  const key = found.length > 0 ? await changeKey(tx, on.vault, org) : undefined
  if (!key) throw notFound('organization')
  const connections = await rows<Connection>(
    tx,
    `select id, ${COLUMNS.join(', ')} from connections where org_id = ? order by id for update`,
    [org],
  )
  for (const { id, ...sealed } of connections) {
    const anew: Record<string, string> = {}
    for (const column of COLUMNS) {
      const envelope = sealed[column]
      if (envelope === null) continue
      const place = { purpose: `connections|${column}`, org, row: id }
      anew[column] = await sealSoon(key, place, open(keys, place, envelope))
    }
    if (Object.keys(anew).length > 0)
      await tx('connections').where({ org_id: org, id }).update(anew)
  }
  const detail = { key: 'data' as const, resealed: connections.length }
  await audit(tx, org, { actor: by, action: 'keys.rotated', detail })
  return key
}
