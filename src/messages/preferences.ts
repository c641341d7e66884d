import { rows, type Tx } from '../db.ts'
import type { Incoming, Placed } from './people.ts'

/**
 * Keep what people told WhatsApp they want to get: the newest word on a category counts, in whatever order they come.
 * Returns the contacts for whom something changed. Source: WhatsApp Cloud API, user_preferences.
 */
export async function keepWishes(
  tx: Tx,
  org: string,
  placed: Placed<Incoming>[],
): Promise<string[]> {
  const wishes = placed.flatMap(({ who: { preference, at }, contact }) =>
    preference ? [{ contact, at, ...preference }] : [],
  )
  if (wishes.length === 0) return []
  const changed = await rows<{ contact_id: string }>(
    tx,
    `insert into contact_preferences as p (org_id, contact_id, category, value, at)
     select distinct on (w.contact, w.category) :org::uuid, w.contact, w.category, w.value, w.at
       from jsonb_to_recordset(:wishes::jsonb) as w (contact uuid, category text, value text, at timestamptz)
      order by w.contact, w.category, w.at desc, w.value desc
     on conflict (org_id, contact_id, category) do update set value = excluded.value, at = excluded.at
      where (excluded.at, excluded.value) > (p.at, p.value)
     returning contact_id`,
    { org, wishes: JSON.stringify(wishes) },
  )
  return changed.map(({ contact_id }) => contact_id)
}
