import { Counter, Histogram } from 'prom-client'

/** What ends somehow, and the only words for how; anything else is counted as `other`. */
const ENDS = {
  webhook: ['200', '400', '401', '403', '405', '408', '413', '415', '503'],
  job: ['done', 'failed'],
  message: ['accepted', 'retry', 'unknown', 'failed', 'held'],
} as const
export type Counted = keyof typeof ENDS

/** So many ended in one way within a minute; `of` is the queue of a job, `reason` a code, both '' where there is none. */
export type Count = { what: Counted; of: string; end: string; reason: string; n: number }
/** A piece of work that comes again and again: when it last ran here, and how often it does. */
export type Run = { at: Date; everyMs: number; failed: boolean }

/** What one process counts as it happens: for Prometheus at once, and for /ops by rows written now and then. */
export type Tally = {
  count(what: Counted, end: string, more?: { of?: string; reason?: string }): void
  /** How long the queue took to confirm a webhook, in seconds. */
  enqueued(seconds: number): void
  /** What a webhook brought and we have no reading for: a whole change, or a message of a kind that is not ours. */
  unread(what: 'change' | 'kind', n: number): void
  ran(name: string, run: Run): void
  /** By name; a copy. */
  runs(): Record<string, Run>
  /** What was counted since the last call; `keep` takes it back when it could not be written. */
  take(): Count[]
  keep(counts: Count[]): void
  metrics: (Counter | Histogram)[]
}

/** What the end is called where Prometheus reads it. */
const LABELS: Record<Counted, string> = { webhook: 'status', job: 'outcome', message: 'outcome' }
const REASON = /^[A-Za-z0-9_.-]{1,40}$/
/** Kinds of reasons one process tells apart between two writes. */
const MOST = 200

export function openTally(): Tally {
  const counters = openCounters()
  const enqueue = new Histogram({
    name: 'chatflow_webhook_enqueue_seconds',
    help: 'Time until the queue confirmed what a webhook brought.',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 1.5],
    registers: [],
  })
  const unread = new Counter({
    name: 'chatflow_webhook_unread_total',
    help: 'Parts of webhooks in no shape we read, kept sealed: changes and kinds of message.',
    labelNames: ['what'],
    registers: [],
  })
  const runs = new Map<string, Run>()
  let fresh = new Map<string, Count>()
  const add = (count: Count): void => {
    const key = [count.what, count.of, count.end, count.reason].join(' ')
    const known = fresh.get(key)
    if (known) known.n += count.n
    else if (fresh.size < MOST || ['', 'other'].includes(count.reason)) fresh.set(key, { ...count })
    else add({ ...count, reason: 'other' })
  }
  return {
    count(what, wanted, { of = '', reason = '' } = {}) {
      const end = (ENDS[what] as readonly string[]).includes(wanted) ? wanted : 'other'
      counters[what].inc({ [LABELS[what]]: end, ...(of === '' ? {} : { queue: of }) })
      add({ what, of, end, reason: reason === '' || REASON.test(reason) ? reason : 'other', n: 1 })
    },
    enqueued: (seconds) => enqueue.observe(seconds),
    unread: (what, n) => unread.inc({ what }, n),
    ran: (name, run) => void runs.set(name, run),
    runs: () => Object.fromEntries(runs),
    take() {
      const taken = [...fresh.values()]
      fresh = new Map()
      return taken
    },
    keep: (counts) => counts.forEach(add),
    metrics: [...Object.values(counters), enqueue, unread],
  }
}

const openCounters = (): Record<Counted, Counter> => ({
  webhook: new Counter({
    name: 'chatflow_webhook_answers_total',
    help: 'Answers to what Meta sent, by status.',
    labelNames: [LABELS.webhook],
    registers: [],
  }),
  job: new Counter({
    name: 'chatflow_jobs_total',
    help: 'Jobs this process ended, by queue and by how.',
    labelNames: ['queue', LABELS.job],
    registers: [],
  }),
  message: new Counter({
    name: 'chatflow_messages_total',
    help: 'What became of posts to the Graph API.',
    labelNames: [LABELS.message],
    registers: [],
  }),
})
