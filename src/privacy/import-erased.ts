import { erasedAt, type Identity } from '../deletions/suppressions.ts'
import type { Resources } from '../resources.ts'
import type { CheckedExport } from './import-file.ts'

/**
 * The contacts of an export who were erased since, where it came from or where it goes to: they stay out, with everything
 * that leads to them. Source: privacy promise P51, "suppressed persons skipped".
 */
export async function erasedContacts(
  on: Resources,
  org: string,
  file: CheckedExport,
): Promise<Set<string>> {
  const erased = new Set<string>()
  const orgs = [...new Set([org, file.org])]
  for await (const batch of file.rows('contact_identities')) {
    const people = batch.map((row): Identity[] => [
      { kind: String(row['kind']), value: String(row['value']) },
    ])
    for (const each of orgs) {
      const found = await on.db.withSystem((tx) => erasedAt(tx, on, each, people))
      for (const n of found.keys()) erased.add(String(batch[n]?.['contact_id']))
    }
  }
  return erased
}
