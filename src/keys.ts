import { rows, type Db, type Tx } from './db.ts'
import type { Events } from './events.ts'
import type { Meter } from './key-usage.ts'
import type { Resources } from './resources.ts'
import {
  KeySpent,
  keyIdOf,
  open,
  seal,
  SealError,
  type Place,
  type SealingKey,
  type Vault,
} from './vault.ts'

/** The data keys of organizations, opened once and kept for half a minute; a destroyed one is forgotten when that is told. */
export type OrgKeys = {
  meter: Meter
  /** The active key first. Read anew when one of `wanted`, by its id, is younger than what is kept. */
  of(tx: Tx, org: string, wanted?: readonly string[]): Promise<SealingKey[]>
  forget(org: string): void
  /**
   * Puts a new key in the place of `spent`, unless somebody did already, in a transaction of its own: what is sealed
   * with it must open, whatever becomes of the caller's.
   */
  replace(org: string, spent: string): Promise<void>
}

const KEPT_MS = 30_000
type Row = { kid: string; wrapped: string }
type Needs = { vault: Vault; events: Events; db: Db; meter: Meter }

export function openKeys({ vault, events, db, meter }: Needs): OrgKeys {
  const kept = new Map<string, { keys: SealingKey[]; until: number }>()
  events.subscribe((event) => {
    if (event.kind === 'keys') kept.delete(event.org)
  })
  return {
    meter,
    async of(tx, org, wanted = []) {
      const known = kept.get(org)
      const hasAll = wanted.every((kid) => known?.keys.some(({ id }) => id === kid))
      if (known && known.until > Date.now() && hasAll) return known.keys
      const found = await rows<Row>(
        tx,
        `select kid, wrapped from org_keys where org_id = ? order by state`,
        [org],
      )
      const keys = found.map((row) => vault.unwrap(org, row.kid, row.wrapped))
      kept.set(org, { keys, until: Date.now() + KEPT_MS })
      return keys
    },
    forget: (org) => void kept.delete(org),
    async replace(org, spent) {
      await db.apart(org, (tx) => changeKey(tx, vault, org, spent))
      kept.delete(org)
      events.publish({ kind: 'keys', org })
      events.publish({ kind: 'connections' })
    },
  }
}

/**
 * Another active data key for an organization, whose row is held until the commit; the one before it is retired and
 * opens what it sealed. Undefined, and nothing changed, when the active key is not `only` any more, or there is none.
 */
export async function changeKey(
  tx: Tx,
  vault: Vault,
  org: string,
  only?: string,
): Promise<SealingKey | undefined> {
  await rows(tx, `select kid from org_keys where org_id = ? order by kid for update`, [org])
  const old = await rows(
    tx,
    `update org_keys set state = 'retired', retired_at = now()
      where org_id = :org and state = 'active' and (:only::text is null or kid = :only) returning kid`,
    { org, only: only ?? null },
  )
  if (old.length === 0) return undefined
  const { key, wrapped, wrappedBy } = vault.newDataKey(org)
  await rows(tx, `insert into org_keys (org_id, kid, wrapped, wrapped_by) values (?, ?, ?, ?)`, [
    org,
    key.id,
    wrapped,
    wrappedBy,
  ])
  return key
}

/** Others of this process may use up what was set aside; so often in a row is a fault. */
const TRIES = 20
/** More than the secrets of one connection. */
const HELD_USES = 8

/** The active key with at least `need` uses left; one that has reached its limit is replaced first. */
async function usableKey(on: Resources, tx: Tx, org: string, need = 1): Promise<SealingKey> {
  for (let attempt = 1; ; attempt++) {
    const [active] = await on.keys.of(tx, org)
    if (!active) throw new SealError()
    if (!active.uses || (await active.uses.more(need))) return active
    if (attempt === TRIES) throw new KeySpent()
    await on.keys.replace(org, active.id)
  }
}

/**
 * Seal under the active data key of `place.org`; the purpose is `table|column` for a column. A key that has reached its
 * limit is replaced first.
 */
export async function sealFor(
  on: Resources,
  tx: Tx,
  place: Place,
  text: string | Buffer,
): Promise<string> {
  for (let attempt = 1; ; attempt++) {
    const active = await usableKey(on, tx, place.org)
    try {
      return seal(active, place, text)
    } catch (error) {
      if (!(error instanceof KeySpent) || attempt === TRIES) throw error
    }
  }
}

/**
 * Hold the active key until the commit: a rotation waits, and then finds what is sealed meanwhile. For values that
 * are read together with the active key alone, as the directory does.
 */
export async function holdActiveKey(on: Resources, tx: Tx, org: string): Promise<void> {
  // Nobody can replace a key that is held, so it has to last.
  await usableKey(on, tx, org, HELD_USES)
  // A statement that waited for a rotation does not see the key it made: the next one does, and nobody rotates between.
  await rows(tx, `select kid from org_keys where org_id = ? order by kid for share`, [org])
  const held = await rows<{ kid: string }>(
    tx,
    `select kid from org_keys where org_id = ? and state = 'active'`,
    [org],
  )
  await on.keys.of(
    tx,
    org,
    held.map(({ kid }) => kid),
  )
}

/** Open what `sealFor` made, also under a retired key; throws SealError when it is not ours or was altered. */
export async function openFor(
  on: Resources,
  tx: Tx,
  place: Place,
  envelope: string,
): Promise<Buffer> {
  return open(await on.keys.of(tx, place.org, [keyIdOf(envelope)]), place, envelope)
}
