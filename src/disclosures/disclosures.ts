import { rows } from '../db.ts'
import { newId } from '../ids.ts'
import { openCell, sealCell } from '../ops/seal.ts'
import { notFound, Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import type { Scope } from './scope.ts'

export const DECISIONS = ['disclosed', 'partly', 'preserved', 'refused', 'nothing_held'] as const
export type Decision = (typeof DECISIONS)[number]
/** What is asked: to hand data over, or to keep them until it is decided whether they must be. */
export const ASKS = ['handing_over', 'preservation'] as const
export type Asks = (typeof ASKS)[number]

/** What can be decided about each; an order to preserve hands nothing over. */
export const decisionsOn = (asks: Asks): Decision[] =>
  asks === 'preservation'
    ? ['preserved', 'refused', 'nothing_held']
    : ['disclosed', 'partly', 'refused', 'nothing_held']

export type Disclosure = {
  id: string
  asks: Asks
  about_org: string
  /** Null when the organization is gone. */
  org_name: string | null
  received_at: Date
  authority: string
  legal_basis: string
  scope: Scope
  challenged: string | null
  approved_by: string[]
  decision: Decision | null
  reasons: string | null
  decided_at: Date | null
  disclosed_at: Date | null
  items_sha256: Buffer | null
  gag_until: Date | null
  org_told_at: Date | null
}
export type Asked = Pick<
  Disclosure,
  'asks' | 'about_org' | 'received_at' | 'authority' | 'legal_basis' | 'scope' | 'gag_until'
>

const cell = (row: string) => ({ table: 'disclosures', column: 'scope', row })
const SELECT = `select d.*, (select o.name from organizations o where o.org_id = d.about_org) as org_name from disclosures d`

/** Write a request of an authority down. Its scope cannot be changed afterwards: what was approved is what leaves. */
export async function recordRequest(on: Resources, asked: Asked): Promise<string> {
  const wrong = asked.scope.from >= asked.scope.until
  const detail = wrong ? 'The end comes before the beginning.' : 'This moment has not come yet.'
  if (wrong || asked.received_at > on.now())
    throw new Refusal(422, 'invalid', detail, { [wrong ? 'until' : 'received_at']: detail })
  const id = newId()
  await on.db.withSystem((tx) =>
    rows(
      tx,
      `insert into disclosures (id, asks, about_org, received_at, authority, legal_basis, scope, gag_until) values (?, ?, ?, ?, ?, ?, ?, ?)`,
      [
        id,
        asked.asks,
        asked.about_org,
        asked.received_at,
        asked.authority,
        asked.legal_basis,
        sealCell(on, cell(id), JSON.stringify(asked.scope)),
        asked.gag_until,
      ],
    ),
  )
  return id
}

export async function listDisclosures(on: Resources): Promise<Disclosure[]> {
  const found = await on.db.withSystem((tx) =>
    rows<Disclosure & { scope: string }>(
      tx,
      `${SELECT} order by d.decided_at is not null, d.received_at desc limit 100`,
    ),
  )
  return found.map((one) => opened(on, one))
}

/** Throws Refusal 404. */
export async function readDisclosure(on: Resources, id: string): Promise<Disclosure> {
  const [found] = await on.db.withSystem((tx) =>
    rows<Disclosure & { scope: string }>(tx, `${SELECT} where d.id = ?`, [id]),
  )
  if (!found) throw notFound('disclosure')
  return opened(on, found)
}

const opened = (on: Resources, found: Disclosure & { scope: string }): Disclosure => ({
  ...found,
  scope: JSON.parse(openCell(on, cell(found.id), found.scope).toString('utf8')) as Scope,
})

/** One person stands for it, once. Throws Refusal 409 `approved` for the same person again, and for what is decided. */
export async function approve(on: Resources, id: string, user: string): Promise<void> {
  const approved = await on.db.withSystem((tx) =>
    rows(
      tx,
      `update disclosures set approved_by = approved_by || cast(:user as uuid)
        where id = :id and decision is null and not cast(:user as uuid) = any(approved_by) returning id`,
      { id, user },
    ),
  )
  if (approved.length > 0) return
  const { decision } = await readDisclosure(on, id)
  throw decision
    ? new Refusal(409, 'decided', 'This is decided already.')
    : new Refusal(409, 'approved', 'You approved it already. Somebody else has to, too.')
}

const MIN_APPROVERS = 2
export const isApproved = ({ approved_by }: Disclosure): boolean =>
  new Set(approved_by).size >= MIN_APPROVERS

/** Throws Refusal 403 `two_people` unless two different people stand for it. */
export function requireTwo(disclosure: Disclosure): void {
  if (!isApproved(disclosure))
    throw new Refusal(
      403,
      'two_people',
      'Two different people have to approve before anything leaves.',
    )
}
