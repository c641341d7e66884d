import { z } from 'zod'
import { rows, type Tx } from '../db.ts'

export const REASONS = ['unknown_number', 'parse', 'data', 'crash', 'refused', 'other'] as const
export type Reason = (typeof REASONS)[number]

/** Of letters that belonged to no organization. */
export const NOBODY = 'none'

const Day = z.iso.date()

/** Which letters somebody means; what is not given does not matter. Days are those of UTC, both ends included. */
export const LetterFilter = z.object({
  reason: z.enum(REASONS).optional(),
  code: z
    .string()
    .regex(/^[\w.-]{1,80}$/)
    .optional(),
  org: z.union([z.uuid(), z.literal(NOBODY)]).optional(),
  from: Day.optional(),
  to: Day.optional(),
})
export type LetterFilter = z.infer<typeof LetterFilter>

/** What an address or a form asks for; whatever is empty or not understood is as if it were not there. */
export function readFilter(given: unknown): LetterFilter {
  const asked = (given ?? {}) as Record<string, unknown>
  const understood = Object.entries(LetterFilter.shape).flatMap(([name, shape]) => {
    const { success, data } = shape.safeParse(asked[name])
    return success && data !== undefined ? [[name, data] as const] : []
  })
  return LetterFilter.parse(Object.fromEntries(understood))
}

/** The condition over `dead_letters`, for the values of `filterValues`. */
export const FILTER = `(:reason::text is null or reason = :reason::text) and (:code::text is null or code = :code::text)
  and (:org::uuid is null or org_id = :org::uuid) and (not :nobodys::boolean or org_id is null)
  and (:from::date is null or last_seen_at >= :from::date at time zone 'UTC')
  and (:to::date is null or last_seen_at < (:to::date + 1) at time zone 'UTC')`

export const filterValues = ({ reason, code, org, from, to }: LetterFilter) => ({
  reason: reason ?? null,
  code: code ?? null,
  org: org === undefined || org === NOBODY ? null : org,
  nobodys: org === NOBODY,
  from: from ?? null,
  to: to ?? null,
})

/** How many letters a filter finds. */
export async function countLetters(tx: Tx, filter: LetterFilter): Promise<number> {
  const [found] = await rows<{ n: number }>(
    tx,
    `select count(*)::int as n from dead_letters where ${FILTER}`,
    filterValues(filter),
  )
  return found?.n ?? 0
}

/** Whose letters there are; null for nobody's. */
export type LetterOwner = { org: string | null; name: string | null; n: number }

export const letterOwners = (tx: Tx): Promise<LetterOwner[]> =>
  rows<LetterOwner>(
    tx,
    `select d.org_id as org, o.name, count(*)::int as n from dead_letters d left join organizations o on o.org_id = d.org_id
      group by 1, 2 order by 3 desc, 2 limit 200`,
  )

/** The filter as the query of an address; '' when it takes everything. */
export function queryOf(filter: LetterFilter): string {
  const query = new URLSearchParams(filter as Record<string, string>)
  return query.size > 0 ? `?${query.toString()}` : ''
}
