import { Queue, withBackend, Worker, type Job, type WorkerOptions } from 'bullmq'
import pg from 'pg'
import type { Config } from './config.ts'
import type { Log } from './log.ts'
import { depthsInPostgres, depthsInRedis, type DepthReader } from './queue-depths.ts'
import { trimInPostgres, trimInRedis, type EventTrimmer } from './queue-events.ts'
import { recoveringBackend } from './queue-recovery.ts'

type Run = (job: Job, token?: string, signal?: AbortSignal) => Promise<void>

/** BullMQ on the back end of this installation. */
export type Bull = {
  backend: 'redis' | 'postgres'
  queue(name: string): Queue
  worker(name: string, run: Run, options: Partial<WorkerOptions>): Worker
  depths: DepthReader
  trimEvents: EventTrimmer
  close(): Promise<void>
}

/** Fails fast while Redis is away: the webhook has its own deadline and Meta sends again. */
const PRODUCER = {
  enableOfflineQueue: false,
  maxRetriesPerRequest: 1,
  commandTimeout: 1_200,
  connectTimeout: 1_000,
  retryStrategy: (times: number) => Math.min(100 + 100 * times, 1_000),
}
const CONSUMER = { retryStrategy: (times: number) => Math.min(100 + 100 * times, 1_000) }

/** All queues and workers are made here: a forgotten back end would talk Redis to PostgreSQL without a type error. */
export function chooseBackend(config: Config, log: Log, prefix: string): Bull {
  if (config.REDIS_URL) {
    const url = config.REDIS_URL
    return {
      backend: 'redis',
      queue: (name) => new Queue(name, { prefix, connection: { url, ...PRODUCER } }),
      worker: (name, run, options) =>
        new Worker(name, run, { ...options, prefix, connection: { url, ...CONSUMER } }),
      depths: depthsInRedis,
      trimEvents: trimInRedis,
      close: () => Promise.resolve(),
    }
  }
  const postgres = withBackend(recoveringBackend)
  const connection = (max: number) => ({
    connectionString: config.DATABASE_URL,
    schema: 'jobs',
    options: '-c role=cf_queue',
    max,
  })
  const impatient = {
    connectionTimeoutMillis: 1_000,
    statement_timeout: 1_100,
    query_timeout: 1_200,
  }
  const pool = openPool({ ...connection(1), ...impatient }, log)
  return {
    backend: 'postgres',
    queue: (name) =>
      new postgres.Queue(name, {
        connection: { ...connection(3), ...impatient },
      }) as unknown as Queue,
    worker: (name, run, options) =>
      new postgres.Worker(name, run, {
        ...options,
        connection: connection(Math.min((options.concurrency ?? 1) + 1, 8)),
      }) as unknown as Worker,
    depths: depthsInPostgres(pool),
    trimEvents: trimInPostgres(pool),
    close: () => pool.end(),
  }
}

/** For statements of our own on the tables of the queues. */
function openPool(
  { schema, options, ...connection }: pg.PoolConfig & { schema: string },
  log: Log,
): pg.Pool {
  const pool = new pg.Pool({ ...connection, options: `${options} -c search_path=${schema}` })
  pool.on('error', (error) => log.warn({ err: error }, 'queue connection of our own statements'))
  return pool
}
