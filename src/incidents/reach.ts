import { rows, type Tx } from '../db.ts'
import { manifest } from '../privacy/manifest.ts'
import { Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { account, readIncident, type Exposed, type Incident } from './incidents.ts'

/** One table of an organization that was reached; ids only where they are known one by one. */
export type Reached = { org: string; table: string; rows: number; ids?: string[] }
export type Leak = { exposed: Exposed; id: string; from: Date; until: Date }

/** The table whose rows a call of the API answers with. */
const tableOf = (path: string): string =>
  path.includes('/messages') ? 'messages' : (path.split('/')[1] ?? '').replace('events', 'feed')

/**
 * What a leak reached: of a program exactly the rows it was given, of a person or an organization what could be read
 * there, of the installation all of it. Source: promise P32, from what was noted and from the manifest.
 */
export async function findReach(on: Resources, leak: Leak): Promise<Reached[]> {
  const orgs = await organizationsOf(on, leak)
  const found: Reached[] = []
  for (const org of orgs)
    found.push(
      ...(await on.db.withTenant(org, (tx) =>
        leak.exposed === 'api_key' ? readsOf(tx, org, leak) : tablesOf(tx, org),
      )),
    )
  return found
}

async function organizationsOf(on: Resources, { exposed, id }: Leak): Promise<string[]> {
  const sql = exposed === 'person' ? 'user_orgs(:id)' : 'organizations'
  const own = exposed === 'organization' ? 'and org_id = :id' : ''
  const found = await on.db.withSystem((tx) =>
    rows<{ org_id: string }>(
      tx,
      `select org_id from ${sql} where cast(:id as text) is not null ${own} order by org_id`,
      { id },
    ),
  )
  return found.map(({ org_id }) => org_id)
}

async function readsOf(tx: Tx, org: string, { id, from, until }: Leak): Promise<Reached[]> {
  const reads = await rows<{ path: string; ref: string }>(
    tx,
    `select distinct path, unnest(refs) as ref from api_reads
      where org_id = ? and api_key_id = ? and at >= ? and at <= ? order by path, ref`,
    [org, id, from, until],
  )
  const byTable = new Map<string, Set<string>>()
  for (const { path, ref } of reads) {
    const ids = byTable.get(tableOf(path)) ?? new Set()
    byTable.set(tableOf(path), ids.add(ref))
  }
  return [...byTable].map(([table, ids]) => ({ org, table, rows: ids.size, ids: [...ids] }))
}

/** Tables with somebody's data that a person signed in to the organization may come to see. */
const VISIBLE = [
  'contacts',
  'contact_identities',
  'conversations',
  'messages',
  'memberships',
  'connections',
]

async function tablesOf(tx: Tx, org: string): Promise<Reached[]> {
  const found: Reached[] = []
  for (const table of VISIBLE) {
    const [counted] = await rows<{ n: number }>(
      tx,
      `select count(*)::int as n from "${table}" where org_id = ?`,
      [org],
    )
    if (counted && counted.n > 0) found.push({ org, table, rows: counted.n })
  }
  return found
}

/** The kinds of data those tables hold, in words of the manifest. */
const categoriesOf = (tables: Set<string>): string[] => [
  ...new Set(
    manifest.tables
      .filter(({ table }) => tables.has(table))
      .flatMap(({ columns }) =>
        Object.values(columns)
          .filter(({ sealed }) => sealed === 'none')
          .map(({ category }) => category),
      )
      .filter((category) => category !== 'system'),
  ),
]

/** Looks the reach up and keeps it: whom the breach concerns, how many rows, which kinds of data. */
export async function noteReach(on: Resources, id: string, leak: Leak): Promise<Reached[]> {
  if (leak.from > leak.until) {
    const detail = 'The end comes before the beginning.'
    throw new Refusal(422, 'invalid', detail, { until: detail })
  }
  await account(on, id, {
    exposed: leak.exposed,
    exposed_id: leak.exposed === 'installation' ? null : leak.id,
    exposed_from: leak.from,
    exposed_until: leak.until,
  })
  const found = await findReach(on, leak)
  const reach: Incident['reach'] = {}
  for (const { org, table, rows: n } of found) reach[org] = { ...reach[org], [table]: n }
  const categories = categoriesOf(new Set(found.map(({ table }) => table)))
  const records = found.reduce((sum, { rows: n }) => sum + n, 0)
  await on.db.withSystem(async (tx) => {
    await rows(
      tx,
      `update incidents set reach = ?::jsonb, categories = ?::text[], records_estimate = ? where id = ?`,
      [JSON.stringify(reach), categories as never, records, id],
    )
    await rows(
      tx,
      `insert into incident_orgs (org_id, incident_id) select org_id, ? from organizations where org_id = any(?)
       on conflict do nothing`,
      [id, Object.keys(reach) as never],
    )
  })
  return found
}

/** As it was noted, looked up anew: ids, for whoever has to answer what exactly it was. */
export async function showReach(on: Resources, id: string): Promise<Reached[]> {
  const { exposed, exposed_id, exposed_from, exposed_until } = await readIncident(on, id)
  if (!exposed || !exposed_from || !exposed_until) return []
  return findReach(on, { exposed, id: exposed_id ?? '', from: exposed_from, until: exposed_until })
}
