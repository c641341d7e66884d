import { rows, type Tx } from '../db.ts'
import { butKept, keptSql } from '../disclosures/scope.ts'
import type { Resources } from '../resources.ts'
import { removeAllFiles, removeFile } from './shelf.ts'

const BATCH = 200

type Doomed = { id: string; location: string | null; isShared: boolean }

/**
 * Remove the files of an organization that belong to no message any more, and uploads that were never sent in their time;
 * first the file, then the row that says where it lies, so that a run that is cut off is gone on with. Answers how many.
 */
export const removeUnused = (on: Resources, org: string): Promise<number> =>
  removeAll(on, org, {
    sql: `message_id is null and coalesce(kept_until, '-infinity') <= :now`,
    values: { now: on.now() },
  })

/** Remove the files of one contact: of their conversations, whatever state they are in, but for what an order keeps. */
export const removeOfContact = (on: Resources, org: string, contact: string): Promise<number> =>
  removeAll(on, org, {
    sql: `message_id in (select m.id from messages m join conversations c on c.org_id = :org and c.id = m.conversation_id
           where m.org_id = :org and c.contact_id = :contact) ${butKept('media')}`,
    values: { contact },
  })

/** Remove every file of an organization that is being erased, but for what an order keeps; its rows go with the others. */
export async function removeOfOrganization(on: Resources, org: string): Promise<void> {
  const kept = await on.db.withTenant(org, (tx) =>
    rows<{ location: string }>(
      tx,
      `select location from media where org_id = ? and location is not null and ${keptSql('media') ?? 'false'}`,
      [org],
    ),
  )
  await removeAllFiles(on, org, new Set(kept.map(({ location }) => location)))
}

type Which = { sql: string; values: Record<string, string | Date> }

async function removeAll(on: Resources, org: string, which: Which): Promise<number> {
  let removed = 0
  for (let last = BATCH; last === BATCH; removed += last) {
    const doomed = await on.db.withTenant(org, (tx) => doom(tx, org, which))
    for (const { location, isShared } of doomed)
      if (location !== null && !isShared) await removeFile(on, { org, location })
    const ids = doomed.map(({ id }) => id)
    if (ids.length > 0)
      await on.db.withTenant(org, (tx) =>
        rows(tx, 'delete from media where org_id = ? and id = any(?)', [org, ids]),
      )
    last = doomed.length
  }
  return removed
}

/** From here on nobody takes such a file up again. One that another row shares stays for that one. */
async function doom(tx: Tx, org: string, { sql, values }: Which): Promise<Doomed[]> {
  return rows<Doomed>(
    tx,
    `with doomed as materialized (
       select id from media where org_id = :org and ${sql} order by id limit ${BATCH} for update skip locked
     )
     update media d set status = 'removing', due_at = null from doomed
      where d.org_id = :org and d.id = doomed.id
     returning d.id, d.location, exists (select from media o where o.org_id = :org and o.location = d.location
       and o.id <> d.id and o.status <> 'removing' and o.id not in (select x.id from doomed x)) as "isShared"`,
    { org, ...values },
  )
}

/** Organizations in which something is to be removed. */
export const organizationsWithUnused = (on: Resources): Promise<string[]> =>
  on.db.withSystem(async (tx) => {
    const found = await rows<{ org_id: string }>(tx, 'select org_id from unused_media(?)', [
      on.now(),
    ])
    return found.map(({ org_id }) => org_id)
  })

/** As `removeUnused`, wherever there is something; one organization's trouble does not hold up the others. */
export async function removeUnusedEverywhere(on: Resources): Promise<void> {
  for (const org of await organizationsWithUnused(on))
    await removeUnused(on, org).catch((error: unknown) =>
      on.log.error({ err: error, org }, 'unused files not removed'),
    )
}
