import { rows, type Tx } from '../db.ts'
import type { Resources } from '../resources.ts'
import { readCatalogue, type Catalogue } from '../privacy/catalogue.ts'
import { only, ownRows, type Condition, type Wanted } from '../privacy/export-links.ts'
import { through } from '../privacy/export-plan.ts'
import { manifest } from '../privacy/manifest.ts'
import type { Table } from '../privacy/manifest/vocabulary.ts'

/** The rows of one table that go, and the door they are reached through (`org` undefined: the system's). */
export type Doomed = { table: string; org: string | undefined; where: Condition }

export type Subject =
  | { kind: 'org'; org: string }
  | { kind: 'contact'; org: string; id: string }
  | { kind: 'user'; id: string; orgs: string[] }

/**
 * What an erasure removes, in the order to remove it: rows that lead to others, by a foreign key or by value, go before
 * those they lead to. The manifest alone decides on tables; there is no second list.
 */
export async function planErasure(
  on: Resources,
  subject: Subject,
  tables: readonly Table[] = manifest.tables,
): Promise<Doomed[]> {
  const doors = subject.kind === 'user' ? [undefined, ...subject.orgs] : [subject.org, undefined]
  const doomed: Doomed[] = []
  let links: Catalogue['links'] = () => []
  for (const org of doors) {
    const behind = await through(on.db, org, async (tx) => {
      const [catalogue, mine] = [await readCatalogue(tx), await deletable(tx)]
      links = catalogue.links
      const own = tables.filter(({ table }) => mine.has(table))
      return doomedIn(own, subject, { org, catalogue })
    })
    const isKnown = ({ table }: Doomed): boolean =>
      subject.kind === 'org' && doomed.some((other) => other.table === table)
    doomed.push(...behind.filter((one) => !isKnown(one)))
  }
  const order = orderOf(links, tables)
  return doomed.toSorted((a, b) => order.indexOf(a.table) - order.indexOf(b.table))
}

/** As `planErasure`, of these tables behind one door whose catalogue is given; asks the database nothing. */
export const doomedIn = (
  tables: readonly Table[],
  subject: Subject,
  behind: { org: string | undefined; catalogue: Catalogue },
): Doomed[] => tables.flatMap((declared) => doomedOf(declared, subject, behind) ?? [])

async function deletable(tx: Tx): Promise<Set<string>> {
  const found = await rows<{ name: string }>(
    tx,
    `select relname as name from pg_catalog.pg_class
      where relnamespace = 'app'::regnamespace and relkind in ('r', 'p') and has_table_privilege(oid, 'delete')`,
  )
  return new Set(found.map(({ name }) => name))
}

type Behind = { org: string | undefined; catalogue: Catalogue }

function doomedOf(declared: Table, subject: Subject, at: Behind): Doomed | undefined {
  const { table } = declared
  if (isKept(declared)) return undefined
  const { org } = at
  const hasOrg = at.catalogue.columns(table).some(({ column }) => column === 'org_id')
  if (subject.kind === 'org') {
    const where = { sql: 'org_id = ?', values: [subject.org] }
    return hasOrg ? { table, org, where } : undefined
  }
  const own = ownRows(declared, wantedOf(subject, org), at.catalogue)
  if (!own || (subject.kind === 'contact' && org === undefined)) return undefined
  if (!hasOrg || org === undefined) return { table, org, where: own }
  return { table, org, where: { sql: `org_id = ? and ${own.sql}`, values: [org, ...own.values] } }
}

const wantedOf = (subject: Exclude<Subject, { kind: 'org' }>, org: string | undefined): Wanted => ({
  subject: subject.kind === 'user' ? 'account_user' : 'contact',
  whose: only(subject.id),
  org,
  isErasure: true,
})

/** Tables that are kept as proof, without anybody's data. */
const isKept = ({ columns }: Table): boolean =>
  Object.values(columns).every(({ erase }) => typeof erase === 'object')

/** Tables so that each comes before whatever it leads to. */
export function orderOf(
  links: Catalogue['links'],
  tables: readonly Table[] = manifest.tables,
): string[] {
  const order: string[] = []
  const seen = new Set<string>()
  const visit = ({ table, columns }: Table): void => {
    if (seen.has(table)) return
    seen.add(table)
    const declared = Object.values(columns).flatMap(({ link = '' }) =>
      [...link.matchAll(/[-~]>(\w+)/g)].map(([, to = '']) => to),
    )
    const targets = new Set([...links(table).map(({ to }) => to), ...declared])
    for (const other of tables) if (targets.has(other.table)) visit(other)
    order.unshift(table)
  }
  for (const declared of tables) visit(declared)
  // Whoever writes while their past is being erased is somebody new, and loses nothing.
  const first = ['contact_identities']
  const last = ['memberships', 'users', 'organizations']
  const rest = order.filter((table) => ![...first, ...last].includes(table))
  return [...first, ...rest, ...last]
}
