import { rows, type Tx } from '../db.ts'

export type ChangeKind =
  | 'message.received'
  | 'message.updated'
  | 'conversation.updated'
  | 'contact.updated'
  | 'contact.erased'
/** What changed, by id alone; who reads it looks the row up under its own rights. */
export type Change = { kind: ChangeKind; ref: string }
export type FeedEntry = { seq: number; kind: ChangeKind; ref_id: string; at: Date }

/**
 * Number the changes of a transaction in their order; returns the highest number. Must be its last statement:
 * the organization's counter row is held from here to the commit, so that numbers have no gap and the order of
 * numbers is the order of commits. Afterwards the caller publishes `{ kind: 'feed', org }`.
 */
export async function appendFeed(tx: Tx, org: string, changes: Change[]): Promise<number> {
  if (changes.length === 0) return lastSeq(tx, org)
  const [last] = await rows<{ seq: number }>(
    tx,
    `with counter as (
       insert into feed_counters as f (org_id, seq) values (:org, :n)
       on conflict (org_id) do update set seq = f.seq + excluded.seq returning seq
     ), appended as (
       insert into feed (org_id, seq, kind, ref_id)
       select :org, c.seq - :n + x.n, x.kind, x.ref
         from counter c, unnest(:kinds::text[], :refs::uuid[]) with ordinality as x (kind, ref, n)
     ) select seq from counter`,
    {
      org,
      n: changes.length,
      kinds: changes.map(({ kind }) => kind),
      refs: changes.map(({ ref }) => ref),
    },
  )
  return last?.seq ?? 0
}

/** At most `limit` entries after a number, oldest first. */
export const readFeed = (tx: Tx, org: string, after: number, limit: number): Promise<FeedEntry[]> =>
  rows<FeedEntry>(
    tx,
    `select seq, kind, ref_id, at from feed where org_id = ? and seq > ? order by seq limit ?`,
    [org, after, limit],
  )

/** The highest number so far, 0 before the first. */
export async function lastSeq(tx: Tx, org: string): Promise<number> {
  const [counter] = await rows<{ seq: number }>(
    tx,
    'select seq from feed_counters where org_id = ?',
    [org],
  )
  return counter?.seq ?? 0
}
