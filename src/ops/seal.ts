import type { Resources } from '../resources.ts'
import { open, seal, type Place } from '../vault.ts'

/** One value of a table that the key of the installation seals. */
export type Cell = { table: string; column: string; row: string }

const placeOf = ({ table, column, row }: Cell): Place => ({
  purpose: `${table}|${column}`,
  org: 'instance',
  row,
})

/** Seals what belongs to no organization's key, bound to its place. */
export function sealCell(on: Resources, cell: Cell, plain: string | Buffer): string {
  const [key] = on.vault.instance
  if (!key) throw new Error('the instance has no key')
  return seal(key, placeOf(cell), plain)
}

/** Opens what `sealCell` made; throws SealError. */
export const openCell = (on: Resources, cell: Cell, envelope: string): Buffer =>
  open(on.vault.instance, placeOf(cell), envelope)
