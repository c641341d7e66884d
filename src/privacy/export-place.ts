import path from 'node:path'
import type { Resources } from '../resources.ts'
import { SealError, type Place, type SealingKey } from '../vault.ts'

/** Whose an export is, as its row says: null for a person's own. */
type Owned = { id: string; org_id: string | null }
type Placed = Owned & { location: string | null }

export const folderOf = (on: Resources): string => path.resolve(on.config.DATA_DIR, 'exports')

/** Where its organization's exports lie below the folder of exports; those of people lie apart from all of them. */
export const shelfOf = (org: string | null): string => org ?? 'people'
/** Below the folder of exports: the file while it is made, and when it is whole. */
export const partName = ({ id, org_id }: Owned): string => `${shelfOf(org_id)}/${id}.part`
export const sealedName = ({ id, org_id }: Owned): string => `${shelfOf(org_id)}/${id}.sealed`

export const partOf = (on: Resources, of: Owned): string => path.join(folderOf(on), partName(of))
/** Where its row says that it lies, as it may have been made by an older version, or where it will lie. */
export const sealedOf = (on: Resources, of: Placed): string =>
  path.join(folderOf(on), of.location ?? sealedName(of))

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
