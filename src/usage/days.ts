import { rows, type Tx } from '../db.ts'
import { DAY_MS, LIMITS, SMALLEST_GROUP } from '../privacy/limits.ts'
import type { Resources } from '../resources.ts'

/** Events wait in the queue for moments, and for as long as the queue is away: days stay open to them this long. */
const LATE_DAYS = 2
const WEEKS = 8

/**
 * Counts the raw events of each day that is over (UTC) into one row per page and feature, before they go; answers how
 * many rows there are new or changed. Counting a day again never makes it less: events that went meanwhile, by their
 * age or by an objection, were counted, and the count names nobody.
 * Source: privacy promise P16, daily counts per organization and feature without the person.
 */
export async function foldUsage(on: Resources, org: string, now: Date): Promise<number> {
  return on.db.withTenant(org, async (tx) => {
    const changed = await rows(
      tx,
      `with open as (
         select coalesce(max(day) - :late::int, '-infinity'::date) as since from usage_daily where org_id = :org
       )
       insert into usage_daily as d (org_id, day, page, feature, events, people)
       select e.org_id, (e.at at time zone 'UTC')::date, e.page, coalesce(e.feature, ''), count(*), count(distinct e.ref)
         from usage_events e, open
        where e.org_id = :org and e.at < :today and (e.at at time zone 'UTC')::date >= open.since
        group by 1, 2, 3, 4
       on conflict (org_id, day, page, feature) do update
          set events = greatest(d.events, excluded.events), people = greatest(d.people, excluded.people)
        where d.events < excluded.events or d.people < excluded.people
       returning 1`,
      { org, late: LATE_DAYS, today: dayStart(now) },
    )
    return changed.length
  })
}

export type Total = { page: string; feature: string; events: number; people: number }

/**
 * What all organizations together used in the last eight weeks, for operators: only what at least five people used on
 * one day, in steps of five, and no sum over what is hidden.
 */
export function readTotals(tx: Tx, now: Date): Promise<Total[]> {
  return rows<Total>(
    tx,
    `select page, feature, (sum(events)::int / :step) * :step as events, (max(people)::int / :step) * :step as people
       from (select day, page, feature, sum(events) as events, sum(people) as people from usage_daily
              where day >= :from and day < :today group by 1, 2, 3 having sum(people) >= :step) d
      group by 1, 2 order by 3 desc, 1, 2`,
    {
      step: SMALLEST_GROUP,
      from: new Date(dayStart(now).getTime() - WEEKS * 7 * DAY_MS),
      today: dayStart(now),
    },
  )
}

/** How long raw events and the counts made of them stay, as people read it. */
export const usageLives = (): { days: number; months: number } => ({
  days: LIMITS.USAGE_RAW_DAYS.is,
  months: LIMITS.USAGE_AGGREGATE_MONTHS.is,
})

function dayStart(now: Date): Date {
  const day = new Date(now)
  day.setUTCHours(0, 0, 0, 0)
  return day
}
