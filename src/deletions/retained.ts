import { keptSql, SCOPE } from '../disclosures/scope.ts'
import { rows } from '../db.ts'
import { newId } from '../ids.ts'
import { through } from '../privacy/export-plan.ts'
import type { Resources } from '../resources.ts'
import type { Deletion } from './deletion.ts'
import { planErasure, type Subject } from './plan.ts'

/** What a deletion left because the law requires it: since when, and how many rows of each table. */
export type Retained = { since: string; counts: Record<string, number> }

/** Whether an order keeps anything of this organization; of a contact only what is theirs counts. */
export async function isHeld(on: Resources, { kind, org_id, subject_id }: Deletion) {
  const contact = kind === 'contact' ? subject_id : null
  const found = await on.db.withSystem((tx) =>
    rows(
      tx,
      `select 1 from legal_holds where org_id = :org and released_at is null
          and (cast(:contact as uuid) is null or contact_id = :contact) limit 1`,
      { org: org_id, contact },
    ),
  )
  return found.length > 0
}

/** How many rows of the scope are left under a hold, by table; undefined when none is. */
export async function countRetained(
  on: Resources,
  subject: Subject,
): Promise<Record<string, number> | undefined> {
  const counts: Record<string, number> = {}
  for (const { table, org, where } of await planErasure(on, subject)) {
    const kept = keptSql(table)
    if (!kept || !(table in SCOPE)) continue
    const [found] = await through(on.db, org, (tx) =>
      rows<{ n: number }>(
        tx,
        `select count(*)::int as n from app."${table}" where ${where.sql} and (${kept})`,
        where.values,
      ),
    )
    if (found && found.n > 0) counts[table] = found.n
  }
  return Object.keys(counts).length > 0 ? counts : undefined
}

/**
 * Before rows go: a held contact of an organization that stays is shown to nobody there, and nothing is said in its lists.
 * Nothing of theirs is used any more; it is only kept.
 */
export async function hideHeld(on: Resources, deletion: Deletion): Promise<void> {
  const { kind, org_id, subject_id: contact } = deletion
  if (kind !== 'contact' || org_id === null || !(await isHeld(on, deletion))) return
  await on.db.withTenant(org_id, async (tx) => {
    await rows(
      tx,
      `insert into restrictions (org_id, id, contact_id, kind, ground, road, since)
       values (?, ?, ?, 'restricted', 'claim', 'operator', ?) on conflict do nothing`,
      [org_id, newId(), contact, on.now()],
    )
    await rows(
      tx,
      `update conversations set last_message_preview = null, last_message_id = null, unread = 0
        where org_id = ? and contact_id = ?`,
      [org_id, contact],
    )
  })
}

/** After rows went: what is left of the organization beside the held rows is an empty shell. */
export async function stripHeld(on: Resources, deletion: Deletion): Promise<void> {
  const { kind, subject_id: org } = deletion
  if (kind !== 'org' || !(await isHeld(on, deletion))) return
  await on.db.withSystem(async (tx) => {
    await rows(tx, `update organizations set name = '-', settings = '{}' where org_id = ?`, [org])
    await rows(tx, 'select hold_strip(?)', [org])
  })
}
