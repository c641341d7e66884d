import { rows, type Tx } from '../db.ts'
import { through } from '../privacy/export-plan.ts'
import { manifest } from '../privacy/manifest.ts'
import type { Resources } from '../resources.ts'
import type { Settled } from './settle.ts'

/** How a value of a column's type is made around the stem. */
const AROUND: Record<string, (place: string) => string> = {
  text: (place) => `${place}::text`,
  'character varying(255)': (place) => `${place}::text`,
  json: (place) => `json_build_object('planted', ${place}::text)`,
  jsonb: (place) => `jsonb_build_object('planted', ${place}::text)`,
  'text[]': (place) => `array[${place}::text]`,
  bytea: (place) => `convert_to(${place}::text, 'UTF8')`,
}

/**
 * Put the stem into every column of the canary's rows that takes one, through the doors of the product; answers the tables
 * that hold it now. A column whose checks refuse it holds words of ours only, and what is sealed or decides how far a
 * deletion is stays as it is.
 */
export async function plantEverywhere(
  on: Resources,
  { org, user }: Settled,
  stem: string,
): Promise<Set<string>> {
  const planted = new Set<string>()
  for (const door of [org, undefined])
    await through(on.db, door, async (tx) => {
      for (const column of await listPlantable(tx)) {
        const whose =
          column.table === 'users' ? { key: 'id', id: user } : { key: 'org_id', id: org }
        if (await plant(tx, column, { ...whose, stem })) planted.add(column.table)
      }
    })
  return planted
}

type Plantable = { table: string; column: string; type: string }

async function plant(
  tx: Tx,
  { table, column, type }: Plantable,
  { key, id, stem }: { key: string; id: string; stem: string },
): Promise<boolean> {
  const value = AROUND[type]?.('?')
  if (value === undefined) return false
  // Refused by a check, or not for this door: the next column has its own try.
  const changed = await tx
    .transaction((inner) =>
      rows(
        inner,
        `update app."${table}" set "${column}" = ${value} where "${key}" = ? returning 1`,
        [stem, id],
      ),
    )
    .catch(() => [])
  return changed.length > 0
}

async function listPlantable(tx: Tx): Promise<Plantable[]> {
  const live = await rows<Plantable>(
    tx,
    `select c.relname as "table", a.attname as "column", format_type(a.atttypid, a.atttypmod) as type
       from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
      where c.relnamespace = 'app'::regnamespace and c.relkind = 'r' and has_column_privilege(c.oid, a.attnum, 'update')
        and (c.relname = 'users' or exists (select from pg_attribute o where o.attrelid = c.oid and o.attname = 'org_id'))`,
  )
  return live.filter(({ table, column }) => {
    const entry = manifest.tables.find((one) => one.table === table)?.columns[column]
    return entry?.sealed === 'none' && typeof entry.erase !== 'object' && column !== 'state'
  })
}
