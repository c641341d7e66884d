import { rows, type Tx } from '../db.ts'

/** `hash` is that of the last entry: noted elsewhere, it proves later that nothing before it changed. */
export type Verdict =
  { valid: true; first: number; last: number; hash: string } | { valid: false; first_bad: number }

type Head = { seq: number; hash: Buffer; base_seq: number; base_hash: Buffer }
type Link = { seq: number; prev: Buffer; hash: Buffer; own: boolean }
type End = Pick<Link, 'seq' | 'hash'>
const STEP = 5_000

/**
 * Compute every hash of an organization's chain anew, from where it begins to where its head stands. The first entry
 * that was altered, put in, moved or taken out is named by its place. An organization without entries has a whole
 * chain of none.
 */
export async function verifyAudit(tx: Tx, org: string): Promise<Verdict> {
  const head = await headOf(tx, org)
  if (!head) return { valid: true, first: 0, last: 0, hash: '' }
  let end: End = { seq: head.base_seq, hash: head.base_hash }
  while (end.seq < head.seq) {
    const links = await linksBetween(tx, org, end.seq, head.seq)
    const bad = firstBad(end, links)
    const last = links.at(-1)
    if (bad !== undefined || !last) return { valid: false, first_bad: bad ?? end.seq + 1 }
    end = last
  }
  if (!end.hash.equals(head.hash)) return { valid: false, first_bad: head.seq }
  const beyond = await firstBeyondHead(tx, org)
  if (beyond !== undefined) return { valid: false, first_bad: beyond }
  const { base_seq, seq } = head
  return { valid: true, first: base_seq + 1, last: seq, hash: head.hash.toString('hex') }
}

function firstBad(end: End, links: Link[]): number | undefined {
  let before = end
  for (const link of links) {
    const isNext = link.seq === before.seq + 1 && link.prev.equals(before.hash)
    if (!isNext || !link.own) return before.seq + 1
    before = link
  }
  return undefined
}

async function headOf(tx: Tx, org: string): Promise<Head | undefined> {
  const [head] = await rows<Head>(
    tx,
    `select seq, hash, base_seq, base_hash from audit_head where org_id = ?`,
    [org],
  )
  return head
}

const linksBetween = (tx: Tx, org: string, after: number, upTo: number): Promise<Link[]> =>
  rows<Link>(
    tx,
    `select l.seq, l.prev_hash as prev, l.hash, l.hash = audit_digest(l) as own
       from audit_log l where l.org_id = ? and l.seq > ? and l.seq <= ? order by l.seq limit ${STEP}`,
    [org, after, upTo],
  )

/** The log is read before its head: whoever writes meanwhile moves the head on, a forged end does not. */
async function firstBeyondHead(tx: Tx, org: string): Promise<number | undefined> {
  const [last] = await rows<{ seq: number | null }>(
    tx,
    `select max(seq) as seq from audit_log where org_id = ?`,
    [org],
  )
  const head = await headOf(tx, org)
  return (last?.seq ?? 0) > (head?.seq ?? 0) ? (head?.seq ?? 0) + 1 : undefined
}
