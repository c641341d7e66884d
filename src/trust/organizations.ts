import { rows, type Tx } from '../db.ts'
import type { Resources } from '../resources.ts'

/** Organizations looked into at one measurement; of more a random part, another one each time. */
const MOST = 200

/** What `look` finds behind each organization's own door, one after the other; nobody else may look into their rows. */
export async function inEach<T>(
  on: Resources,
  look: (tx: Tx, org: string) => Promise<T>,
): Promise<T[]> {
  const found: T[] = []
  for (const org of await someOrganizations(on))
    found.push(await on.db.withTenant(org, (tx) => look(tx, org)))
  return found
}

export async function someOrganizations(on: Resources): Promise<string[]> {
  const found = await on.db.withSystem((tx) =>
    rows<{ org_id: string }>(
      tx,
      `select org_id from organizations where status <> 'purging' order by random() limit ${MOST}`,
    ),
  )
  return found.map(({ org_id }) => org_id)
}
