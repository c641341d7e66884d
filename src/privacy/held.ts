import { rows, type Tx } from '../db.ts'
import type { Resources } from '../resources.ts'
import { restrictedIdsSql } from '../restrictions/gate.ts'
import { readCatalogue } from './catalogue.ts'
import { ownRows, type Condition } from './export-links.ts'
import type { Table } from './manifest/vocabulary.ts'

/** What retention leaves alone in one organization. */
export type Held = {
  /** Whoever needs their data, and their conversations. */
  contacts: string[]
  conversations: string[]
  /** Whether an order keeps messages, too: which ones the statement asks that would remove them. */
  isOrdered: boolean
  /** The rows of a table that stay; undefined where none could be theirs. */
  rowsOf(table: Table): Condition | undefined
}

/**
 * What people need for a claim, or an order of an authority keeps, is not removed because of its age; undefined where
 * there is neither. Source: GDPR Art. 18(1)(c); privacy promises P36 and P50.
 */
export async function readHeld(on: Resources, org: string): Promise<Held | undefined> {
  return on.db.withTenant(org, async (tx) => {
    const ids = restrictedIdsSql('?', { forClaim: true })
    const contacts = await rows<{ contact_id: string }>(tx, ids, [org])
    const isOrdered = await hasHold(tx, org)
    if (contacts.length === 0 && !isOrdered) return undefined
    const whose = { sql: `in (${ids})`, values: [org] }
    const talks = await rows<{ id: string }>(
      tx,
      `select id from conversations where org_id = ? and contact_id ${whose.sql}`,
      [org, ...whose.values],
    )
    const catalogue = await readCatalogue(tx)
    return {
      contacts: contacts.map(({ contact_id }) => contact_id),
      conversations: talks.map(({ id }) => id),
      isOrdered,
      rowsOf: (table) => ownRows(table, { subject: 'contact', whose, org }, catalogue),
    }
  })
}

async function hasHold(tx: Tx, org: string): Promise<boolean> {
  const sql = 'select 1 from legal_holds where org_id = ? and released_at is null limit 1'
  return (await rows(tx, sql, [org])).length > 0
}
