import type { Queue, Worker } from 'bullmq'
import type { Config } from './config.ts'
import { newId } from './ids.ts'
import type { Log } from './log.ts'
import { contentsOf, type Content } from './queue-contents.ts'
import { chooseBackend, type Bull } from './queue-backend.ts'
import type { Depth } from './queue-depths.ts'
import { forgetInQueue, isForgotten, sealersIn } from './queue-erasure.ts'
import { namesInStore } from './queue-names.ts'
import { BEAT, startWorker, type Told } from './queue-worker.ts'
import type { Tally } from './tally.ts'

/**
 * Webhook bodies, sealed before they touch the queue: one, or several of a connection that came together. `org` is null
 * where no organization is known; `at` is when the first came, in milliseconds.
 */
export type InboundBody = {
  org: string | null
  connection: string | null
  at: number
  sealed: string
  /** Of several: when each came and how many bytes it has, in their order. */
  parts?: [at: number, bytes: number][]
}
export type Doorbell = { org: string; connection: string }
export type MailJob = { id: string }
/** Somebody looked at a page or used a feature; `ref` is a random number, `at` milliseconds. */
export type UsageEvent = {
  id: string
  ref: string
  page: string
  feature: string | null
  at: number
}
export type UsageJob = { org: string; events: UsageEvent[] }
export type ExportJob = { id: string }
/** "Look at the templates of this business account." */
export type SyncJob = { org: string; waba: string }
export type MediaJob = { org: string; id: string }

type Data = {
  inbound: { bodies: InboundBody[] }
  outbound: Doorbell
  mail: MailJob
  usage: UsageJob
  export: ExportJob
  sync: SyncJob
  media: MediaJob
}
export type QueueName = keyof Data
export const QUEUE_NAMES: readonly QueueName[] = [
  'inbound',
  'outbound',
  'mail',
  'usage',
  'export',
  'sync',
  'media',
]

export type Work<N extends QueueName> = Told<Data[N]>

export type Queues = {
  backend: 'redis' | 'postgres'
  /** Resolves when the bodies are durable; a rejection means "not known", so the sender must send again. */
  addInbound(bodies: InboundBody[]): Promise<void>
  /** A doorbell: "look at this connection's outbox". Never throws: the sweeper rings for what was missed. */
  ring(at: Doorbell): Promise<void>
  addMail(id: string): Promise<void>
  /** Rejects when the queue does not take it; whoever calls drops the events then. */
  addUsage(job: UsageJob): Promise<void>
  /**
   * Remove jobs that ended before this moment, a batch at a time, from one queue; answers how many. The library's own
   * age limit acts only when another job of that kind ends: an idle queue would keep everything.
   */
  clean(name: QueueName, state: 'completed' | 'failed', before: Date): Promise<number>
  /** Remove what one queue told of its jobs before this moment, their results and failures; answers how many entries. */
  trimEvents(name: QueueName, before: Date): Promise<number>
  /** Take an organization out of every queue and state; answers how many jobs changed, by queue. */
  forget(org: string): Promise<Record<QueueName, number>>
  /** How many sealed bodies wait, work or are kept under each key, by its id. */
  sealedBy(): Promise<Record<string, number>>
  /** Whether no job of any queue carries anything of an organization. */
  hasForgotten(org: string): Promise<boolean>
  /** Never throws, as the sweep rings for rows whose job was lost. */
  addExport(id: string): Promise<void>
  /** Never throws, as what is due is rung for again. */
  addSync(job: SyncJob): Promise<void>
  /** A doorbell for one file of a message. Never throws: the sweep rings again. */
  addMedia(at: MediaJob): Promise<void>
  work<N extends QueueName>(
    name: N,
    run: (work: Work<N>) => Promise<void>,
    options?: { concurrency?: number },
  ): void
  /** Every name the store holds something of ours under, whether a queue has it or not. */
  names(): Promise<string[]>
  /** Workers take no job while it is true; what waits stays where it is. */
  rest(isOn: boolean): void
  /** Rejects when the queue store does not answer within about a second. */
  depths(): Promise<Record<QueueName, Depth>>
  /** Send a heartbeat through each queue that is worked at here; one that still waits is enough. Never throws. */
  beat(): Promise<void>
  /** When the last heartbeat came through each queue that is worked at here; null before the first. */
  beats(): Partial<Record<QueueName, Date | null>>
  /** Let a paused queue go on. */
  resume(name: QueueName): Promise<void>
  /** The library's own objects, for Bull Board. */
  bare(): Queue[]
  /** Everything the store holds under our names, names of keys included, to be looked through. */
  contents(): AsyncGenerator<Content>
  /** Rejects when the queue store does not answer within a second. */
  ready(): Promise<void>
  close(): Promise<void>
}

const UNKEPT = {
  attempts: 3,
  backoff: { type: 'patient' },
  removeOnComplete: true,
  removeOnFail: true,
}
/** Jobs removed in one step. */
const CLEANED = 1_000
const KEPT = { removeOnComplete: { age: 1_800, count: 5_000 }, removeOnFail: { age: 7 * 86_400 } }

