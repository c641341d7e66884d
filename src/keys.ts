import { rows, type Tx } from './db.ts'
import type { Resources } from './resources.ts'
import { open, seal, SealError, type Place, type SealingKey, type Vault } from './vault.ts'

/** The data keys of organizations, opened once and kept for half a minute, so that a destroyed key is soon forgotten. */
export type OrgKeys = {
  of(tx: Tx, org: string): Promise<SealingKey[]>
  forget(org: string): void
}

const KEPT_MS = 30_000
type Row = { kid: string; wrapped: string }

export function openKeys(vault: Vault): OrgKeys {
  const kept = new Map<string, { keys: SealingKey[]; until: number }>()
  return {
    async of(tx, org) {
      const known = kept.get(org)
      if (known && known.until > Date.now()) return known.keys
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

/** Open what `sealFor` made, also under a retired key; throws SealError when it is not ours or was altered. */
export async function openFor(
  on: Resources,
  tx: Tx,
  place: Place,
  envelope: string,
): Promise<Buffer> {
  return open(await on.keys.of(tx, place.org), place, envelope)
}
