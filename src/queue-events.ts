import type { Queue } from 'bullmq'
import type { Redis } from 'ioredis'
import type pg from 'pg'

/** Removes what a queue told of its jobs before this moment; answers how many entries went. */
export type EventTrimmer = (queue: Queue, before: Date) => Promise<number>

/** Entries removed in one statement. */
const BATCH = 1_000

/**
 * Of the library's own ways one goes by length alone, and that only in Redis: a quiet queue would keep what its jobs
 * returned and why they failed for months. Entries of a stream are named by the millisecond they were made in.
 */
export const trimInRedis: EventTrimmer = async (queue, before) => {
  const { client } = queue.getBackend()
  // The library types the one way of trimming that it uses itself.
  const redis = (await client) as unknown as Redis
  return redis.xtrim(queue.toKey('events'), 'MINID', before.getTime())
}

/** In PostgreSQL the stream is a table, read in the order of its ids. */
export const trimInPostgres =
  (pool: pg.Pool): EventTrimmer =>
  async ({ name }, before) => {
    let removed = 0
    for (let last = BATCH; last === BATCH; removed += last) {
      const { rowCount } = await pool.query(
        `delete from event where ctid = any(array(
           select ctid from event where queue = $1 and created_at_ms < $2 order by id limit ${BATCH}))`,
        [name, before.getTime()],
      )
      last = rowCount ?? 0
    }
    return removed
  }
