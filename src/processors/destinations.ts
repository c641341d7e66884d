import { rows, type Tx } from '../db.ts'
import { DAY_MS, LIMITS } from '../privacy/limits.ts'
import { REGISTER } from '../register.ts'
import type { Resources } from '../resources.ts'

/** What went to one host for one purpose. */
export type Destination = {
  host: string
  purpose: string
  requests: number
  bytes: number
  failed: number
  last: Date
  /** The id of the processor it belongs to; null for one that is not on the list any more. */
  processor: string | null
}

/** What left for an organization in the last 30 days, the busiest first. */
export const readDestinations = (on: Resources, org: string): Promise<Destination[]> =>
  on.db.withTenant(org, (tx) => read(tx, { since: monthAgo(on), org }))

/** What left this installation in the last 30 days, whoever it was for. For operators. */
export const readAllDestinations = (on: Resources): Promise<Destination[]> =>
  on.db.withSystem((tx) => read(tx, { since: monthAgo(on), org: null }))

/** What left this installation in the last 24 hours, as the evidence page shows it: hosts and numbers. */
export const egressToday = (on: Resources): Promise<Destination[]> =>
  on.db.withSystem((tx) => read(tx, { since: new Date(on.now().getTime() - DAY_MS), org: null }))

const monthAgo = (on: Resources): Date =>
  new Date(on.now().getTime() - LIMITS.EGRESS_DAYS.is * DAY_MS)

async function read(
  tx: Tx,
  { since, org }: { since: Date; org: string | null },
): Promise<Destination[]> {
  const found = await rows<Omit<Destination, 'processor'>>(
    tx,
    `select host, purpose, count(*)::int as requests, coalesce(sum(bytes), 0)::float8 as bytes,
            count(*) filter (where status is null or status >= 400)::int as failed, max(at) as last
       from egress_log where at > :since and (:org::uuid is null or org_id = :org)
      group by host, purpose order by requests desc, host, purpose`,
    { since, org },
  )
  return found.map((one) => Object.assign(one, { processor: processorOf(one) }))
}

const processorOf = ({ purpose }: { purpose: string }): string | null =>
  REGISTER.find(({ uses }) => uses.some((use) => use.purpose === purpose))?.id ?? null
