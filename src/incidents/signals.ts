import { rows } from '../db.ts'
import { DAY_MS } from '../privacy/limits.ts'
import type { Resources } from '../resources.ts'

/** Something that may be the first sight of a breach: what, how often, and when last. */
export type Signal = { name: string; count: number; last: Date }

/** What the product itself noticed in the last week: accounts tried from outside, floods to strangers, open alarms. */
export const listSignals = (on: Resources): Promise<Signal[]> =>
  on.db.withSystem((tx) =>
    rows<Signal>(
      tx,
      `select rule as name, count(*)::int as count, max(at) as last from abuse_findings where at > :since group by rule
       union all
       select kind as name, count(*)::int, max(raised_at) from alarms where cleared_at is null and raised_at > :since
          and kind <> 'incident' group by kind
        order by last desc`,
      { since: new Date(on.now().getTime() - 7 * DAY_MS) },
    ),
  )
