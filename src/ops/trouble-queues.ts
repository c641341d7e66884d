import type { Config } from '../config.ts'
import type { QueueName } from '../queues.ts'
import type { RedisFacts } from '../redis.ts'
import { BEAT_MS } from './pulse.ts'
import type { QueueLine } from './queue-lines.ts'
import type { Reading } from './reading.ts'
import { span } from './spans.ts'
import type { Trouble } from './troubles.ts'

/** From which age of the oldest waiting job on somebody should look, and from which at once; in seconds. */
const OLD: Record<QueueName, readonly [warn: number, danger: number]> = {
  inbound: [30, 300],
  outbound: [30, 300],
  mail: [600, 3_600],
  usage: [600, 3_600],
  export: [1_800, 7_200],
  sync: [600, 3_600],
  media: [300, 3_600],
}
/** Three heartbeats that should have come through and did not. */
const DEAF_S = (3 * BEAT_MS) / 1_000
/** Shares of the memory that Redis may use: at the second it soon takes no more jobs. */
const FULL = [0.7, 0.85] as const

/** What is wrong with the queues and with what keeps them. */
export function queueTroubles(
  { queues, backend, processes, redis }: Reading,
  { REDIS_URL }: Pick<Config, 'REDIS_URL'>,
): Trouble[] {
  if (!queues)
    return [
      {
        kind: 'queue_store',
        level: 'danger',
        title: `The store of the queues (${backend === 'redis' ? 'Redis' : 'PostgreSQL'}) does not answer.`,
        mend: 'Start it again. Webhooks are answered with 503 meanwhile, and Meta sends them again: nothing is lost.',
      },
    ]
  const upS = Math.max(0, ...processes.map((process) => process.upS))
  return [
    ...queues.flatMap((queue) => [...paused(queue), ...old(queue), ...deaf(queue, upS)]),
    ...(REDIS_URL && redis ? [...durability(redis), ...memory(redis)] : []),
  ]
}

const paused = ({ name, isPaused, waiting }: QueueLine): Trouble[] =>
  isPaused
    ? [
        {
          kind: 'queue_paused',
          level: 'danger',
          title: `The queue ${name} is paused, and ${waiting} ${waiting === 1 ? 'job waits' : 'jobs wait'} in it.`,
          mend: 'A pause outlives restarts. Let it go on with “chatflow queues resume ${name}”.',
        },
      ]
    : []

function old({ name, oldestS }: QueueLine): Trouble[] {
  const [warn, danger] = OLD[name]
  if (oldestS === null || oldestS < warn) return []
  return [
    {
      kind: 'queue_old',
      level: oldestS < danger ? 'warn' : 'danger',
      title: `A job of the queue ${name} has waited for ${span(oldestS)}.`,
      mend: 'Start more worker processes, or look in their log for “job failed”: a job that fails is tried again and waits in between.',
    },
  ]
}

/** Right after a start nothing can have come through yet. */
function deaf({ name, beatS }: QueueLine, upS: number): Trouble[] {
  if ((beatS ?? upS) < DEAF_S) return []
  return [
    {
      kind: 'queue_deaf',
      level: 'danger',
      title: `Nobody works at the queue ${name}${beatS === null ? '' : `: no heartbeat came through for ${span(beatS)}`}.`,
      mend: 'Start a worker process, or restart the one that hangs; WORKER_QUEUES must not leave this queue out everywhere.',
    },
  ]
}

function durability({ evictionPolicy, appendOnly, fsync }: RedisFacts): Trouble[] {
  const trouble = (level: Trouble['level'], title: string, mend: string): Trouble[] => [
    { kind: 'queue_durability', level, title, mend },
  ]
  if (evictionPolicy !== '' && evictionPolicy !== 'noeviction')
    return trouble(
      'danger',
      'Redis may drop jobs when it is full.',
      'Set maxmemory-policy noeviction.',
    )
  if (!appendOnly)
    return trouble(
      'danger',
      'Redis forgets acknowledged webhooks when it is killed.',
      'Set appendonly yes and appendfsync always.',
    )
  if (fsync === undefined || fsync === 'always') return []
  return trouble(
    'warn',
    'A Redis host that dies loses up to two seconds of acknowledged webhooks.',
    `appendfsync is ${fsync}: set it to always.`,
  )
}

function memory({ usedShare }: RedisFacts): Trouble[] {
  if (usedShare === null || usedShare < FULL[0]) return []
  return [
    {
      kind: 'queue_memory',
      level: usedShare < FULL[1] ? 'warn' : 'danger',
      title: `Redis uses ${Math.round(usedShare * 100)} % of its memory.`,
      mend: 'Raise maxmemory. When it is full, webhooks are answered with 503 and nothing can be taken from the queues.',
    },
  ]
}
