import { USAGE_ALLOWED } from '../choices/allowed.ts'
import { rows, type Tx } from '../db.ts'
import type { UsageJob } from '../queues.ts'
import { DAY_MS, SMALLEST_GROUP } from '../privacy/limits.ts'
import type { Resources } from '../resources.ts'
import { Event } from './events.ts'

const WEEK_MS = 7 * DAY_MS
const WEEKS = 8
const OWN_SHOWN = 100

/**
 * Stores the events of a job, each once. Asks again who objects, holding the rows that say so until the commit: an
 * objection is either seen here, or waits a moment and comes after. Answers how many were stored.
 */
export async function storeUsage(on: Resources, { org, events }: UsageJob): Promise<number> {
  const good = events.flatMap((event) => Event.safeParse(event).data ?? [])
  if (good.length < events.length)
    on.log.warn({ org, refused: events.length - good.length }, 'usage events refused')
  if (good.length === 0) return 0
  return on.db.withTenant(org, async (tx) => {
    const live = await rows<{ ref: string; since: Date }>(
      tx,
      `select r.ref, r.since from usage_refs r
         join memberships m on m.org_id = r.org_id and m.user_id = r.user_id
         join organizations o on o.org_id = m.org_id
        where ${USAGE_ALLOWED} and r.org_id = ? and r.ref = any(?) for share of r, m, o`,
      [org, good.map(({ ref }) => ref)],
    )
    const since = new Map(live.map((row) => [row.ref, row.since.getTime()]))
    const wanted = good.filter(({ ref, at }) => at >= (since.get(ref) ?? Infinity))
    const stored = await rows(
      tx,
      `insert into usage_events (org_id, id, page, feature, at, ref)
       select ?, e.id, e.page, e.feature, date_trunc('second', to_timestamp(e.at / 1000.0)), e.ref
         from jsonb_to_recordset(?::jsonb) as e (id uuid, page text, feature text, at bigint, ref uuid)
       on conflict do nothing returning 1`,
      [org, JSON.stringify(wanted)],
    )
    return stored.length
  })
}

export type OwnUsage = {
  objectedAt: Date | null
  events: { page: string; feature: string | null; at: Date }[]
  /** Where the older ones begin; undefined when these are the last. */
  older: string | undefined
}

/**
 * What is known of a person's own use here, all of it: a hundred events before the one named, the newest first, and
 * since when they object.
 */
export async function readOwnUsage(
  tx: Tx,
  org: string,
  user: string,
  before?: string,
): Promise<OwnUsage> {
  const [own] = await rows<{ objectedAt: Date | null }>(
    tx,
    `select usage_objected_at as "objectedAt" from memberships where org_id = ? and user_id = ?`,
    [org, user],
  )
  const found = await rows<OwnUsage['events'][number] & { id: string }>(
    tx,
    `select e.id, e.page, e.feature, e.at from usage_events e
       join usage_refs r on r.org_id = e.org_id and r.ref = e.ref
      where e.org_id = :org and r.user_id = :user
        and (:before::uuid is null or (e.at, e.id) <
             (select b.at, b.id from usage_events b where b.org_id = :org and b.id = :before and b.ref = r.ref))
      order by e.at desc, e.id desc limit :most`,
    { org, user, before: before ?? null, most: OWN_SHOWN + 1 },
  )
  const shown = found.slice(0, OWN_SHOWN)
  return {
    objectedAt: own?.objectedAt ?? null,
    events: shown.map(({ page, feature, at }) => ({ page, feature, at })),
    older: found.length > OWN_SHOWN ? shown.at(-1)?.id : undefined,
  }
}

export type Share = { week: string; page: string; feature: string | null; people: number }

/**
 * How many people used what, in each of the last eight weeks that are over. Fewer than five are not shown, the others
 * only in steps of five: neither a number nor the difference of two tells of one person.
 */
export function readShares(tx: Tx, org: string, now: Date): Promise<Share[]> {
  const end = weekStart(now)
  return rows<Share>(
    tx,
    `select to_char(date_trunc('week', at at time zone 'UTC'), 'YYYY-MM-DD') as week, page, feature,
            (count(distinct ref) / :step * :step)::int as people
       from usage_events where org_id = :org and at >= :from and at < :end
      group by 1, 2, 3 having count(distinct ref) >= :smallest order by 1 desc, 4 desc, 2, 3`,
    {
      org,
      from: new Date(end.getTime() - WEEKS * WEEK_MS),
      end,
      step: SMALLEST_GROUP,
      smallest: SMALLEST_GROUP,
    },
  )
}

/** Monday, midnight UTC, of the week of `now`. */
function weekStart(now: Date): Date {
  const day = new Date(now)
  day.setUTCHours(0, 0, 0, 0)
  return new Date(day.getTime() - ((day.getUTCDay() + 6) % 7) * DAY_MS)
}
