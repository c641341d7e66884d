import path from 'node:path'
import type { Resources } from '../resources.ts'
import { SealError, type Place, type SealingKey } from '../vault.ts'

/** Whose an export is, as its row says: null for a person's own. */
type Owned = { id: string; org_id: string | null }

export const folderOf = (on: Resources): string => path.resolve(on.config.DATA_DIR, 'exports')
/** The file while it is made. */
export const partOf = (on: Resources, id: string): string => path.join(folderOf(on), `${id}.part`)
export const sealedOf = (on: Resources, id: string): string =>
  path.join(folderOf(on), `${id}.sealed`)

/** What the chunks of its file are bound to. */
export const placeFor = ({ id, org_id }: Owned): Place => ({
  purpose: 'exports|file',
  org: org_id ?? 'instance',
  row: id,
})

/** The keys its file opens with, the one that seals first: the organization's, the installation's for a person. */
export async function keysFor(
  on: Resources,
  { org_id }: Owned,
): Promise<[SealingKey, ...SealingKey[]]> {
  const [first, ...others] =
    org_id === null
      ? on.vault.instance
      : await on.db.withTenant(org_id, (tx) => on.keys.of(tx, org_id))
  if (!first) throw new SealError()
  return [first, ...others]
}
