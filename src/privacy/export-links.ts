import type { Catalogue } from './catalogue.ts'
import type { Entry, Table } from './manifest/vocabulary.ts'

/** A condition with its values, in their order. */
export type Condition = { sql: string; values: string[] }

/**
 * Whose rows are wanted: `whose` is what is true of the id of the subject, `= ?` or `in (…)`. `org` is the organization
 * whose door is open. An erasure also takes a person's rows that only a value leads to, as the usage events under a
 * random number.
 */
export type Wanted = {
  subject: 'contact' | 'account_user'
  whose: Condition
  org: string | undefined
  isErasure?: boolean
}

export const only = (id: string): Condition => ({ sql: '= ?', values: [id] })

type Hop = { column: string; byValue: boolean; to: string }

/**
 * The rows of a table that are this subject's own, by the links of the manifest; undefined when it has none.
 * Own is what goes with the subject: a colleague's id in somebody else's row only loses its value when the colleague
 * goes (`null`), so it makes no row theirs.
 */
export function ownRows(
  { table, columns }: Table,
  wanted: Wanted,
  catalogue: Catalogue,
): Condition | undefined {
  const { link } = Object.values(columns).find((entry) => leads(entry, wanted)) ?? {}
  if (link === undefined) return undefined
  if (link === 'self') return { sql: `id ${wanted.whose.sql}`, values: wanted.whose.values }
  const hops = [...link.matchAll(/(\w+)(->|~>)(\w+)/g)].map(
    ([, column = '', arrow, to = '']): Hop => ({ column, byValue: arrow === '~>', to }),
  )
  return follow(table, hops, wanted, catalogue)
}

const leads = ({ subject, erase, link }: Entry, wanted: Wanted): boolean =>
  subject === wanted.subject &&
  erase === 'delete_row' &&
  link !== undefined &&
  link !== 'expires' &&
  (subject === 'contact' || wanted.isErasure === true || !link.includes('~>'))

function follow(
  table: string,
  [hop, ...rest]: Hop[],
  wanted: Wanted,
  catalogue: Catalogue,
): Condition | undefined {
  if (!hop) return undefined
  const { sql, values } = wanted.whose
  if (rest.length === 0) return { sql: `"${hop.column}" ${sql}`, values }
  const target = hop.byValue
    ? hop.column
    : catalogue.links(table).find(({ column, to }) => column === hop.column && to === hop.to)
        ?.target
  const inner = follow(hop.to, rest, wanted, catalogue)
  if (target === undefined || inner === undefined || wanted.org === undefined) return undefined
  return {
    sql: `"${hop.column}" in (select "${target}" from "${hop.to}" where org_id = ? and ${inner.sql})`,
    values: [wanted.org, ...inner.values],
  }
}
