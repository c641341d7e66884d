import { rows } from '../db.ts'
import { DAY_MS } from '../privacy/limits.ts'
import type { Resources } from '../resources.ts'

/** How long an answered ticket waits for its asker. */
export const QUIET_DAYS = 30

/** Close what was answered and not written to since: otherwise it would never be old enough to go. Answers how many. */
export async function closeQuiet(on: Resources, now: Date): Promise<number> {
  const closed = await on.db.withSystem((tx) =>
    rows(
      tx,
      `update support_tickets set state = 'closed', closed_at = ?
        where state = 'open' and waits_for = 'asker' and last_at < ? returning id`,
      [now, new Date(now.getTime() - QUIET_DAYS * DAY_MS)],
    ),
  )
  return closed.length
}
