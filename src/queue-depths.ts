import type { Queue } from 'bullmq'
import type pg from 'pg'

/** How full a queue is. */
export type Depth = {
  waiting: number
  active: number
  delayed: number
  completed: number
  failed: number
  /** Nobody takes anything from it until somebody lets it go on, across restarts. */
  isPaused: boolean
  /** When the job was added that waits longest, for a worker or for its next try; null when none waits. */
  oldest: Date | null
}

export type DepthReader = (queues: Queue[]) => Promise<Depth[]>

/** Jobs that wait for another try are looked at in the order of their next one; so many of them are enough. */
const TRIES = 100
const STATES = ['waiting', 'prioritized', 'active', 'delayed', 'completed', 'failed'] as const

/**
 * One statement for all queues, each state by the partial index it has. A paused queue keeps its jobs `waiting` there,
 * and a page of waiting jobs begins with the newest, so the library's own getters would not tell the same on both.
 */
const DEPTHS = `
  select (select count(*) from job j where j.queue = q.name and j.state = 'waiting')::int as waiting,
         (select count(*) from job j where j.queue = q.name and j.state = 'active')::int as active,
         (select count(*) from job j where j.queue = q.name and j.state = 'delayed')::int as delayed,
         (select count(*) from job j where j.queue = q.name and j.state = 'completed')::int as completed,
         (select count(*) from job j where j.queue = q.name and j.state = 'failed')::int as failed,
         exists (select from meta m where m.queue = q.name and m.field = 'paused' and m.value = '1') as paused,
         least((select j.added_at_ms from job j where j.queue = q.name and j.state = 'waiting' order by j.priority, j.seq limit 1),
               (select min(d.added_at_ms) from (select j.added_at_ms from job j where j.queue = q.name and j.state = 'delayed'
                  order by j.process_at_ms limit ${TRIES}) d))::float8 as oldest
    from unnest($1::text[]) with ordinality q (name, place) order by q.place`

type Row = Omit<Depth, 'isPaused' | 'oldest'> & { paused: boolean; oldest: number | null }

export const depthsInPostgres =
  (pool: pg.Pool): DepthReader =>
  async (queues) => {
    const found = await pool.query<Row>(DEPTHS, [queues.map(({ name }) => name)])
    return found.rows.map((row) => {
      const { waiting, active, delayed, completed, failed, paused: isPaused } = row
      const oldest = row.oldest === null ? null : new Date(row.oldest)
      return { waiting, active, delayed, completed, failed, isPaused, oldest }
    })
  }

export const depthsInRedis: DepthReader = (queues) => Promise.all(queues.map(depthOf))

async function depthOf(queue: Queue): Promise<Depth> {
  const [counts, isPaused, oldest] = await Promise.all([
    queue.getJobCounts(...STATES),
    queue.isPaused(),
    oldestOf(queue),
  ])
  const {
    waiting = 0,
    prioritized = 0,
    active = 0,
    delayed = 0,
    completed = 0,
    failed = 0,
  } = counts
  return { waiting: waiting + prioritized, active, delayed, completed, failed, isPaused, oldest }
}

/** Only ids and times: a job's data may be megabytes. */
async function oldestOf(queue: Queue): Promise<Date | null> {
  const [waiting, delayed] = await Promise.all([
    queue.getRanges(['waiting'], 0, 0, true),
    queue.getRanges(['delayed'], 0, TRIES - 1, true),
  ])
  const { client } = queue.getBackend()
  const redis = await client
  const times = await Promise.all(
    [...waiting, ...delayed].map((id) => redis.hget(queue.toKey(id), 'timestamp')),
  )
  const known = times.filter((time) => time !== null).map(Number)
  return known.length > 0 ? new Date(Math.min(...known)) : null
}
