import { rows } from '../db.ts'
import { clearAlarms, raiseAlarm } from '../ops/alarms.ts'
import { DAY_MS, LIMITS } from '../privacy/limits.ts'
import type { Resources } from '../resources.ts'

type Open = { id: string; kind: string; deadline_at: Date }
type Stage = 'near' | 'late'

/**
 * Tell whoever answers for privacy of each open deletion within three days of its deadline, once then and once when it
 * is over, and take the alarm down when the deletion is done. Answers their ids, the nearest deadline first.
 * Source: privacy policy §6, "within 30 days"; promise P39.
 */
export async function raiseAlarms(on: Resources, now: Date): Promise<string[]> {
  const overdue = await listOverdue(on, now)
  for (const deletion of overdue) await raise(on, deletion, now)
  const except = overdue.map(({ id }) => id)
  await clearAlarms(on, { kind: 'deletion', except, now })
  return except
}

/** Open deletions whose deadline is within three days of `now`, or over. */
export async function listOverdue(on: Resources, now: Date): Promise<Open[]> {
  const until = new Date(now.getTime() + LIMITS.DEADLINE_ALARM_DAYS.is * DAY_MS)
  return on.db.withSystem((tx) =>
    rows<Open>(
      tx,
      `select id, kind, deadline_at from deletions
        where state not in ('purged', 'cancelled') and deadline_at <= ? order by deadline_at, id`,
      [until],
    ),
  )
}

async function raise(on: Resources, { id, kind, deadline_at }: Open, now: Date): Promise<void> {
  const stage: Stage = deadline_at <= now ? 'late' : 'near'
  const lines = [detail({ id, kind, deadline_at }), WHAT_TO_DO]
  await raiseAlarm(on, { kind: 'deletion', ref: id, stage, subject: SUBJECTS[stage], lines }, now)
}

const SUBJECTS: Readonly<Record<Stage, string>> = {
  near: 'A deletion is close to its deadline and not done',
  late: 'A deletion has missed its deadline',
}
const detail = ({ id, kind, deadline_at }: Open): string =>
  `Deletion ${id} (${kind}), to be done by ${deadline_at.toISOString()}.`
const WHAT_TO_DO =
  'Run `chatflow retention sweep` and look for "deletion stopped" with this id in the log: it says which step fails and why.'