export function openQueues(
  config: Config,
  { log, tally, prefix = 'chatflow' }: { log: Log; tally: Tally; prefix?: string | undefined },
): Queues {
  const bull = chooseBackend(config, log, prefix)
  const made = QUEUE_NAMES.map((name) => [name, bull.queue(name)])
  const queues = Object.fromEntries(made) as Record<QueueName, Queue>
  const workers: Worker[] = []
  const beats = new Map<QueueName, Date | null>()
  for (const [name, queue] of Object.entries(queues))
    queue.on('error', (error) => log.warn({ err: error, queue: name }, 'queue connection'))
  return {
    backend: bull.backend,
    ...producers(queues, log),
    clean: (name, state, before) => cleanJobs(queues[name], state, before),
    trimEvents: (name, before) => bull.trimEvents(queues[name], before),
    forget: (org) => forgetEverywhere(queues, org),
    sealedBy: () => sealersIn(queues.inbound),
    hasForgotten: (org) => isForgottenEverywhere(queues, org),
    ...crew(bull, { workers, beats }, { log, tally }),
    beat: () =>
      beatAll(
        [...beats.keys()].map((name) => queues[name]),
        log,
      ),
    beats: () => Object.fromEntries(beats),
    resume: (name) => queues[name].resume(),
    bare: () => Object.values(queues),
    async depths() {
      const found = await within(1_500, bull.depths(Object.values(queues)))
      const pairs = Object.keys(queues).map((name, n) => [name, found[n]] as const)
      return Object.fromEntries(pairs) as Record<QueueName, Depth>
    },
    names: () => namesInStore(config, prefix),
    contents: () => contentsOf(config, prefix),
    ready: () => within(1_000, queues.inbound.getJobCountByTypes('waiting')).then(() => undefined),
    async close() {
      await Promise.all(workers.map((worker) => worker.close()))
      await Promise.all(Object.values(queues).map((queue) => queue.close()))
      await bull.close()
    },
  }
}

type Hands = { workers: Worker[]; beats: Map<QueueName, Date | null> }

/** Those who take jobs, and when they rest; a worker that comes while they do rests too. */
function crew(
  bull: Bull,
  { workers, beats }: Hands,
  told: { log: Log; tally: Tally },
): Pick<Queues, 'work' | 'rest'> {
  let isResting = false
  return {
    work(name, run, { concurrency = 4 } = {}) {
      beats.set(name, null)
      const beat = (): void => void beats.set(name, new Date())
      const worker = startWorker(bull, { name, run, concurrency, beat }, told)
      workers.push(worker)
      if (isResting) void worker.pause(true)
    },
    rest(isOn) {
      isResting = isOn
      for (const worker of workers) void (isOn ? worker.pause(true) : worker.resume())
    },
  }
}

type Producers = Pick<
  Queues,
  'addInbound' | 'ring' | 'addMail' | 'addExport' | 'addSync' | 'addMedia' | 'addUsage'
>

const producers = (queues: Record<QueueName, Queue>, log: Log): Producers => ({
  async addInbound(bodies) {
    // A number that the store counts could come again after a restore, and a job under a number that is taken is dropped.
    await queues.inbound.add(
      'bodies',
      { bodies },
      {
        ...KEPT,
        jobId: newId(),
        attempts: 10,
        backoff: { type: 'patient' },
        sizeLimit: 8 * 1_048_576,
      },
    )
  },
  ring: ({ org, connection }) =>
    knock(queues.outbound, `connection-${connection}`, { org, connection }, log),
  addMail: (id) => addRow(queues.mail, id, log),
  addExport: (id) => addRow(queues.export, id, log),
  addSync: ({ org, waba }) => knock(queues.sync, `account-${org}-${waba}`, { org, waba }, log),
  addMedia: ({ org, id }) => knock(queues.media, `media-${id}`, { org, id }, log),
  addUsage: (job) =>
    queues.usage.add('usage', job, { ...UNKEPT, jobId: newId() }).then(() => undefined),
})

async function forgetEverywhere(
  queues: Record<QueueName, Queue>,
  org: string,
): Promise<Record<QueueName, number>> {
  const changed = {} as Record<QueueName, number>
  for (const name of QUEUE_NAMES) changed[name] = await forgetInQueue(queues[name], org)
  return changed
}

async function isForgottenEverywhere(
  queues: Record<QueueName, Queue>,
  org: string,
): Promise<boolean> {
  for (const name of QUEUE_NAMES) if (!(await isForgotten(queues[name], org))) return false
  return true
}

async function cleanJobs(
  queue: Queue,
  state: 'completed' | 'failed',
  before: Date,
): Promise<number> {
  let removed = 0
  for (let last = CLEANED; last === CLEANED; removed += last)
    last = (await queue.clean(Date.now() - before.getTime(), CLEANED, state)).length
  return removed
}

/** A doorbell: one job for as many knocks as come before it is taken. */
async function knock(queue: Queue, id: string, data: object, log: Log): Promise<void> {
  // Without keepLastIfActive a knock while the job runs would be lost.
  const deduplication = { id, keepLastIfActive: true }
  await queue
    .add('look', data, { deduplication, removeOnComplete: true, removeOnFail: true })
    .catch((error: unknown) => log.warn({ err: error, queue: queue.name }, 'doorbell not rung'))
}

/** A job for a row that says itself what is due. */
async function addRow(queue: Queue, id: string, log: Log): Promise<void> {
  await queue
    .add(queue.name, { id }, { ...KEPT, jobId: newId(), attempts: 3, backoff: { type: 'patient' } })
    .catch((error: unknown) =>
      log.warn({ err: error, queue: queue.name, row: id }, 'job not queued'),
    )
}

async function beatAll(queues: Queue[], log: Log): Promise<void> {
  const options = { deduplication: { id: BEAT }, removeOnComplete: true, removeOnFail: true }
  for (const queue of queues)
    await queue
      .add(BEAT, {}, options)
      .catch((error: unknown) => log.warn({ err: error, queue: queue.name }, 'heartbeat not sent'))
}

/** Rejects when `promise` has not settled within `ms` milliseconds. */
export async function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('deadline passed')), ms)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
