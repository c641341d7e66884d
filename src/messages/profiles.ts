import { fold } from '../contacts/fold.ts'
import { rows, type Tx } from '../db.ts'
import type { Doubt, People, Placed, Somebody } from './people.ts'

/**
 * Write new people and newer profile names of known ones; returns the contacts that changed. A name given by an
 * agent stays. Rows are taken in the order of ids, as every writer does.
 */
export async function writeContacts(
  tx: Tx,
  org: string,
  { placed, fresh, profiles }: People<Somebody>,
): Promise<string[]> {
  const named = latestNames(placed)
  const renamed = [...named].filter(([id, { name, at }]) => {
    const known = profiles.get(id)
    return known && name !== known.name && at > (known.at ?? new Date(0))
  })
  const wanted = [...fresh, ...renamed.map(([id]) => id)].map((id) => {
    const { name = null, at = null } = named.get(id) ?? {}
    return { id, name, at, search_name: name === null ? null : fold(name) }
  })
  if (wanted.length === 0) return []
  const changed = await rows<{ id: string }>(
    tx,
    `insert into contacts as c (org_id, id, name, profile_name, profile_name_at, search_name)
     select :org, w.id, w.name, w.name, w.at, w.search_name
       from jsonb_to_recordset(:wanted::jsonb) as w (id uuid, name text, at timestamptz, search_name text)
      order by w.id
     on conflict (org_id, id) do update
       set profile_name = excluded.profile_name, profile_name_at = excluded.profile_name_at, updated_at = now(),
           name = case when ${FOLLOWS} then excluded.name else c.name end,
           search_name = case when ${FOLLOWS} then excluded.search_name else c.search_name end
     where excluded.profile_name_at > coalesce(c.profile_name_at, '-infinity')
     returning id`,
    { org, wanted: JSON.stringify(wanted) },
  )
  return changed.map(({ id }) => id)
}

/** Shown is the name an agent gave, else the address book's, else the person's own. */
const FOLLOWS = `c.book_name is null and c.sources ->> 'name' is null and c.name is not distinct from c.profile_name`

function latestNames(placed: Placed<Somebody>[]): Map<string, { name: string; at: Date }> {
  const named = new Map<string, { name: string; at: Date }>()
  for (const { contact, who } of placed) {
    const { name } = who.sender
    const isNewer = who.at > (named.get(contact)?.at ?? new Date(0))
    if (name !== null && isNewer) named.set(contact, { name, at: who.at })
  }
  return named
}

/** Without `on conflict`: somebody else who makes the same person now must fail one of us, who runs again and finds it. */
export async function writeIdentities(
  tx: Tx,
  org: string,
  { missing }: Pick<People<Somebody>, 'missing'>,
): Promise<void> {
  if (missing.length === 0) return
  await tx.raw(
    `insert into contact_identities (org_id, kind, value, contact_id, created_at)
     select :org, w.kind, w.value, w.contact, now() + case when w."isLatest" then interval '1 ms' else interval '0' end
       from jsonb_to_recordset(:missing::jsonb) as w (kind text, value text, contact uuid, "isLatest" boolean)
      order by w.kind, w.value`,
    { org, missing: JSON.stringify(missing) },
  )
}

/** Note whom people may want to join; two contacts are suggested once, and a refusal stays. */
export async function writeDoubts(tx: Tx, org: string, doubts: Doubt[]): Promise<void> {
  if (doubts.length === 0) return
  await tx.raw(
    `insert into merge_suggestions (org_id, contact_id, other_id, reason)
     select distinct on (1, 2, 3) :org::uuid, least(w.contact, w.other), greatest(w.contact, w.other), w.reason
       from jsonb_to_recordset(:doubts::jsonb) as w (contact uuid, other uuid, reason text) order by 1, 2, 3, w.reason
     on conflict do nothing`,
    { org, doubts: JSON.stringify(doubts) },
  )
}

/**
 * Note the usernames people have: whoever used one last has it. Times are WhatsApp's, so that order does not
 * matter; a person's own is the latest. Returns the contacts for which one is new.
 */
export async function writeUsernames(
  tx: Tx,
  org: string,
  { placed }: Pick<People<Somebody>, 'placed'>,
): Promise<string[]> {
  const latest = new Map<string, { value: string; contact: string; at: Date }>()
  for (const { contact, who } of placed) {
    const { at, sender } = who
    const value = sender.username
    if (value !== null && at > (latest.get(value)?.at ?? new Date(0)))
      latest.set(value, { value, contact, at })
  }
  if (latest.size === 0) return []
  const written = await rows<{ contact_id: string; is_new: boolean }>(
    tx,
    `insert into contact_identities as k (org_id, kind, value, contact_id, created_at)
     select :org, 'username', w.value, w.contact, w.at
       from jsonb_to_recordset(:latest::jsonb) as w (value text, contact uuid, at timestamptz) order by w.value
     on conflict (org_id, kind, value) do update set contact_id = excluded.contact_id, created_at = excluded.created_at
      where excluded.created_at > k.created_at
     returning contact_id, xmax = 0 as is_new`,
    { org, latest: JSON.stringify([...latest.values()]) },
  )
  return written.filter((row) => row.is_new).map((row) => row.contact_id)
}
