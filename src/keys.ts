import { rows, type Tx } from './db.ts'
import type { Events } from './events.ts'
import type { Resources } from './resources.ts'
import { keyIdOf, open, seal, SealError, type Place, type SealingKey, type Vault } from './vault.ts'

/** The data keys of organizations, opened once and kept for half a minute; a destroyed one is forgotten when that is told. */
export type OrgKeys = {
  /** The active key first. Read anew when one of `wanted`, by its id, is younger than what is kept. */
  of(tx: Tx, org: string, wanted?: readonly string[]): Promise<SealingKey[]>
  forget(org: string): void
}

const KEPT_MS = 30_000
type Row = { kid: string; wrapped: string }

export function openKeys(vault: Vault, events: Events): OrgKeys {
  const kept = new Map<string, { keys: SealingKey[]; until: number }>()
  events.subscribe((event) => {
    if (event.kind === 'keys') kept.delete(event.org)
  })
  return {
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
  }
}

/** Seal under the active data key of `place.org`; the purpose is `table|column` for a column. */
export async function sealFor(
  on: Resources,
  tx: Tx,
  place: Place,
  text: string | Buffer,
): Promise<string> {
  const [active] = await on.keys.of(tx, place.org)
  if (!active) throw new SealError()
  return seal(active, place, text)
}

/**
 * Hold the active key until the commit: a rotation waits, and then finds what is sealed meanwhile. For values that
 * are read together with the active key alone, as the directory does.
 */
export async function holdActiveKey(on: Resources, tx: Tx, org: string): Promise<void> {
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
