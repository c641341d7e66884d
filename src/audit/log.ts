import { formerSql } from '../accounts/former.ts'
import { rows, type Tx } from '../db.ts'
import { ACTIONS, isAction, type Action } from './actions.ts'

/** One entry as a page shows it; names are those of today, and null for who is gone. */
export type Logged = {
  seq: number
  at: Date
  actor_kind: string
  actor_name: string | null
  action: string
  target_kind: string | null
  target_id: string | null
  target_name: string | null
  ip: string | null
  detail: Record<string, unknown>
}
export type Part = { action?: Action | undefined; before?: number | undefined; limit: number }

/** Entries of an organization, the latest first, below `before` when it is given. */
export const listAudit = (
  tx: Tx,
  org: string,
  { action, before, limit }: Part,
): Promise<Logged[]> =>
  rows<Logged>(
    tx,
    `select l.seq, l.at, l.actor_kind, coalesce(u.name, k.name, ${formerSql('f')}) as actor_name, l.action, l.target_kind, l.target_id,
            coalesce(t.name, n.name, nullif(c.name, ''), c.display_phone, ${formerSql('g')}) as target_name, text(l.ip) as ip, l.detail
       from audit_log l
       left join users u on l.actor_kind = 'user' and u.id = l.actor_id
       left join former_members f on l.actor_kind = 'user' and f.org_id = l.org_id and f.user_id = l.actor_id
       left join api_keys k on l.actor_kind = 'api_key' and k.org_id = l.org_id and k.id = l.actor_id
       left join users t on l.target_kind = 'user' and t.id::text = l.target_id
       left join former_members g on l.target_kind = 'user' and g.org_id = l.org_id and g.user_id::text = l.target_id
       left join api_keys n on l.target_kind = 'api_key' and n.org_id = l.org_id and n.id::text = l.target_id
       left join connections c on l.target_kind = 'connection' and c.org_id = l.org_id and c.id::text = l.target_id
      where l.org_id = :org and (:before::bigint is null or l.seq < :before::bigint)
        and (:action::text is null or l.action = :action)
      order by l.seq desc limit :limit`,
    { org, before: before ?? null, action: action ?? null, limit },
  )

/** What an entry says, in a reader's words. */
export const sayingOf = (action: string): string =>
  isAction(action) ? ACTIONS[action].says : action
