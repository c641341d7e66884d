import { readFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { rows, type Tx } from '../db.ts'
import { newId } from '../ids.ts'
import { within } from '../queues.ts'
import type { Resources } from '../resources.ts'
import { ROOT } from '../root.ts'
import { repeat } from '../schedule.ts'

export type ProcessKind = 'web' | 'worker' | 'all'

const PULSE_MS = 10_000
/** A worker that takes nothing is noticed after the third of these that is missing. */
export const BEAT_MS = 30_000
/** A process that was killed leaves its row; for so long it is shown as gone. */
const GONE_HOURS = 1
const LEAVE_MS = 2_000
const MIB = 1_048_576

/**
 * Let others see that this process lives: its row, what it counted, and heartbeats through the queues it works at.
 * Returns what ends it, which writes the rest and takes the row away.
 */
export function startPulse(on: Resources, kind: ProcessKind): () => Promise<void> {
  const own = { id: newId(), kind, startedAt: performance.now() }
  const lag = monitorEventLoopDelay({ resolution: 20 })
  lag.enable()
  const write = async (): Promise<void> => {
    const lagMs = Math.round(lag.percentile(99) / 1e6)
    lag.reset()
    await on.db.withSystem((tx) => writeProcess(tx, on, { ...own, lagMs }))
    await writeTallies(on)
  }
  const stops = [
    repeat(on, { name: 'pulse', everyMs: PULSE_MS, atOnce: true }, write),
    repeat(on, { name: 'heartbeat', everyMs: BEAT_MS, atOnce: true }, () => on.queues.beat()),
  ]
  return async () => {
    await Promise.all(stops.map((stop) => stop()))
    lag.disable()
    await within(LEAVE_MS, leave(on, own.id)).catch((error: unknown) =>
      on.log.warn({ err: error }, 'process not signed off'),
    )
  }
}

type Own = { id: string; kind: ProcessKind; startedAt: number; lagMs: number }

/** Ages instead of times: the clocks of several machines differ, and the database adds its own. */
async function writeProcess(tx: Tx, on: Resources, own: Own): Promise<void> {
  const now = Date.now()
  const beats = Object.entries(on.queues.beats()).map(([queue, at]) => [
    queue,
    at ? now - at.getTime() : null,
  ])
  const runs = Object.entries(on.tally.runs()).map(([name, { at, everyMs, failed }]) => [
    name,
    { ago: Math.max(0, on.now().getTime() - at.getTime()), every: everyMs, failed },
  ])
  await rows(
    tx,
    `insert into processes (id, kind, host, pid, version, beats, runs, lag_ms, rss_mb, started_at, seen_at)
     values (:id, :kind, :host, :pid, :version, :beats::jsonb, :runs::jsonb, :lag, :rss,
             now() - :age * interval '1 millisecond', now())
     on conflict (id) do update set beats = excluded.beats, runs = excluded.runs, lag_ms = excluded.lag_ms,
       rss_mb = excluded.rss_mb, seen_at = excluded.seen_at`,
    {
      id: own.id,
      kind: own.kind,
      host: os.hostname(),
      pid: process.pid,
      version: VERSION,
      beats: JSON.stringify(Object.fromEntries(beats)),
      runs: JSON.stringify(Object.fromEntries(runs)),
      lag: own.lagMs,
      rss: Math.round(process.memoryUsage.rss() / MIB),
      age: Math.round(performance.now() - own.startedAt),
    },
  )
  await rows(tx, `delete from processes where seen_at < now() - ? * interval '1 hour'`, [
    GONE_HOURS,
  ])
}

/** What cannot be written now is written with what comes next. */
async function writeTallies(on: Resources): Promise<void> {
  const counts = on.tally.take()
  if (counts.length === 0) return
  await on.db
    .withSystem((tx) =>
      rows(
        tx,
        `insert into tallies as t (minute, what, of, ending, reason, n)
         select date_trunc('minute', now()), i.what, i.of, i.end, i.reason, i.n
           from jsonb_to_recordset(:counts::jsonb) as i (what text, of text, "end" text, reason text, n int)
          order by 2, 3, 4, 5
         on conflict (minute, what, of, ending, reason) do update set n = t.n + excluded.n`,
        { counts: JSON.stringify(counts) },
      ),
    )
    .catch((error: unknown) => {
      on.tally.keep(counts)
      throw error
    })
}

async function leave(on: Resources, id: string): Promise<void> {
  await writeTallies(on)
  await on.db.withSystem((tx) => rows(tx, 'delete from processes where id = ?', [id]))
}

export const VERSION = (
  JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as { version: string }
).version
