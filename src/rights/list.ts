import { rows, type Tx } from '../db.ts'
import { COLUMNS, type PrivacyRequest } from './request.ts'
import type { Kind } from './vocabulary.ts'

export type Listed = PrivacyRequest & { contact_name: string | null; contact_phone: string | null }
/** Which requests of a desk: those still open or those closed; of one contact, or of one person with an account. */
export type Wanted = { open?: boolean; contact?: string; user?: string; limit?: number }

/** The requests of an organization's desk: the open ones by their end, the closed ones latest first. */
export const listRequests = (tx: Tx, org: string, wanted: Wanted): Promise<Listed[]> =>
  rows<Listed>(
    tx,
    `select r.org_id, ${of('r')}, k.name as contact_name, i.value as contact_phone
       from privacy_requests r
       left join contacts k on k.org_id = r.org_id and k.id = r.contact_id
       left join lateral (select value from contact_identities where org_id = r.org_id and contact_id = r.contact_id
                            and kind = 'phone' order by created_at desc limit 1) i on true
      where r.org_id = :org and (cast(:contact as uuid) is null or r.contact_id = :contact)
        and (cast(:open as boolean) is null or (r.closed_at is null) = :open) ${ORDER} limit :limit`,
    { org, contact: wanted.contact ?? null, open: wanted.open ?? null, limit: wanted.limit ?? 100 },
  )

/** The same for the installation's own desk. */
export const listOwnRequests = (tx: Tx, wanted: Wanted): Promise<PrivacyRequest[]> =>
  rows<PrivacyRequest>(
    tx,
    `select r.org_id, ${of('r')} from privacy_requests r
      where r.org_id is null and (cast(:user as uuid) is null or r.user_id = :user)
        and (cast(:open as boolean) is null or (r.closed_at is null) = :open) ${ORDER} limit :limit`,
    { user: wanted.user ?? null, open: wanted.open ?? null, limit: wanted.limit ?? 100 },
  )

const ORDER = 'order by r.closed_at desc nulls first, r.due_at, r.id'
const of = (table: string): string => COLUMNS.replaceAll(/\w+/g, (column) => `${table}.${column}`)

export type KindStat = { kind: Kind; open: number; next: Date | null }

/** How many of each kind are open at an organization's desk, and when the next of them is due. */
export const statsOf = (tx: Tx, org: string): Promise<KindStat[]> =>
  rows<KindStat>(
    tx,
    `select kind, count(*)::int as open, min(due_at) as next from privacy_requests
      where org_id = ? and closed_at is null group by kind`,
    [org],
  )

/** What a contact has asked and nobody has answered yet, the nearest end first; for whoever talks to them. */
export const openOf = (tx: Tx, org: string, contact: string): Promise<PrivacyRequest[]> =>
  rows<PrivacyRequest>(
    tx,
    `select org_id, ${COLUMNS} from privacy_requests
      where org_id = ? and contact_id = ? and closed_at is null order by due_at, id limit 20`,
    [org, contact],
  )
