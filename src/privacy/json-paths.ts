import { rows, type Tx } from '../db.ts'
import type { Resources } from '../resources.ts'
import { readCatalogue, type LiveColumn } from './catalogue.ts'
import { through } from './export-plan.ts'
import type { Table } from './manifest/vocabulary.ts'
import { covers } from './patterns.ts'

/** A path in a JSON column that no entry names. */
export type StrayPath = { table: string; column: string; path: string }

/** Values looked at in one column of one organization, the newest by their key. */
const SAMPLE = 200

type Json = { table: string; column: string; patterns: string[][]; keys: string[] }

/**
 * Look into the JSON that lies in the tables, behind the system's door and behind those of `orgs`, for paths that the
 * manifest does not name. Only names of keys leave the database, and those that look like words of people do not.
 */
export async function findStrayPaths(
  on: Resources,
  tables: readonly Table[],
  orgs: readonly string[],
): Promise<StrayPath[]> {
  const found = new Map<string, StrayPath>()
  for (const org of [undefined, ...orgs])
    await through(on.db, org, async (tx) => {
      for (const json of await jsonColumns(tx, tables, org !== undefined))
        for (const path of await pathsIn(tx, json, org)) {
          if (json.patterns.some((pattern) => covers(pattern, path))) continue
          const stray = { table: json.table, column: json.column, path: path.map(named).join('.') }
          found.set(Object.values(stray).join(' '), stray)
        }
    })
  return [...found.values()]
}

const named = (key: string): string => (/^\w{1,60}$/.test(key) ? key : '?')

async function jsonColumns(tx: Tx, tables: readonly Table[], isTenant: boolean): Promise<Json[]> {
  const catalogue = await readCatalogue(tx)
  return tables.flatMap(({ table, columns }) => {
    const live = catalogue.columns(table)
    const isTheirs = live.some(({ column }) => column === 'org_id')
    if (isTenant && !isTheirs) return []
    return live
      .filter(({ type, readable }) => type.startsWith('json') && readable)
      .map(({ column }) => ({
        table,
        column,
        patterns: (columns[column]?.paths ?? []).map((path) => path.split('.')),
        keys: keysOf(live),
      }))
  })
}

const keysOf = (live: LiveColumn[]): string[] =>
  live
    .filter(({ key, readable }) => key !== null && readable)
    .toSorted((a, b) => Number(a.key) - Number(b.key))
    .map(({ column }) => `"${column}" desc`)

/** Lists add no part to a path: what is in them stands under the name of the list. */
async function pathsIn(tx: Tx, json: Json, org: string | undefined): Promise<string[][]> {
  const { table, column, keys } = json
  const own = org === undefined ? '' : 'and org_id = ?'
  const order = keys.length > 0 ? `order by ${keys.join(', ')}` : ''
  const found = await rows<{ path: string[] }>(
    tx,
    `with recursive walk (path, value) as (
       select array[]::text[], v from (
         select "${column}"::jsonb as v from app."${table}" where "${column}" is not null ${own} ${order} limit ${SAMPLE}) s
       union all
       select case when e.key is null then w.path else w.path || e.key end, e.value from walk w cross join lateral (
         select key, value from jsonb_each(case jsonb_typeof(w.value) when 'object' then w.value else '{}' end)
         union all
         select null, value from jsonb_array_elements(case jsonb_typeof(w.value) when 'array' then w.value else '[]' end)) e
     )
     select distinct path from walk where jsonb_typeof(value) not in ('object', 'array') and path <> '{}'`,
    org === undefined ? [] : [org],
  )
  return found.map(({ path }) => path)
}
