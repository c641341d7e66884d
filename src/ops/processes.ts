import { rows, type Tx } from '../db.ts'
import type { QueueName } from '../queues.ts'
import type { ProcessKind } from './pulse.ts'

/** A process of the installation. Ages are seconds by the database's clock. */
export type ProcessLine = {
  id: string
  kind: ProcessKind
  host: string
  pid: number
  version: string
  upS: number
  seenS: number
  lagMs: number
  rssMb: number
  /** It was not heard of for so long that it is dead, frozen, or away from the database. */
  isGone: boolean
  /** How long ago a heartbeat came through each queue it works at; null while none has. */
  beats: Partial<Record<QueueName, number | null>>
}
/** Repeated work: how long ago it last ran anywhere, and when it comes again; overdue when negative. */
export type RunLine = { name: string; everyS: number; agoS: number; nextS: number; failed: boolean }

/** Three rows that should have been written were not. */
const GONE_S = 35

type Row = Omit<ProcessLine, 'isGone' | 'beats'> & {
  beats: Partial<Record<QueueName, number | null>>
  runs: Record<string, { ago: number; every: number; failed: boolean }>
}

/** The processes that run or ran within the last hour, the longest running first, and what they do again and again. */
export async function readProcesses(
  tx: Tx,
): Promise<{ processes: ProcessLine[]; runs: RunLine[] }> {
  const found = await rows<Row>(
    tx,
    `select id, kind, host, pid, version, beats, runs, lag_ms as "lagMs", rss_mb as "rssMb",
            extract(epoch from now() - started_at)::float8 as "upS", extract(epoch from now() - seen_at)::float8 as "seenS"
       from processes order by started_at, id limit 200`,
  )
  return { processes: found.map(lineOf), runs: latestRuns(found) }
}

function lineOf({ runs: _runs, ...line }: Row): ProcessLine {
  return { ...line, isGone: line.seenS > GONE_S, beats: agesOf(line.beats, line.seenS) }
}

/** Ages were taken when the row was written; since then they have grown. */
const agesOf = (beats: Row['beats'], seenS: number): ProcessLine['beats'] =>
  Object.fromEntries(
    Object.entries(beats).map(([queue, ms]) => [queue, ms === null ? null : ms / 1_000 + seenS]),
  )

function latestRuns(found: Row[]): RunLine[] {
  const latest = new Map<string, RunLine>()
  for (const { runs, seenS } of found)
    for (const [name, { ago, every, failed }] of Object.entries(runs)) {
      const [agoS, everyS] = [ago / 1_000 + seenS, every / 1_000]
      const known = latest.get(name)
      if (!known || known.agoS > agoS)
        latest.set(name, { name, everyS, agoS, nextS: everyS - agoS, failed })
    }
  return [...latest.values()].toSorted((a, b) => a.name.localeCompare(b.name))
}

/** How long ago a heartbeat came through a queue, by the process that saw the latest; undefined when none ever did. */
export function lastBeat(processes: ProcessLine[], queue: QueueName): number | undefined {
  const ages = processes.flatMap(({ beats }) => beats[queue] ?? [])
  return ages.length > 0 ? Math.min(...ages) : undefined
}
