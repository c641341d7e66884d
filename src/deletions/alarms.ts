import { rows } from '../db.ts'
import { newId } from '../ids.ts'
import { queueMail, ringMail } from '../ops/mail.ts'
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
  await on.db.withSystem((tx) =>
    rows(
      tx,
      `update alarms set cleared_at = ? where kind = 'deletion' and cleared_at is null and not ref = any(?)`,
      [now, overdue.map(({ id }) => id) as never],
    ),
  )
  return overdue.map(({ id }) => id)
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

/** The row, the mail and nothing twice: two processes that look at once raise one alarm. */
async function raise(on: Resources, { id, kind, deadline_at }: Open, now: Date): Promise<void> {
  const stage: Stage = deadline_at <= now ? 'late' : 'near'
  const mail = await on.db.withSystem(async (tx) => {
    const raised = await rows(
      tx,
      `insert into alarms (id, kind, ref, stage, raised_at) values (?, 'deletion', ?, ?, ?)
       on conflict (kind, ref, stage) do nothing returning id`,
      [newId(), id, stage, now],
    )
    if (raised.length === 0) return undefined
    return queueMail(tx, on, {
      to: on.config.PRIVACY_CONTACT,
      kind: 'alarm',
      subject: SUBJECTS[stage],
      text: `${[SUBJECTS[stage], detail({ id, kind, deadline_at }), WHAT_TO_DO].join('\n\n')}\n`,
    })
  })
  if (mail === undefined) return
  on.log.error({ deletion: id, kind, stage, deadline: deadline_at }, 'deletion near its deadline')
  await ringMail(on, mail)
}

const SUBJECTS: Readonly<Record<Stage, string>> = {
  near: 'A deletion is close to its deadline and not done',
  late: 'A deletion has missed its deadline',
}
const detail = ({ id, kind, deadline_at }: Open): string =>
  `Deletion ${id} (${kind}), to be done by ${deadline_at.toISOString()}.`
const WHAT_TO_DO =
  'Run `chatflow retention sweep` and look for "deletion stopped" with this id in the log: it says which step fails and why.'
