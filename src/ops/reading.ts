import { rows, type Tx } from '../db.ts'
import { listOpenDeletions, type OpenDeletion } from '../deletions/deletion.ts'
import { readSchedule } from '../privacy/sweep-runs.ts'
import { readRedis, type RedisFacts } from '../redis.ts'
import type { Resources } from '../resources.ts'
import { checkDisk } from './check-machine.ts'
import type { Check } from './check.ts'
import {
  readConnections,
  readUnsure,
  type ConnectionLine,
  type UnsureLine,
} from './connection-lines.ts'
import type { Reason } from './letter-filter.ts'
import { keep, type Kept } from './kept.ts'
import { countMail } from './mail.ts'
import { readProcesses, type ProcessLine, type RunLine } from './processes.ts'
import { queueLines, readMinutes, type QueueLine } from './queue-lines.ts'

/** Dead letters of one reason; `fresh` came within the last five minutes. */
export type LetterCount = { reason: Reason; n: number; fresh: number; oldestS: number }
/** How often something ended in one way within a day. */
export type DayCount = { what: string; of: string; ending: string; reason: string; n: number }
export type Exports = { waiting: number; oldestS: number | null; failed: number }
export type Schedule = Awaited<ReturnType<typeof readSchedule>>

/** What does not change from one second to the next. */
type Slow = {
  day: DayCount[]
  failures: { code: string; n: number }[]
  redis: RedisFacts | undefined
  /** Of the machine this process runs on. */
  machine: { disk: Check; skewMs: number }
}

/** The installation as it is now. What cannot be read is null; everything else stands without it. */
export type Reading = Slow & {
  at: Date
  backend: 'redis' | 'postgres'
  /** Null when the store of the queues does not answer. */
  queues: QueueLine[] | null
  processes: ProcessLine[]
  runs: RunLine[]
  connections: ConnectionLine[]
  unsure: UnsureLine[]
  letters: LetterCount[]
  unsentMail: number
  exports: Exports
  deletions: OpenDeletion[]
  schedule: Schedule
}

const SLOW_MS = 30_000
/** Open pages and Prometheus get an answer this old; so an instance asks its stores once in that time. */
export const FRESH_MS = 3_000

const kept = new WeakMap<Resources, Kept<Reading>>()

/** At most `maxAgeMs` old; 0 reads anew, unless somebody is reading at this moment. */
export function readInstance(on: Resources, maxAgeMs: number): Promise<Reading> {
  const known = kept.get(on) ?? openReading(on)
  kept.set(on, known)
  return known.get(maxAgeMs)
}

function openReading(on: Resources): Kept<Reading> {
  const slow = keep(() => readSlow(on))
  return keep(async () => ({ ...(await slow.get(SLOW_MS)), ...(await readNow(on)) }))
}

async function readNow(on: Resources): Promise<Omit<Reading, keyof Slow>> {
  const depths = on.queues.depths().catch((error: unknown) => {
    on.log.warn({ err: error }, 'queues not read')
    return null
  })
  const seen = await on.db.withSystem(async (tx) => ({
    ...(await readProcesses(tx)),
    minutes: await readMinutes(tx),
    connections: await readConnections(tx),
    unsure: await readUnsure(tx),
    letters: await readLetters(tx),
    exports: await readExports(tx),
  }))
  const { minutes, ...rest } = seen
  const known = await depths
  const mail = await countMail(on)
  return {
    ...rest,
    at: on.now(),
    backend: on.queues.backend,
    queues: known && queueLines({ depths: known, minutes, processes: seen.processes }),
    unsentMail: (mail['kept'] ?? 0) + (mail['failed'] ?? 0) + (mail['pending'] ?? 0),
    deletions: await listOpenDeletions(on),
    schedule: await readSchedule(on),
  }
}

async function readSlow(on: Resources): Promise<Slow> {
  const redis = on.config.REDIS_URL ? readRedis(on.config.REDIS_URL) : undefined
  const counted = await on.db.withSystem(async (tx) => ({
    skewMs: await readSkew(tx),
    day: await rows<DayCount>(
      tx,
      `select what, of, ending, reason, sum(n)::int as n from tallies where minute > now() - interval '24 hours'
        group by 1, 2, 3, 4 order by n desc limit 500`,
    ),
    failures: await rows<{ code: string; n: number }>(
      tx,
      `select code, n from ops_failures(now() - interval '24 hours')`,
    ),
  }))
  const { skewMs, ...slow } = counted
  return { ...slow, redis: await redis, machine: { disk: await checkDisk(on.config), skewMs } }
}

/** How far the database's clock is from ours, in milliseconds; the way there and back counts half. */
async function readSkew(tx: Tx): Promise<number> {
  const before = Date.now()
  const [row] = await rows<{ at: Date }>(tx, 'select clock_timestamp() as at')
  const middle = (before + Date.now()) / 2
  return row ? row.at.getTime() - middle : 0
}

const readLetters = (tx: Tx): Promise<LetterCount[]> =>
  rows<LetterCount>(
    tx,
    `select reason, count(*)::int as n, count(*) filter (where first_seen_at > now() - interval '5 minutes')::int as fresh,
            extract(epoch from now() - min(first_seen_at))::float8 as "oldestS"
       from dead_letters group by 1 order by 2 desc, 1`,
  )

async function readExports(tx: Tx): Promise<Exports> {
  const [found] = await rows<Exports>(
    tx,
    `select (count(*) filter (where state in ('pending', 'running')))::int as waiting,
            extract(epoch from now() - min(created_at) filter (where state in ('pending', 'running')))::float8 as "oldestS",
            (count(*) filter (where state = 'failed'))::int as failed from exports`,
  )
  return found ?? { waiting: 0, oldestS: null, failed: 0 }
}
