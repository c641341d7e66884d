import type { Job, Worker } from 'bullmq'
import { describeError, type Log } from './log.ts'
import type { Bull } from './queue-backend.ts'
import type { Tally } from './tally.ts'

/** The name of a job that says nothing but that its queue is worked at. */
export const BEAT = 'beat'

/** What a worker is told. `attempt` counts from 1; `log` carries queue and job id. */
export type Told<Data> = {
  id: string
  data: Data
  attempt: number
  log: Log
  signal: AbortSignal | undefined
}

export type Post<Data> = {
  name: string
  run: (told: Told<Data>) => Promise<void>
  concurrency: number
  /** Hears of each heartbeat that came through the queue. */
  beat: () => void
}

/** Works at one queue until it is closed. */
export function startWorker<Data>(
  bull: Bull,
  post: Post<Data>,
  { log, tally }: { log: Log; tally: Tally },
): Worker {
  const { name, concurrency } = post
  const worker = bull.worker(
    name,
    async (job, _token, signal) => {
      if (job.name === BEAT) return post.beat()
      const child = log.child({ queue: name, job: job.id })
      const started = performance.now()
      try {
        await post.run(toldOf(job, child, signal))
        tally.count('job', 'done', { of: name })
        child.debug({ ms: Math.round(performance.now() - started) }, 'job done')
      } catch (error) {
        const bare = codeOnly(error)
        tally.count('job', 'failed', { of: name, reason: bare.message.replaceAll(' ', '-') })
        child.error({ err: error, attempt: job.attemptsMade + 1 }, 'job failed')
        throw bare
      }
    },
    {
      concurrency,
      lockDuration: 15_000,
      stalledInterval: 5_000,
      maxStalledCount: 50,
      // Its pause before it looks again while the store is away.
      runRetryDelay: 1_000,
      settings: { backoffStrategy: (attempts: number) => Math.min(500 * 2 ** attempts, 60_000) },
    },
  )
  worker.on('error', (error) => log.warn({ err: error, queue: name }, 'worker connection'))
  return worker
}

const toldOf = <Data>(job: Job, log: Log, signal: AbortSignal | undefined): Told<Data> => ({
  id: String(job.id),
  data: job.data as Data,
  attempt: job.attemptsMade + 1,
  log,
  signal,
})

/** The queue stores a failure's text in clear, so it gets the code and nothing of the data. */
function codeOnly(error: unknown): Error {
  const { type, code } = describeError(error)
  const bare = new Error([type, code].filter(Boolean).join(' '))
  bare.stack = bare.message
  return bare
}
