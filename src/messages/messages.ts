import { formerSql } from '../accounts/former.ts'
import { rows, type Tx } from '../db.ts'
import { fileSql, type MessageFile } from '../media/files.ts'
import { restrictedSql } from '../restrictions/gate.ts'
import type { Via } from './updates.ts'

export type MessageStatus =
  | 'received'
  | 'queued'
  | 'sending'
  | 'unknown'
  | 'accepted'
  | 'sent'
  | 'failed'
  | 'delivered'
  | 'read'
  | 'cancelled'

/** A message as it is stored; times that have not come are null. `created_at` of an inbound one is WhatsApp's. */
export type Message = {
  id: string
  conversation_id: string
  contact_id: string
  direction: 'in' | 'out'
  /** The road it came by where that is not the API's own: `phone`, `partner`, `history`, `standby`. */
  via: Via | null
  kind: string
  /** As it was edited last; null when it was taken back. */
  text: string | null
  /** What it said before it was edited, and when that was. */
  earlier_text: string | null
  edited_at: Date | null
  /** When its sender took it back for everyone. */
  revoked_at: Date | null
  payload: Record<string, unknown>
  status: MessageStatus
  /** Outbound only: how far it came; see `decisions` in the schema's `status_of`. */
  rank: number | null
  wamid: string | null
  context_wamid: string | null
  author_id: string | null
  author_name: string | null
  error_code: string | null
  error_title: string | null
  created_at: Date
  sent_at: Date | null
  delivered_at: Date | null
  read_at: Date | null
  failed_at: Date | null
  resent_as: string | null
  /** What was noted to be right instead of what it says; the words themselves stay. */
  corrections: { text: string; at: string }[]
  /** The contact's data are only kept: words, object, quote and file are not here. */
  restricted: boolean
  /** The file it carries, where WhatsApp handed one over or we gave it one. */
  media: MessageFile | null
}

/** A place in a thread: `created_at` first, the id between messages of one instant. */
export type ThreadPlace = { at: Date; id: string }
/** Messages before one place and from another (included) on. */
export type ThreadPart = { before?: ThreadPlace; from?: ThreadPlace; limit: number }

/** Only the side that wrote a message can edit it, in the same conversation; its newest edit counts. */
const SELECT = `select m.id, m.conversation_id, c.contact_id, m.direction, m.via, m.kind,
         case when not r.restricted then coalesce(e.text, m.text) end as text,
         case when e.created_at is not null then m.text end as earlier_text, e.created_at as edited_at, m.revoked_at,
         case when r.restricted then '{}' else m.payload end as payload, m.status, m.rank, m.wamid,
         case when not r.restricted then m.context_wamid end as context_wamid, m.author_id, coalesce(u.name, ${formerSql('f')}) as author_name,
         m.error_code, m.error_title, m.created_at, m.sent_at, m.delivered_at, m.read_at, m.failed_at, m.resent_as,
         r.restricted, case when r.restricted then '[]' else coalesce((
           select jsonb_agg(jsonb_build_object('text', n.text, 'at', n.at) order by n.at, n.id) from message_corrections n
            where n.org_id = m.org_id and n.message_id = m.id), '[]') end as corrections,
         ${fileSql('d')} as media
    from messages m
    join conversations c on c.org_id = m.org_id and c.id = m.conversation_id
    cross join lateral (select ${restrictedSql('c.org_id', 'c.contact_id')} as restricted) r
    left join users u on u.id = m.author_id
    left join former_members f on f.org_id = m.org_id and f.id = m.author_id
    left join media d on d.org_id = m.org_id and d.message_id = m.id and not r.restricted
    left join lateral (
      select x.text, x.created_at from messages x
       where x.org_id = m.org_id and x.context_wamid = m.wamid and x.kind = 'edit' and x.direction = m.direction
         and x.conversation_id = m.conversation_id and x.revoked_at is null
       order by x.created_at desc, x.id desc limit 1) e on m.revoked_at is null and m.kind <> 'edit' and not r.restricted`

/** A part of a conversation, newest first; of one with a restricted contact nothing. */
export function thread(
  tx: Tx,
  org: string,
  conversation: string,
  { before, from, limit }: ThreadPart,
): Promise<Message[]> {
  return rows<Message>(
    tx,
    `${SELECT} where m.org_id = :org and m.conversation_id = :conversation and not r.restricted
        ${before ? 'and (m.created_at, m.id) < (:beforeAt::timestamptz, :beforeId::uuid)' : ''}
        ${from ? 'and (m.created_at, m.id) >= (:fromAt::timestamptz, :fromId::uuid)' : ''}
      order by m.created_at desc, m.id desc limit :limit`,
    {
      org,
      conversation,
      limit,
      ...(before ? { beforeAt: before.at, beforeId: before.id } : {}),
      ...(from ? { fromAt: from.at, fromId: from.id } : {}),
    },
  )
}

export async function getMessage(tx: Tx, org: string, id: string): Promise<Message | undefined> {
  const [found] = await rows<Message>(tx, `${SELECT} where m.org_id = ? and m.id = ?`, [org, id])
  return found
}

export async function messageByWamid(
  tx: Tx,
  org: string,
  wamid: string,
): Promise<Message | undefined> {
  const [found] = await rows<Message>(tx, `${SELECT} where m.org_id = ? and m.wamid = ?`, [
    org,
    wamid,
  ])
  return found
}

export type Reaction = { wamid: string; emoji: string; direction: 'in' | 'out' }

/** What else is said of these messages and calls in rows of its own: how a call went, what became of a payment. */
export const remarksOn = (tx: Tx, org: string, wamids: string[]): Promise<Message[]> =>
  rows<Message>(
    tx,
    `${SELECT} where m.org_id = ? and m.context_wamid = any(?)
        and m.kind in ('call_end', 'call_status') order by m.created_at, m.id`,
    [org, wamids],
  )

/** Those of these wamids that are stored. */
export async function storedAmong(tx: Tx, org: string, wamids: string[]): Promise<Set<string>> {
  if (wamids.length === 0) return new Set()
  const found = await rows<{ wamid: string }>(
    tx,
    'select wamid from messages where org_id = ? and wamid = any(?)',
    [org, wamids],
  )
  return new Set(found.map(({ wamid }) => wamid))
}

/**
 * The reactions that stand on these messages: the latest of each side, none where the latest took it back.
 * Source: WhatsApp Cloud API, one reaction per person and message; an absent or empty emoji removes it.
 */
export const reactionsOf = (tx: Tx, org: string, wamids: string[]): Promise<Reaction[]> =>
  rows<Reaction>(
    tx,
    `select r.wamid, r.emoji, r.direction
       from (select distinct on (context_wamid, direction) context_wamid as wamid, direction,
                    coalesce(payload #>> '{reaction,emoji}', payload ->> 'emoji') as emoji
               from messages
              where org_id = ? and context_wamid = any(?) and kind = 'reaction'
                and status not in ('failed', 'cancelled')
              order by context_wamid, direction, created_at desc, id desc) r
      where r.emoji <> '' order by r.wamid, r.direction`,
    [org, wamids],
  )
