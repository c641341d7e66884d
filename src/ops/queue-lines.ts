import { rows, type Tx } from '../db.ts'
import type { Depth } from '../queue-depths.ts'
import { QUEUE_NAMES, type QueueName } from '../queues.ts'
import { lastBeat, type ProcessLine } from './processes.ts'

/** One queue as operators see it. Ages are seconds. */
export type QueueLine = {
  name: QueueName
  waiting: number
  active: number
  delayed: number
  failed: number
  isPaused: boolean
  /** Of the job that waits longest, for a worker or for its next try; null when none waits. */
  oldestS: number | null
  /** Since the last heartbeat came through; null when none did. */
  beatS: number | null
  /** Jobs done in each of the last sixty minutes, the oldest first. */
  minutes: number[]
  /** Jobs done a minute, over the last five. */
  rate: number
  peak: number
}

const MINUTES = 60
const RECENT = 5

/** Jobs done by queue and minute; the last entry is the minute that has not ended. */
export async function readMinutes(tx: Tx): Promise<Map<string, number[]>> {
  const found = await rows<{ of: string; ago: number; n: number }>(
    tx,
    `select of, floor(extract(epoch from date_trunc('minute', now()) - minute) / 60)::int as ago, sum(n)::int as n
       from tallies where what = 'job' and ending = 'done' and minute > date_trunc('minute', now()) - ? * interval '1 minute'
      group by 1, 2`,
    [MINUTES],
  )
  const minutes = new Map<string, number[]>()
  for (const { of, ago, n } of found) {
    const line = minutes.get(of) ?? Array<number>(MINUTES).fill(0)
    minutes.set(of, line.with(MINUTES - 1 - ago, n))
  }
  return minutes
}

type Known = {
  depths: Record<QueueName, Depth>
  minutes: Map<string, number[]>
  processes: ProcessLine[]
}

export const queueLines = ({ depths, minutes, processes }: Known): QueueLine[] =>
  QUEUE_NAMES.map((name) => {
    const { waiting, active, delayed, failed, isPaused, oldest } = depths[name]
    const done = minutes.get(name) ?? Array<number>(MINUTES).fill(0)
    const whole = done.slice(-RECENT - 1, -1)
    return {
      name,
      waiting,
      active,
      delayed,
      failed,
      isPaused,
      // The queue's own clock wrote it; a difference of clocks must not show as a job from the future.
      oldestS: oldest ? Math.max(0, (Date.now() - oldest.getTime()) / 1_000) : null,
      beatS: lastBeat(processes, name) ?? null,
      minutes: done,
      rate: whole.reduce((sum, n) => sum + n, 0) / RECENT,
      peak: Math.max(...done),
    }
  })
