import { answerRow } from '../api/idempotency.ts'
import { rows, type Tx } from '../db.ts'
import { manifest } from '../privacy/manifest.ts'
import type { Resources } from '../resources.ts'
import type { Place } from '../vault.ts'
import { placeOf as placeOfLetter } from '../webhooks/sealing.ts'

/** A column of the database that holds envelopes, as it is reached for one organization or for the installation. */
export type SealedColumn = {
  table: string
  column: string
  /** The organization whose door is opened; undefined for the system's. */
  door: string | undefined
  /** Which of its rows: a condition over `:org`. */
  where: string
  /** The primary key without the organization: rows are walked along it. */
  keys: { name: string; type: string }[]
  place(facts: Record<string, unknown>): Place
}

type Facts = Record<string, unknown>
/** What a value is bound to where that is not the id of its row. */
const ROWS: Readonly<Record<string, (facts: Facts) => string>> = {
  'notice_originals.raw': ({ notice_id }) => String(notice_id),
  'idempotency_keys.response': ({ api_key_id, key }) =>
    answerRow({ key: String(api_key_id), name: String(key) }),
}
const PLACES: Readonly<Record<string, (facts: Facts) => Place>> = {
  'dead_letters.body': ({ connection_id, first_seen_at }) =>
    placeOfLetter(connection_id as string | null, Date.parse(String(first_seen_at))),
}
/** Rewrapped on their own, and what each master key is known by. */
const OTHERS = new Set(['org_keys.wrapped', 'master_keys.probe'])

type Live = {
  table: string
  hasTenantDoor: boolean
  hasOrg: boolean
  mayBeNobodys: boolean
  keys: { name: string; type: string }[]
}

/** Every column with values under the keys of an organization, or with `org` null of the installation. */
export async function listSealed(on: Resources, org: string | null): Promise<SealedColumn[]> {
  const live = await on.db.withSystem((tx) => readLive(tx))
  return manifest.tables.flatMap(({ table, columns }) => {
    const facts = live.find((one) => one.table === table)
    if (!facts) return []
    return Object.entries(columns).flatMap(([column, { sealed }]) => {
      const isOwn = sealed === (org === null ? 'gcm_instance' : 'gcm_org')
      const isMixed = org === null && sealed === 'gcm_org' && facts.mayBeNobodys
      if ((!isOwn && !isMixed) || OTHERS.has(`${table}.${column}`)) return []
      return [sealedColumn(facts, column, { org, isMixed })]
    })
  })
}

function sealedColumn(
  { table, keys, hasTenantDoor, hasOrg }: Live,
  column: string,
  { org, isMixed }: { org: string | null; isMixed: boolean },
): SealedColumn {
  const name = `${table}.${column}`
  const rowOf = ROWS[name] ?? (({ id }: Facts) => String(id))
  const isAll = org === null && !isMixed
  return {
    table,
    column,
    keys,
    door: org !== null && hasTenantDoor ? org : undefined,
    where: isAll || !hasOrg ? 'true' : 'org_id is not distinct from :org::uuid',
    place:
      PLACES[name] ??
      ((facts) => ({ purpose: `${table}|${column}`, org: org ?? 'instance', row: rowOf(facts) })),
  }
}

const readLive = (tx: Tx): Promise<Live[]> =>
  rows<Live>(
    tx,
    `select c.relname as "table", has_table_privilege('cf_app', c.oid, 'update') as "hasTenantDoor",
            o.attnum is not null as "hasOrg", coalesce(not o.attnotnull, false) as "mayBeNobodys",
            (select coalesce(jsonb_agg(jsonb_build_object('name', a.attname, 'type', format_type(a.atttypid, null))
                      order by array_position(i.indkey::int2[], a.attnum)), '[]')
               from pg_catalog.pg_index i join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = any (i.indkey)
              where i.indrelid = c.oid and i.indisprimary and a.attname <> 'org_id') as keys
       from pg_catalog.pg_class c
       left join pg_catalog.pg_attribute o on o.attrelid = c.oid and o.attname = 'org_id' and not o.attisdropped
      where c.relnamespace = 'app'::regnamespace and c.relkind in ('r', 'p')`,
  )
