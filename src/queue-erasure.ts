import { setTimeout as pause } from 'node:timers/promises'
import type { Job, JobType, Queue } from 'bullmq'
import { keyIdOf } from './vault.ts'

/** A paused queue of the PostgreSQL back end has a state that the library's types do not name. */
const STATES: readonly JobType[] = [
  'waiting',
  'paused' as 'waiting',
  'delayed',
  'prioritized',
  'waiting-children',
  'completed',
  'failed',
]
const PAGE = 500
const PATIENCE_MS = 20_000

type Body = { org: string | null; sealed: string }
type Data = { org?: string; bodies?: Body[] }

/**
 * Take an organization out of one queue, whatever state its jobs are in: a job of its own is removed, one it shares with
 * others is rewritten without its bodies. One that runs is waited for; what it still writes the database refuses, and
 * the destroyed key makes unreadable whatever outlives its lock. Answers how many jobs were removed or rewritten.
 */
export async function forgetInQueue(queue: Queue, org: string): Promise<number> {
  await waitForActive(queue, org)
  let changed = 0
  for (const state of STATES) changed += await forgetIn(queue, state, org)
  return changed
}

async function forgetIn(queue: Queue, state: JobType, org: string): Promise<number> {
  let changed = 0
  for (const id of await idsOf(queue, state)) {
    const job: Job<Data> | undefined = await queue.getJob(id)
    if (!job || !concerns(job.data, org)) continue
    const { data } = job
    const left = data.bodies?.filter((body) => body.org !== org) ?? []
    // A job that became active meanwhile keeps its lock: the next look finds it ended.
    if (left.length > 0) await job.updateData({ ...data, bodies: left })
    else await job.remove().catch(() => undefined)
    changed += 1
  }
  return changed
}

const concerns = ({ org, bodies }: Data, wanted: string): boolean =>
  org === wanted || (bodies?.some((body) => body.org === wanted) ?? false)

/** Read before anything is removed, because removing moves the pages. */
async function idsOf(queue: Queue, state: JobType): Promise<string[]> {
  const jobs: (Job | undefined)[] = await queue.getJobs([state], 0, -1)
  return jobs.flatMap((job) => job?.id ?? [])
}

async function waitForActive(queue: Queue, org: string): Promise<void> {
  const until = performance.now() + PATIENCE_MS
  while (performance.now() < until) {
    const active: (Job<Data> | undefined)[] = await queue.getJobs(['active'], 0, PAGE)
    if (!active.some((job) => job && concerns(job.data, org))) return
    await pause(200)
  }
}

/** How many bodies of a queue each key seals, by its id, in whatever state their jobs are. */
export async function sealersIn(queue: Queue): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const state of [...STATES, 'active' as JobType]) {
    const jobs: (Job<Data> | undefined)[] = await queue.getJobs([state], 0, -1)
    for (const { sealed } of jobs.flatMap((job) => job?.data.bodies ?? [])) {
      const kid = keyIdOf(sealed)
      counts[kid] = (counts[kid] ?? 0) + 1
    }
  }
  return counts
}

/** Whether anything of an organization is left in a queue. */
export async function isForgotten(queue: Queue, org: string): Promise<boolean> {
  for (const state of [...STATES, 'active' as JobType]) {
    const jobs: (Job<Data> | undefined)[] = await queue.getJobs([state], 0, -1)
    if (jobs.some((job) => job && concerns(job.data, org))) return false
  }
  return true
}
