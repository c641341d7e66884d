import type { Times } from '../inbox/times.ts'
import { DAY_MS, LIMITS } from '../privacy/limits.ts'
import { explain } from '../sending/graph-errors.ts'
import { SHOWN_CONNECTIONS, type ConnectionLine } from './connection-lines.ts'
import type { ProcessLine, RunLine } from './processes.ts'
import type { QueueLine } from './queue-lines.ts'
import type { Reading } from './reading.ts'
import { span } from './spans.ts'
import { sparkOf } from './spark.ts'
import { statsOf, sum } from './stats.ts'
import { nameOf } from './trouble-connections.ts'
import type { Trouble } from './troubles.ts'

type Tone = '' | 'ok' | 'warn' | 'danger'
const WORKS: Record<QueueLine['name'], string> = {
  inbound: 'webhooks',
  outbound: 'replies',
  mail: 'letters',
  usage: 'page counts',
  export: 'exports',
  sync: 'lists of templates',
  media: 'files of messages',
}

/** What the page shows of a reading: everything put into words, nothing left to the view but showing. */
export function overviewOf(
  reading: Reading,
  troubles: Trouble[],
  shown: { times: Times; org: string },
) {
  const { at, backend, queues, connections } = reading
  return {
    head: headOf(reading),
    isoTime: at.toISOString(),
    clock: `${at.toISOString().slice(11, 19)} UTC`,
    letters: sum(reading.letters.map(({ n }) => n)),
    troubles,
    stats: statsOf(reading),
    backend: backend === 'redis' ? 'Redis' : 'PostgreSQL',
    queues: queues?.map(queueRow) ?? null,
    failures: bars(failuresOf(reading)),
    connections: connections.slice(0, SHOWN_CONNECTIONS).map((line) => connectionRow(line, at)),
    isMore: connections.length > SHOWN_CONNECTIONS,
    unsure: reading.unsure.map((line) => ({
      ...line,
      age: span(line.ageS),
      href: line.org_id === shown.org ? `/inbox/${line.conversation_id}#m-${line.message_id}` : '',
    })),
    processes: reading.processes.map(processRow),
    runs: reading.runs.map(runRow),
    exports: exportsLine(reading),
    deletions: reading.deletions.map((deletion) => deletionRow(deletion, at)),
    schedule: reading.schedule,
    times: shown.times,
  }
}

function headOf({ processes, backend }: Reading): string {
  const living = processes.filter(({ isGone }) => !isGone)
  const count = (...kinds: ProcessLine['kind'][]): number =>
    living.filter(({ kind }) => kinds.includes(kind)).length
  const store = backend === 'redis' ? 'Redis' : 'PostgreSQL'
  return `Queues in ${store}, ${count('web', 'all')} web, ${count('worker', 'all')} ${count('worker', 'all') === 1 ? 'worker' : 'workers'}.`
}

/** From which age of the oldest job on it is coloured. */
const inkOf = (seconds: number): string =>
  seconds >= 300 ? 'danger-ink' : seconds >= 30 ? 'warn-ink' : ''

function queueRow(line: QueueLine) {
  const { name, minutes, oldestS, beatS, rate } = line
  return {
    ...line,
    works: line.isPaused ? 'paused' : WORKS[name],
    oldest: oldestS === null ? '–' : span(oldestS),
    oldestInk: inkOf(oldestS ?? 0),
    beat: beatS === null ? 'never' : `${span(beatS)} ago`,
    beatInk: beatS === null || beatS >= 90 ? 'danger-ink' : 'muted',
    rate: rate.toFixed(rate >= 10 ? 0 : 1),
    spark: sparkOf(minutes),
  }
}

type Failure = { label: string; code: string; n: number; isOurs: boolean }

/** Messages that failed by the code they failed with, and jobs by the error they ended with. */
function failuresOf({ failures, day }: Reading): Failure[] {
  const jobs = day.filter(({ what, ending }) => what === 'job' && ending === 'failed')
  return [
    ...failures.map(({ code, n }) => ({
      label: explain(code, null).line.replaceAll('{name}', 'the contact'),
      code,
      n,
      isOurs: false,
    })),
    ...jobs.map(({ of, reason, n }) => ({
      label: `Jobs of the queue ${of} that failed`,
      code: reason,
      n,
      isOurs: true,
    })),
  ].toSorted((a, b) => b.n - a.n)
}

const SHOWN_FAILURES = 12

function bars(failures: Failure[]) {
  const most = Math.max(...failures.map(({ n }) => n))
  const rowOf = ({ label, code, n, isOurs }: Failure) => ({
    label,
    code,
    n,
    isOurs,
    width: ((n / most) * 100).toFixed(1),
  })
  return {
    total: sum(failures.map(({ n }) => n)),
    rows: failures.slice(0, SHOWN_FAILURES).map(rowOf),
  }
}

const STATES: Record<ConnectionLine['state'], readonly [tone: Tone, icon: string, text: string]> = {
  active: ['ok', 'check', 'Active'],
  pending: ['warn', 'clock', 'Waiting for Meta'],
  suspended: ['danger', 'alert', 'Cannot send'],
  disabled: ['', 'slash', 'Switched off'],
}
const QUALITY: Record<string, string> = { GREEN: 'high', YELLOW: 'medium', RED: 'low' }

function connectionRow(line: ConnectionLine, at: Date) {
  const [tone, icon, text] = STATES[line.state]
  const since = (iso: string | null): string =>
    iso === null ? 'never' : `${span(Math.max(0, at.getTime() - Date.parse(iso)) / 1_000)} ago`
  const counted = (n: number, ageS: number | null): string =>
    n === 0 || ageS === null ? '–' : `${n >= 1_000 ? 'over 1,000' : n}, ${span(ageS)}`
  return {
    id: line.connection_id,
    name: nameOf(line),
    state: { tone, icon, text },
    reason: line.state_reason ?? '',
    webhook: since(line.webhook_at),
    handshake: since(line.handshake_at),
    checked: line.checked_at ? `${line.check_outcome}, ${since(line.checked_at)}` : 'never',
    quality: QUALITY[line.quality ?? ''] ?? '–',
    waiting: counted(line.waiting, line.waitingS),
    held: counted(line.held, line.heldS),
    unsure: counted(line.unsure, line.unsureS),
  }
}

const processRow = (process: ProcessLine) => ({
  ...process,
  name: process.kind === 'all' ? 'web and worker' : process.kind,
  up: span(process.upS),
  seen: process.isGone ? `${span(process.seenS)} ago` : 'now',
})

const runRow = ({ name, everyS, agoS, nextS, failed }: RunLine) => ({
  name,
  every: span(everyS).replace('.0 ', ' '),
  last: `${span(agoS)} ago`,
  // What each process tells is up to ten seconds old.
  next: nextS < 0 ? 'now' : `in ${span(nextS)}`,
  failed,
})

function exportsLine({ exports: { waiting, oldestS, failed } }: Reading): string {
  const waits =
    waiting === 0 ? 'none under way' : `${waiting} under way, the oldest for ${span(oldestS ?? 0)}`
  return failed === 0 ? waits : `${waits}, ${failed} failed`
}

/** How far a deletion is and how long it may still take; near its deadline somebody has to look. */
function deletionRow(deletion: Reading['deletions'][number], at: Date) {
  const left = deletion.deadline_at.getTime() - at.getTime()
  return {
    ...deletion,
    done: Object.values(deletion.steps).filter(({ done }) => done).length,
    days: Math.floor(left / DAY_MS),
    isNear: left <= LIMITS.DEADLINE_ALARM_DAYS.is * DAY_MS,
  }
}
