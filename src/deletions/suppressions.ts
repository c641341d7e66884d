import { createHmac } from 'node:crypto'
import { rows, type Tx } from '../db.ts'
import { DAY_MS, LIMITS } from '../privacy/limits.ts'
import type { Resources } from '../resources.ts'
import { appendLedger } from './ledger.ts'

export type Identity = { kind: string; value: string }

/**
 * What stands for an erased identity: an HMAC-SHA256 under a key of its own over `["cfs1","contact",org,kind,value]`,
 * so that one organization's digest says nothing about another's and nobody can try out numbers.
 */
export function suppressionDigest(key: Buffer, org: string, { kind, value }: Identity): Buffer {
  return createHmac('sha256', key)
    .update(JSON.stringify(['cfs1', 'contact', org, kind, value]))
    .digest()
}

/** Under every master key, so that a rotation forgets nobody; the first one's is what new rows get. */
const digestsOf = (on: Resources, org: string, identity: Identity): Buffer[] =>
  on.vault
    .deriveAll('suppressions')
    .map((key) => suppressionDigest(key, numberless(org, identity), identity))

/** A business's own number is looked up where no organization is known. */
const numberless = (org: string, { kind }: Identity): string => (kind === 'number' ? '' : org)

/** From now on nothing that WhatsApp dates before `at` comes back for these identities; asked again, the first moment stays. */
export async function suppress(
  tx: Tx,
  on: Resources,
  { org, identities, at }: { org: string; identities: Identity[]; at: Date },
): Promise<void> {
  const until = new Date(at.getTime() + LIMITS.SUPPRESSION_DAYS.is * DAY_MS)
  for (const identity of identities) {
    const [digest] = digestsOf(on, org, identity)
    if (!digest) continue
    const { kind } = identity
    const suppression = { org_id: org, kind, digest, erased_at: at, expires_at: until }
    await keepSuppression(tx, suppression)
    await appendLedger(on, tx, {
      ...suppression,
      what: 'suppressed',
      digest: digest.toString('hex'),
    })
  }
}

export type Suppression = {
  org_id: string
  kind: string
  digest: Buffer
  erased_at: Date
  expires_at: Date
}

export const keepSuppression = (
  tx: Tx,
  { org_id, kind, digest, erased_at, expires_at }: Suppression,
): Promise<unknown> =>
  rows(
    tx,
    `insert into suppressions as s (org_id, kind, digest, erased_at, expires_at) values (?, ?, ?, ?, ?)
     on conflict (org_id, kind, digest) do update set erased_at = greatest(s.erased_at, excluded.erased_at),
       expires_at = greatest(s.expires_at, excluded.expires_at)`,
    [org_id, kind, digest, erased_at, expires_at],
  )

/** Without their organization nobody can bring its people back: only its own numbers are still kept away. */
export const forgetPeople = (tx: Tx, org: string): Promise<unknown> =>
  rows(tx, `delete from suppressions where org_id = ? and kind <> 'number'`, [org])

/** The latest erasure of each of these persons, by their place in the list; whoever was not erased is left out. */
export async function erasedAt(
  tx: Tx,
  on: Resources,
  org: string,
  people: Identity[][],
): Promise<Map<number, Date>> {
  const asked = people.flatMap((identities, n) =>
    identities.flatMap((identity) =>
      digestsOf(on, org, identity).map((digest) => ({
        n,
        kind: identity.kind,
        digest: digest.toString('hex'),
      })),
    ),
  )
  if (asked.length === 0) return new Map()
  const found = await rows<{ n: number; erased_at: Date }>(
    tx,
    `select i.n, max(s.erased_at) as erased_at
       from jsonb_to_recordset(:input::jsonb) as i (n int, kind text, digest text)
       join suppressions s on s.org_id = :org and s.kind = i.kind and s.digest = decode(i.digest, 'hex')
      group by i.n`,
    { org, input: JSON.stringify(asked) },
  )
  return new Map(found.map(({ n, erased_at }) => [n, erased_at]))
}

/** Whether this business number belonged to an organization that was erased: what comes for it is nobody's to keep. */
export async function isErasedNumber(on: Resources, number: string): Promise<boolean> {
  const digests = digestsOf(on, '', { kind: 'number', value: number })
  const found = await on.db.withSystem((tx) =>
    rows(tx, `select 1 from suppressions where kind = 'number' and digest = any(?) limit 1`, [
      digests as never,
    ]),
  )
  return found.length > 0
}
