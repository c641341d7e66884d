import { isRetriable } from '../db.ts'
import type { Resources } from '../resources.ts'
import { isCollision } from './collision.ts'
import type { Item } from './numbers.ts'
import { writeSet } from './set.ts'

/** What became of the updates of one organization. */
export type Stored<T extends Item> = {
  strangers: T[]
  /** What the database does not take, each convicted alone, with the database's code. */
  culprits: { item: T; code: string }[]
  wamids: string[]
  /** Files of messages, to be fetched. */
  files: string[]
  changed: boolean
}

/** Larger sets are no faster and hold their locks longer. */
export const SET = 500

/**
 * Write updates in sets. A set that fails because of its data is halved until the culprit stands alone; the others
 * are stored. Throws when nobody's data is at fault: the database is away, full or being changed.
 */
export async function storeItems<T extends Item>(
  on: Resources,
  org: string,
  items: T[],
): Promise<Stored<T>> {
  const stored: Stored<T> = { strangers: [], culprits: [], wamids: [], files: [], changed: false }
  const waiting: T[][] = []
  for (let at = items.length; at > 0; at -= SET)
    waiting.push(items.slice(Math.max(0, at - SET), at))
  for (let set = waiting.pop(); set; set = waiting.pop()) {
    const fault = await storeSet(on, org, set, stored)
    const [only] = set
    if (fault === undefined || !only) continue
    if (set.length === 1) stored.culprits.push({ item: only, code: fault })
    else waiting.push(set.slice(set.length >> 1), set.slice(0, set.length >> 1))
  }
  return stored
}

/** Undefined when the set is stored, otherwise the code of what its data did. */
async function storeSet<T extends Item>(
  on: Resources,
  org: string,
  set: T[],
  stored: Stored<T>,
): Promise<string | undefined> {
  try {
    const { strangers, wamids, files, changed } = await writeSet(on, org, set)
    stored.strangers.push(...set.filter((item) => strangers.includes(item)))
    stored.wamids.push(...wamids)
    stored.files.push(...files)
    stored.changed ||= changed
    return undefined
  } catch (error) {
    const isShared = isCollision(error) && set.length > 1
    if (!isShared && !isDataFault(error)) throw error
    return codeOf(error)
  }
}

/** Classes of PostgreSQL that speak of values: data exceptions, constraints, limits; and our own code that choked on one. */
function isDataFault(error: unknown): boolean {
  const { code } = error as { code?: string }
  if (isRetriable(error) || isCollision(error)) return false
  return code === undefined || /^(22|23|54)/.test(code)
}

const codeOf = (error: unknown): string => {
  const { code, name } = error as { code?: string; name?: string }
  return code ?? name ?? 'unknown'
}
