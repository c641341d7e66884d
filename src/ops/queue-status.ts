import { Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { readInstance } from './reading.ts'

/** One queue for a script; ages are whole seconds, null when nothing waits or nothing ever came through. */
export type QueueStatus = {
  waiting: number
  active: number
  delayed: number
  failed: number
  paused: boolean
  oldest_seconds: number | null
  heartbeat_seconds: number | null
  done_per_minute: number
}

/** Every queue with what waits in it and whether somebody works at it. Throws Refusal 503 when their store is away. */
export async function queueStatus(
  on: Resources,
): Promise<{ backend: string; queues: Record<string, QueueStatus> }> {
  const { backend, queues } = await readInstance(on, 0)
  if (!queues) throw new Refusal(503, 'unavailable', 'The store of the queues does not answer.')
  const status = queues.map(
    ({ name, waiting, active, delayed, failed, isPaused, oldestS, beatS, rate }) => [
      name,
      {
        waiting,
        active,
        delayed,
        failed,
        paused: isPaused,
        oldest_seconds: whole(oldestS),
        heartbeat_seconds: whole(beatS),
        done_per_minute: rate,
      },
    ],
  )
  return { backend, queues: Object.fromEntries(status) as Record<string, QueueStatus> }
}

const whole = (seconds: number | null): number | null =>
  seconds === null ? null : Math.round(seconds)
