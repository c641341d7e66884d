import { rows } from '../db.ts'
import { isId, newId } from '../ids.ts'
import type { Resources } from '../resources.ts'

/** The ids of the rows in an answer: of each in a list, or of the one. */
function idsIn(answer: unknown): string[] {
  const { data, id } = (answer ?? {}) as { data?: unknown; id?: unknown }
  const found: unknown[] = Array.isArray(data)
    ? data.map((row: { id?: unknown; ref_id?: unknown }) => row.id ?? row.ref_id)
    : [id]
  return [...new Set(found.filter(isId))]
}

export type Read = { org: string; key: string; path: string }

/**
 * Keep which rows a program is about to be given, before it is. Ids only; an answer that cannot be accounted for is not
 * given. If the key leaks, this is what leaked with it. Source: promise P32.
 */
export async function noteRead(
  on: Resources,
  { org, key, path }: Read,
  answer: unknown,
): Promise<void> {
  const refs = idsIn(answer)
  if (refs.length === 0) return
  await on.db.withTenant(org, (tx) =>
    rows(
      tx,
      `insert into api_reads (org_id, id, api_key_id, path, refs, at) values (?, ?, ?, ?, ?::uuid[], ?)`,
      [org, newId(), key, path, refs as never, on.now()],
    ),
  )
}
