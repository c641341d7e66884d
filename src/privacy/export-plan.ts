import { rows, type Db, type Tx } from '../db.ts'
import { notFound, Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { restrictedIdsSql } from '../restrictions/gate.ts'
import { readCatalogue, type Catalogue, type LiveColumn } from './catalogue.ts'
import { only, ownRows, type Condition } from './export-links.ts'
import { manifest } from './manifest.ts'
import type { Entry, Export, Sealed, Table } from './manifest/vocabulary.ts'

/** Whose data leave: an organization's, one of its contacts', or a person's with an account. */
export type ExportSubject =
  | { kind: 'org'; org: string }
  | {
      kind: 'contact'
      org: string
      id: string
      /** What an order kept of an organization that is being erased may still be handed over. */
      isKept?: boolean
    }
  | { kind: 'user'; id: string }

/** A column that is exported, and how. */
export type Column = {
  name: string
  how: Exclude<Export, object>
  sealed: Sealed
  /** The rows in which it does not leave, where its table is one of a restricted contact's stub. */
  emptyIn: Condition | undefined
  /** In what a contact gets: colleagues are "agent" there. */
  isStaff: boolean
  /** In what a contact gets: keys of JSON below which other people are told of. */
  others: readonly string[]
}

/** The rows of one table behind one door of the database. */
export type Part = {
  table: string
  /** The organization whose door is opened; undefined for the system's. */
  org: string | undefined
  columns: Column[]
  /** The primary key without the organization: rows are read in its order. */
  keys: { name: string; type: string }[]
  where: Condition
  /** All rows of the organization: reading along the primary key passes over nothing. */
  isWhole: boolean
  /** Sealed values that did not open, by column. */
  missing: Map<string, number>
  /** The rows of restricted contacts, which stay behind where data of many leave together. */
  heldBack: Condition | undefined
}

/** A transaction through the door of a part. */
export const through = <T>(
  db: Db,
  org: string | undefined,
  run: (tx: Tx) => Promise<T>,
): Promise<T> => (org === undefined ? db.withSystem(run) : db.withTenant(org, run))

/**
 * What to read for a subject, in the order to read it: rows that point to others come first, so that whatever they
 * point to is still to be read when both were written meanwhile. The manifest decides on tables and columns, its
 * links and the foreign keys on rows. Throws Refusal 404 when there is no such subject, 409 while it is being erased.
 */
export async function planExport(
  on: Resources,
  subject: ExportSubject,
  tables: readonly Table[] = manifest.tables,
): Promise<Part[]> {
  const parts =
    subject.kind === 'user'
      ? await planPerson(on, subject, tables)
      : await planBehind(on, subject, { org: subject.org, tables })
  const order = tables.map(({ table }) => table)
  return parts.toSorted((a, b) => order.indexOf(b.table) - order.indexOf(a.table))
}

/** What the system may read is read there once; the rest of a person's rows lies behind their organizations' doors. */
async function planPerson(
  on: Resources,
  subject: ExportSubject & { kind: 'user' },
  tables: readonly Table[],
): Promise<Part[]> {
  const parts = await planBehind(on, subject, { org: undefined, tables })
  const isRead = new Set(parts.map(({ table }) => table))
  const orgs = await on.db.withSystem((tx) =>
    rows<{ org_id: string }>(tx, 'select org_id from user_orgs(?)', [subject.id]),
  )
  for (const { org_id } of orgs) {
    const more = await planBehind(on, subject, { org: org_id, tables })
    parts.push(...more.filter(({ table }) => !isRead.has(table)))
  }
  return parts
}

function planBehind(
  on: Resources,
  subject: ExportSubject,
  { org, tables }: { org: string | undefined; tables: readonly Table[] },
): Promise<Part[]> {
  return through(on.db, org, async (tx) => {
    await checkSubject(tx, subject)
    return partsOf(tables, subject, { org, catalogue: await readCatalogue(tx) })
  })
}

/** The parts of these tables that lie behind a door whose catalogue is given; asks the database nothing. */
export const partsOf = (
  tables: readonly Table[],
  subject: ExportSubject,
  behind: { org: string | undefined; catalogue: Catalogue },
): Part[] => tables.flatMap((table) => partOf(table, subject, behind) ?? [])

const STATUS: Record<ExportSubject['kind'], string> = {
  org: `select status from organizations where org_id = ?`,
  contact: `select case when exists (select from deletions d where d.org_id = c.org_id and d.subject_id = c.id
                                        and d.state = 'purging') then 'purging' else o.status end as status
              from contacts c join organizations o using (org_id) where c.org_id = ? and c.id = ?`,
  user: `select 'active' as status from users where id = ?`,
}

/** Throws Refusal 404 when there is no such subject, 409 while it or its organization is being erased. */
export async function checkSubject(tx: Tx, subject: ExportSubject): Promise<void> {
  const { kind } = subject
  const ids =
    kind === 'user' ? [subject.id] : kind === 'org' ? [subject.org] : [subject.org, subject.id]
  const [found] = await rows<{ status: string }>(tx, STATUS[kind], ids)
  if (!found) throw notFound(kind === 'org' ? 'organization' : kind)
  const isKept = kind === 'contact' && subject.isKept === true
  if (found.status === 'purging' && !isKept)
    throw new Refusal(409, 'being_erased', 'This is being erased: too late to export.')
}

type Behind = { org: string | undefined; catalogue: Catalogue }

function partOf(
  declared: Table,
  subject: ExportSubject,
  { org, catalogue }: Behind,
): Part | undefined {
  const { table } = declared
  const live = catalogue.columns(table)
  const restricted =
    subject.kind === 'org' ? restrictedRows(declared, subject.org, catalogue) : undefined
  const columns = columnsOf(declared, live, subject, restricted)
  const heldBack = table in manifest.stub ? undefined : restricted
  const own =
    subject.kind === 'org' ? allBut(heldBack) : ownOf(declared, subject, { org, catalogue })
  if (columns.length === 0 || !own) return undefined
  const keys = live
    .filter(({ key, column }) => key !== null && column !== 'org_id')
    .toSorted((a, b) => Number(a.key) - Number(b.key))
    .map(({ column, type }) => ({ name: column, type }))
  return {
    table,
    org,
    columns,
    keys,
    where: within(org, live, own),
    isWhole: subject.kind === 'org',
    missing: new Map(),
    heldBack,
  }
}

const ownOf = (
  declared: Table,
  subject: Exclude<ExportSubject, { kind: 'org' }>,
  { org, catalogue }: Behind,
): Condition | undefined =>
  ownRows(
    declared,
    {
      subject: subject.kind === 'user' ? 'account_user' : 'contact',
      whose: only(subject.id),
      org,
    },
    catalogue,
  )

const restrictedRows = (
  declared: Table,
  org: string,
  catalogue: Catalogue,
): Condition | undefined =>
  ownRows(
    declared,
    {
      subject: 'contact',
      whose: { sql: `in (${restrictedIdsSql('?')})`, values: [org] },
      org,
    },
    catalogue,
  )

/** `is not true`, because a row that leads to nobody is nobody's who is restricted. */
const allBut = (held: Condition | undefined): Condition =>
  held ? { sql: `((${held.sql}) is not true)`, values: held.values } : { sql: 'true', values: [] }

/** Where a table has no organization, row security alone says whose rows a page may see. */
function within(org: string | undefined, live: LiveColumn[], own: Condition): Condition {
  const hasOrg = live.some(({ column }) => column === 'org_id')
  if (org === undefined || !hasOrg) return own
  return { sql: `org_id = ? and ${own.sql}`, values: [org, ...own.values] }
}

function columnsOf(
  { table, columns }: Table,
  live: LiveColumn[],
  subject: ExportSubject,
  restricted: Condition | undefined,
): Column[] {
  const stub = manifest.stub[table]
  return live.flatMap(({ column: name, readable }) => {
    const entry = columns[name]
    if (!entry || !readable || typeof entry.export === 'object') return []
    // The one organization of an export is said once, in its manifest.json.
    if (name === 'org_id' && subject.kind !== 'user') return []
    const emptyIn = stub?.includes(name) === false ? restricted : undefined
    const { export: how, sealed } = entry
    return [{ name, how, sealed, emptyIn, ...aboutOthers(entry, subject) }]
  })
}

const aboutOthers = (
  { subject: about, others = [] }: Entry,
  { kind }: ExportSubject,
): Pick<Column, 'isStaff' | 'others'> =>
  kind === 'contact'
    ? { isStaff: about === 'account_user', others }
    : { isStaff: false, others: [] }
