import { rows } from '../db.ts'
import { newId } from '../ids.ts'
import type { Resources } from '../resources.ts'
import { DAY_MS } from './limits.ts'

/** The hour, UTC, at which each day's sweep is due: most of the world's shops are quiet then. */
const HOUR = 3
/** A run that failed or was killed is not begun again at once. */
const PAUSE_MS = 600_000

export type Run = {
  id: string
  now_arg: Date
  started_at: Date
  finished_at: Date | null
  counts: Record<string, number>
  /** Over its time, and left because somebody needs it for a claim. */
  held: Record<string, number>
  overdue: string[]
}

/** The moment at or before `now` at which a sweep was due. */
export function lastDue(now: Date): Date {
  const today = new Date(now)
  today.setUTCHours(HOUR, 0, 0, 0)
  return today > now ? new Date(today.getTime() - DAY_MS) : today
}

export const nextDue = (now: Date): Date => new Date(lastDue(now).getTime() + DAY_MS)

/**
 * Whether a sweep should begin now: none was finished since the last time it was due, or a person asked for one;
 * and none began within the last ten minutes.
 */
export async function isSweepDue(on: Resources, now: Date): Promise<boolean> {
  const [seen] = await on.db.withSystem((tx) =>
    rows<{ finished: boolean; fresh: boolean; asked: boolean }>(
      tx,
      `select coalesce(bool_or(least(finished_at, now_arg) >= ? and finished_at is not null), false) as finished,
              coalesce(bool_or(started_at > ? and finished_at is null), false) as fresh,
              coalesce(bool_or(started_at is null), false) as asked
         from sweep_runs`,
      [lastDue(now), new Date(now.getTime() - PAUSE_MS)],
    ),
  )
  return seen !== undefined && !seen.fresh && (seen.asked || !seen.finished)
}

/** A person wants a sweep; the scheduler begins it within a minute. Asked twice is asked once. */
export async function askForSweep(on: Resources): Promise<void> {
  await on.db.withSystem((tx) =>
    rows(
      tx,
      `insert into sweep_runs (id, now_arg) select ?, ?
        where not exists (select from sweep_runs where started_at is null)`,
      [newId(), on.now()],
    ),
  )
}

/** Writes down that a sweep begins; what was asked for until now is answered by it. */
export async function beginRun(on: Resources, now: Date): Promise<string> {
  const id = newId()
  await on.db.withSystem(async (tx) => {
    await rows(tx, `delete from sweep_runs where started_at is null`)
    await rows(tx, `insert into sweep_runs (id, now_arg, started_at) values (?, ?, ?)`, [
      id,
      now,
      on.now(),
    ])
  })
  return id
}

/** What was done so far; with `finished` the run is over. */
export async function noteRun(
  on: Resources,
  id: string,
  {
    counts,
    held,
    overdue,
    finished,
  }: Pick<Run, 'counts' | 'held' | 'overdue'> & { finished: boolean },
): Promise<void> {
  await on.db.withSystem((tx) =>
    rows(
      tx,
      `update sweep_runs set counts = ?::jsonb, held = ?::jsonb, overdue = ?::jsonb, finished_at = ? where id = ?`,
      [
        JSON.stringify(counts),
        JSON.stringify(held),
        JSON.stringify(overdue),
        finished ? on.now() : null,
        id,
      ],
    ),
  )
}

export type Schedule = { last: Run | undefined; next: Date; isAsked: boolean }

/** What /ops shows: the latest run, when the next one is due, and whether somebody asked for one. */
export async function readSchedule(on: Resources): Promise<Schedule> {
  const now = on.now()
  return on.db.withSystem(async (tx) => {
    const [last] = await rows<Run>(
      tx,
      `select id, now_arg, started_at, finished_at, counts, held, overdue from sweep_runs
        where started_at is not null order by started_at desc limit 1`,
    )
    const asked = await rows(tx, `select 1 from sweep_runs where started_at is null limit 1`)
    return { last, next: nextDue(now), isAsked: asked.length > 0 }
  })
}

/** The organizations a sweep looks at. One that is being purged is emptied by its deletion. */
export async function listSwept(on: Resources): Promise<string[]> {
  const found = await on.db.withSystem((tx) =>
    rows<{ org_id: string }>(
      tx,
      `select org_id from organizations where status <> 'purging' order by org_id`,
    ),
  )
  return found.map(({ org_id }) => org_id)
}
