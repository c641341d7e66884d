import { rows } from '../db.ts'
import { SMALLEST_GROUP } from '../privacy/limits.ts'
import type { Resources } from '../resources.ts'

/** One year of requests; null for a number from 1 to 4, and for what would tell such a number by subtraction. */
export type YearCount = {
  year: number
  requests: number | null
  disclosed: number | null
  refused: number | null
}

/** How many requests of authorities came in each year and how they ended: for everybody to read, so no small number. */
export async function countDisclosures(on: Resources): Promise<YearCount[]> {
  const found = await on.db.withSystem((tx) =>
    rows<{ year: number; requests: number; disclosed: number; refused: number }>(
      tx,
      `select extract(year from received_at at time zone 'UTC')::int as year, count(*)::int as requests,
              count(*) filter (where disclosed_at is not null)::int as disclosed,
              count(*) filter (where decision in ('refused', 'nothing_held'))::int as refused
         from disclosures group by 1 order by 1 desc`,
    ),
  )
  return found.map(({ year, requests, disclosed, refused }) => {
    const parts = [disclosed, refused, requests - disclosed - refused]
    const isSmall = parts.some((n) => n > 0 && n < SMALLEST_GROUP)
    const shown = (n: number): number | null => (isSmall ? null : n)
    const total = requests > 0 && requests < SMALLEST_GROUP ? null : requests
    return { year, requests: total, disclosed: shown(disclosed), refused: shown(refused) }
  })
}
