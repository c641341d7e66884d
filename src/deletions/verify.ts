import path from 'node:path'
import { rows } from '../db.ts'
import type { Resources } from '../resources.ts'
import type { Deletion } from './deletion.ts'
import type { Hit } from './files.ts'
import { countLeft, searchValues, type Finding } from './search.ts'
import { findingOf, searchStores } from './stores.ts'

/**
 * What is left of the subject of a deletion: rows, jobs, and the values that were kept aside to be looked for, in every
 * place. Another organization may know the same person, and they may have written again while they were erased: what is
 * of those is no finding, and `unsearched` says so. Source: promises P45 and P49.
 */
export async function findLeft(
  on: Resources,
  deletion: Deletion,
  known: string[],
): Promise<{ findings: Finding[]; unsearched: string[] }> {
  const { kind, subject_id: id, org_id } = deletion
  const findings: Finding[] = []
  const anew = kind === 'contact' ? await writtenAnew(on, deletion, known) : new Set<string>()
  const values = known.filter((value) => !anew.has(value))
  if (kind === 'org') {
    findings.push(...(await countLeft(on, id)))
    if (!(await on.queues.hasForgotten(id)))
      findings.push({ place: 'queues', what: 'row', age_s: null })
  }
  const door = kind === 'user' ? undefined : (org_id ?? id)
  findings.push(...(await searchValues(on, door, values)))
  const wish = { names: kind === 'contact', skip: [path.resolve(on.config.DATA_DIR, 'pg')] }
  const { hits, unsearched } =
    values.length > 0 ? await searchStores(on, values, wish) : { hits: [], unsearched: [] }
  const ours = await withoutOthers(on, hits, { values, org: door })
  findings.push(...ours.map(findingOf))
  return {
    findings,
    unsearched:
      anew.size > 0 ? [...unsearched, 'ids of somebody who wrote again meanwhile'] : unsearched,
  }
}

/** Those of the values by which somebody new is known: the subject is known by none of them since its fence. */
async function writtenAnew(
  on: Resources,
  { org_id, subject_id: id }: Deletion,
  values: string[],
): Promise<Set<string>> {
  const org = org_id ?? ''
  const found = await on.db.withTenant(org, (tx) =>
    rows<{ value: string }>(
      tx,
      'select value from contact_identities where org_id = ? and contact_id <> ? and value = any(?)',
      [org, id, values as never],
    ),
  )
  return new Set(found.map(({ value }) => value))
}

type Whose = { values: string[]; org: string | undefined }

/** Places belong to everybody: a value that somebody else holds rightly, or an order keeps, may be there for them. */
async function withoutOthers(on: Resources, hits: Hit[], { values, org }: Whose): Promise<Hit[]> {
  if (hits.length === 0) return []
  const found = [...new Set(hits.flatMap((hit) => hit.values))].flatMap((n) => values[n] ?? [])
  const held = await heldByOthers(on, found, org)
  return hits.filter((hit) => hit.values.some((n) => !held.has(values[n] ?? '')))
}

async function heldByOthers(
  on: Resources,
  values: string[],
  org: string | undefined,
): Promise<Set<string>> {
  const [people, orgs] = await on.db.withSystem(async (tx) => [
    await rows<{ value: string }>(tx, 'select email as value from users where email = any(?)', [
      values as never,
    ]),
    await rows<{ org_id: string }>(
      tx,
      `select o.org_id from organizations o where o.org_id <> ?
          or exists (select from legal_holds h where h.org_id = o.org_id and h.released_at is null)`,
      [org ?? '00000000-0000-0000-0000-000000000000'],
    ),
  ])
  const held = new Set(people.map(({ value }) => value))
  for (const { org_id: other } of orgs) {
    const own = await on.db.withTenant(other, (tx) =>
      rows<{ value: string }>(
        tx,
        `select value from contact_identities where org_id = :other and value = any(:values)
          union select email from contacts where org_id = :other and email = any(:values)`,
        { other, values },
      ),
    )
    for (const { value } of own) held.add(value)
  }
  return held
}
