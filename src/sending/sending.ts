import { newCode } from '../ids.ts'
import { within, type Doorbell } from '../queues.ts'
import type { Resources } from '../resources.ts'
import { claim, type Entry } from './claim.ts'
import { openJournal, type Journal } from './journal.ts'
import { openPace, type Pace } from './pace.ts'
import { openPool, type Place, type Pool } from './pool.ts'
import { post, type Wire } from './post.ts'

/** The part of a process that posts messages; its posts outlive the job that started them. */
export type Sender = {
  /**
   * Claim what a connection has due and start posting it, for at most 2 seconds or 50 entries. It ends without
   * waiting for the posts: a slow answer must not hold back other conversations. Who finishes a post rings again.
   */
  drain(at: Doorbell): Promise<void>
  /** Start nothing more and wait for the posts in flight; what is left after `timeoutMs` becomes `unknown`. */
  settlePosts(timeoutMs: number): Promise<void>
}

type Office = {
  on: Resources
  worker: string
  journal: Journal
  postTimeoutMs: number
  pool: Pool
  pace: Pace
  /** Drains and posts that have not ended. */
  open: Set<Promise<void>>
  /** Rings to come for entries that wait. */
  naps: Set<NodeJS.Timeout>
  /** Connections that found no place; each gets its turn when one is free. */
  crowded: Map<string, Doorbell>
  stopped: boolean
}

const DRAIN_MS = 2_000
const DRAIN_ENTRIES = 50
/** A ring of our own beats the sweeper for the short waits; longer ones are left to it. */
const LONGEST_NAP_MS = 120_000
/** The database decides what is due; its clock and ours differ by a little. */
const LATE_MS = 50

export type SenderOptions = {
  /** The total limit of one Graph call, 15,000 unless told. */
  postTimeoutMs?: number
  /** The clock of the breaker, in milliseconds. */
  now?: () => number
}

export function openSender(
  on: Resources,
  { postTimeoutMs = 15_000, now }: SenderOptions = {},
): Sender {
  const worker = newCode(9)
  const office: Office = {
    on,
    worker,
    journal: keepJournal(on, worker),
    postTimeoutMs,
    pool: openPool(),
    pace: openPace(on, now),
    open: new Set(),
    naps: new Set(),
    crowded: new Map(),
    stopped: false,
  }
  return {
    drain: ({ org, connection }) => track(office, drain(office, { org, connection })),
    settlePosts: (timeoutMs) => settle(office, timeoutMs),
  }
}

async function drain(office: Office, at: Doorbell): Promise<void> {
  const end = performance.now() + DRAIN_MS
  let left = DRAIN_ENTRIES
  while (left > 0 && performance.now() < end && !office.stopped) {
    const { started, more } = await start(office, at, left)
    if (!more) return
    left -= started
  }
  await ring(office, at)
}

/** How many entries were started; `more` while there may be others that could start now. */
async function start(
  office: Office,
  at: Doorbell,
  most: number,
): Promise<{ started: number; more: boolean }> {
  const places = office.pool.enter(at, most)
  if (places.length === 0) {
    office.crowded.set(at.connection, at)
    return { started: 0, more: false }
  }
  try {
    const { granted, afterMs } = await office.pace.grant(at, places.length)
    if (granted === 0) {
      ringLater(office, at, afterMs)
      return { started: 0, more: false }
    }
    const entries = await claim(office.on, at, granted, office.worker)
    await office.pace.found(at, granted, entries)
    for (const entry of entries) void track(office, fly(office, entry, places.pop() as Place))
    return { started: entries.length, more: entries.length === granted }
  } finally {
    for (const place of places) place.leave()
  }
}

async function fly(office: Office, entry: Entry, place: Place): Promise<void> {
  const { org, connection, message } = entry
  try {
    const heldMs = await office.pace.heldMs(entry)
    if (heldMs > 0) return ringLater(office, { org, connection }, heldMs + LATE_MS)
    const { more, afterMs, call } = await post(office.on, entry, wireOf(office))
    place.leave()
    office.pace.ended(entry, call)
    if (afterMs !== undefined) ringLater(office, { org, connection }, afterMs + LATE_MS)
    if (more) await ring(office, { org, connection })
  } catch (error) {
    office.on.log.error({ err: error, org, message }, 'post not recorded')
  } finally {
    place.leave()
    const waiting = [...office.crowded.values()]
    office.crowded.clear()
    await Promise.all(waiting.map((at) => ring(office, at)))
  }
}

async function ring(office: Office, at: Doorbell): Promise<void> {
  if (!office.stopped) await office.on.queues.ring(at)
}

function ringLater(office: Office, at: Doorbell, ms: number): void {
  if (office.stopped || ms > LONGEST_NAP_MS) return
  const nap = setTimeout(() => {
    office.naps.delete(nap)
    void ring(office, at)
  }, ms)
  office.naps.add(nap.unref())
}

const wireOf = ({ journal, postTimeoutMs }: Office): Wire => ({
  timeoutMs: postTimeoutMs,
  wrote: journal.wrote,
})

function track({ open, journal }: Office, work: Promise<void>): Promise<void> {
  const kept: Promise<void> = work.finally(() => {
    open.delete(kept)
    if (open.size === 0) journal.forget()
  })
  open.add(kept)
  return kept
}

async function settle(office: Office, timeoutMs: number): Promise<void> {
  office.stopped = true
  for (const nap of office.naps) clearTimeout(nap)
  const settled = async (): Promise<void> => {
    while (office.open.size > 0) await Promise.allSettled(office.open)
  }
  await within(timeoutMs, settled())
    .finally(() => office.pace.close())
    .then(
      () => office.journal.close(),
      () => office.on.log.warn({ posts: office.open.size }, 'posts still open'),
    )
}

/** Without a place to write, leases alone tell: after a crash the doubt is greater, nothing else changes. */
function keepJournal(on: Resources, worker: string): Journal {
  try {
    return openJournal(on.config.DATA_DIR, worker)
  } catch (error) {
    on.log.warn({ err: error }, 'no journal of posts: DATA_DIR cannot be written')
    const nothing = (): void => undefined
    return { wrote: nothing, forget: nothing, close: nothing }
  }
}
