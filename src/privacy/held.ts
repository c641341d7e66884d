import { rows } from '../db.ts'
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
  /** The rows of a table that stay; undefined where none could be theirs. */
  rowsOf(table: Table): Condition | undefined
}

/**
 * What people need for a claim is not removed because of its age; undefined where nobody does.
 * Source: GDPR Art. 18(1)(c); privacy promise P50.
 */
export async function readHeld(on: Resources, org: string): Promise<Held | undefined> {
  return on.db.withTenant(org, async (tx) => {
    const ids = restrictedIdsSql('?', { forClaim: true })
    const contacts = await rows<{ contact_id: string }>(tx, ids, [org])
    if (contacts.length === 0) return undefined
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
      rowsOf: (table) => ownRows(table, { subject: 'contact', whose, org }, catalogue),
    }
  })
}
