import { constraintOf, rows, type Tx } from '../db.ts'
import { newId } from '../ids.ts'
import { sealFor } from '../keys.ts'
import { notFound, Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { removeAllFiles } from '../media/shelf.ts'
import { readCatalogue, type Catalogue, type LiveLink } from './catalogue.ts'
import type { Row } from './export-rows.ts'
import { erasedContacts } from './import-erased.ts'
import { openExport, type CheckedExport } from './import-file.ts'
import { restoreFiles } from './import-media.ts'
import { manifest } from './manifest.ts'
import type { Entry, Table } from './manifest/vocabulary.ts'

/**
 * `skipped`: rows whose contact or conversation is not in the export, or was erased since; `left`: tables that are not brought
 * back; `erased`: contacts who were erased since.
 */
export type Imported = {
  records: Record<string, number>
  skipped: Record<string, number>
  left: string[]
  erased: number
}

const PURGE_BATCH = 5_000

/**
 * Read the export of an organization back into an empty one. Ids stay, so what points from outside to a contact or a
 * message still does; only ids that another organization of this installation has are made anew. The file is
 * checked whole before the first row is written, and a failure leaves the organization empty again. Throws
 * Refusal 422 for a file that is no such export, 404 for an unknown organization, 409 for one that is not empty.
 */
export async function importExport(on: Resources, org: string, path: string): Promise<Imported> {
  const tables = manifest.tables.filter(({ table }) => table in manifest.restore)
  await checkEmpty(on, org, tables)
  const file = await openExport(path)
  try {
    return await fill(on, org, { tables, file })
  } catch (error) {
    await removeAllFiles(on, org)
    await empty(on, org, tables)
    if (/^2[23]/.test(String((error as { code?: string }).code)) || constraintOf(error))
      throw new Refusal(422, 'bad_data', 'This export holds a row that does not fit this version.')
    throw error
  } finally {
    await file.close()
  }
}

async function checkEmpty(on: Resources, org: string, tables: Table[]): Promise<void> {
  await on.db.withTenant(org, async (tx) => {
    const found = await rows(tx, 'select from organizations where org_id = ?', [org])
    if (found.length === 0) throw notFound('organization')
    for (const { table } of tables) {
      const used = await rows(tx, `select from "${table}" where org_id = ? limit 1`, [org])
      if (used.length > 0)
        throw new Refusal(
          409,
          'not_empty',
          `This organization has ${table.replaceAll('_', ' ')} already: import into a new one.`,
        )
    }
  })
}

type Filling = { tables: Table[]; file: CheckedExport }

async function fill(on: Resources, org: string, { tables, file }: Filling): Promise<Imported> {
  const catalogue = await on.db.withTenant(org, readCatalogue)
  const renamed = new Map<string, string>()
  const erased = await erasedContacts(on, org, file)
  const result: Imported = { records: {}, skipped: {}, left: [], erased: erased.size }
  for (const table of tables) {
    let [read, written] = [0, 0]
    for await (const batch of file.rows(table.table)) {
      read += batch.length
      written += await on.db.withTenant(org, (tx) =>
        writeBatch(on, tx, { org, table, catalogue, renamed, erased }, batch),
      )
    }
    result.records[table.table] = written
    if (read > written) result.skipped[table.table] = read - written
  }
  await restoreFiles(on, org, { file, renamed })
  result.left = Object.keys(file.records).filter((name) => !(name in manifest.restore))
  on.events.publish({ kind: 'connections' })
  return result
}

type Target = {
  org: string
  table: Table
  catalogue: Catalogue
  renamed: Map<string, string>
  erased: Set<string>
}

/** Returns how many rows were written. */
async function writeBatch(on: Resources, tx: Tx, to: Target, batch: Row[]): Promise<number> {
  const links = to.catalogue.links(to.table.table)
  const prepared: Row[] = []
  for (const row of batch)
    if (!to.erased.has(String(row['id']))) prepared.push(await prepare(on, tx, to, row))
  for (const row of prepared)
    for (const { column } of links) row[column] = to.renamed.get(String(row[column])) ?? row[column]
  const written = await insert(tx, to, prepared)
  if (!to.catalogue.hasGlobalId(to.table.table)) return written.length
  const isIn = new Set(written.map(({ id }) => id))
  const again = prepared.filter(({ id }) => !isIn.has(String(id)))
  for (const row of again) {
    to.renamed.set(String(row['id']), newId())
    row['id'] = to.renamed.get(String(row['id']))
  }
  return written.length + (again.length > 0 ? (await insert(tx, to, again)).length : 0)
}

/** The columns that come back, sealed anew where they lie sealed. */
async function prepare(on: Resources, tx: Tx, { org, table }: Target, row: Row): Promise<Row> {
  const result: Row = {}
  for (const [column, { sealed }] of restored(table)) {
    const value = row[column]
    const place = { purpose: `${table.table}|${column}`, org, row: String(row['id']) }
    result[column] =
      sealed === 'gcm_org' && typeof value === 'string'
        ? await sealFor(on, tx, place, value)
        : (value ?? null)
  }
  return result
}

const restored = ({ columns }: Table): [string, Entry][] =>
  Object.entries(columns).filter(([name, entry]) => name !== 'org_id' && entry.export === 'include')

/** Rows whose parents are not there stay out; a link that may be empty is emptied instead. */
async function insert(
  tx: Tx,
  { org, table, catalogue }: Target,
  batch: Row[],
): Promise<{ id?: string }[]> {
  const { table: name } = table
  const links = catalogue.links(name)
  const names = restored(table).map(([column]) => column)
  const isThere = ({ column, to, target }: LiveLink): string =>
    `exists (select from "${to}" x where x.org_id = o.org_id and x."${target}" = r."${column}")`
  const expressions = names.map((column) => {
    const loose = links.find((link) => link.column === column && link.onDelete === 'n')
    const own = loose ? `case when ${isThere(loose)} then r."${column}" end` : `r."${column}"`
    return manifest.restore[name]?.[column] ?? own
  })
  const parents = links
    .filter(({ onDelete }) => onDelete !== 'n')
    .map((link) => `(r."${link.column}" is null or ${isThere(link)})`)
  const quoted = names.map((column) => `"${column}"`)
  return rows<{ id?: string }>(
    tx,
    `insert into "${name}" (org_id, ${quoted.join(', ')}) select o.org_id, ${expressions.join(', ')}
       from (select cast(? as uuid) as org_id) o, jsonb_populate_recordset(null::"${name}", ?::jsonb) r
      where ${['true', ...parents].join(' and ')} on conflict do nothing
     returning ${names.includes('id') ? 'id' : '1 as one'}`,
    [org, JSON.stringify(batch)],
  )
}

/** Takes back what a failed import wrote: the organization was empty before. */
async function empty(on: Resources, org: string, tables: Table[]): Promise<void> {
  for (const { table } of tables.toReversed()) {
    const sql = `delete from "${table}" where ctid = any (array(select ctid from "${table}" where org_id = ? limit ${PURGE_BATCH}))
                    and org_id = ? returning 1`
    while ((await on.db.withTenant(org, (tx) => rows(tx, sql, [org, org]))).length > 0);
  }
}
