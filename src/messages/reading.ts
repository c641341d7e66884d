import { createHash } from 'node:crypto'
import { Profile } from './shapes.ts'
import { isTooDeep, objectOf, storable, timeOf } from './storable.ts'
import type { From, List, Problem, Update } from './updates.ts'

export type Loose = Record<string, unknown>

/** One body as it is read. `arrived` stands in for a time that cannot be right. */
export type Reading = { arrived: Date; isOdd: boolean; object: unknown }

/** One change of an entry, and what all of its items share. */
export type Change = {
  reading: Reading
  field: string
  from: From
  entry: Loose
  value: Loose
  profiles: Profile[]
}

/** One item of a list in a change: as it came, and as it may be stored (undefined for no object). */
export type Found = Change & { item: unknown; clean: Loose | undefined }
export type Parse = (found: Found) => Update | Update[]

/** The time an object gives, or that of its arrival. */
export const timeIn = ({ reading }: Change, value: unknown): Date =>
  timeOf(value, reading.arrived) ?? reading.arrived

/** The object with every string made storable, or undefined for anything else. */
export const cleaned = (reading: Reading, item: unknown): Loose | undefined =>
  objectOf(reading.isOdd ? storable(item) : item)

/** An item on its own: what becomes a dead letter holds nothing of its neighbours. */
export function itemOf(change: Change, list: List, item: unknown): Found {
  const { from } = change
  const origin = from.origin && { ...from.origin, item: { list, value: item } }
  return {
    ...change,
    from: origin ? { ...from, origin } : from,
    item,
    clean: cleaned(change.reading, item),
  }
}

export function profileIn(reading: Reading, item: unknown): Profile[] {
  const profile = isTooDeep(item) ? undefined : cleaned(reading, item)
  return profile ? [Profile.parse(profile)] : []
}

/** An id for what has none, the same whenever it comes: `kind.` and a digest of the item. */
export const keyFor = (kind: string, item: unknown): string =>
  `${kind}.${createHash('sha256').update(JSON.stringify(item)).digest('hex').slice(0, 40)}`

export const problem = (reason: Problem['reason'], code: string): Problem => ({
  type: 'problem',
  reason,
  code,
})
