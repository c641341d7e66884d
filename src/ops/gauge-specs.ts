import { DAY_MS } from '../privacy/limits.ts'
import type { Resources } from '../resources.ts'
import type { ConnectionLine } from './connection-lines.ts'
import type { Reading } from './reading.ts'
import { troublesIn } from './troubles.ts'

/** One number with its labels, whose values come from closed lists: queues, states, reasons, kinds. */
type Value = { labels?: Record<string, string>; value: number }
export type Spec = {
  name: string
  help: string
  labels?: string[]
  values(reading: Reading, on: Resources): Value[]
}

const perQueue = (pick: (queue: NonNullable<Reading['queues']>[number]) => number | null) => {
  return ({ queues }: Reading): Value[] =>
    (queues ?? []).flatMap((queue) => {
      const value = pick(queue)
      return value === null ? [] : [{ labels: { queue: queue.name }, value }]
    })
}

const QUEUE_STATES = ['waiting', 'active', 'delayed', 'failed'] as const

const QUEUES: Spec[] = [
  {
    name: 'chatflow_queue_jobs',
    help: 'Jobs by queue and state.',
    labels: ['queue', 'state'],
    values: ({ queues }) =>
      (queues ?? []).flatMap((line) =>
        QUEUE_STATES.map((state) => ({ labels: { queue: line.name, state }, value: line[state] })),
      ),
  },
  {
    name: 'chatflow_queue_oldest_seconds',
    help: 'Age of the job that waits longest, for a worker or for its next try.',
    labels: ['queue'],
    values: perQueue(({ oldestS }) => oldestS ?? 0),
  },
  {
    name: 'chatflow_queue_paused',
    help: 'Whether the queue is paused.',
    labels: ['queue'],
    values: perQueue(({ isPaused }) => Number(isPaused)),
  },
  {
    name: 'chatflow_queue_heartbeat_age_seconds',
    help: 'Since a heartbeat job came through the queue; absent before the first.',
    labels: ['queue'],
    values: perQueue(({ beatS }) => beatS),
  },
]

/** Of all connections: how many messages are in a state, and the age of the oldest. */
const WAITS: readonly (readonly [
  string,
  (line: ConnectionLine) => readonly [number, number | null],
])[] = [
  ['waiting', (line) => [line.waiting, line.waitingS]],
  ['held', (line) => [line.held, line.heldS]],
  ['unknown', (line) => [line.unsure, line.unsureS]],
]

const OUTBOX: Spec[] = [
  {
    name: 'chatflow_outbox_messages',
    help: 'Messages to be sent, held with their connection, or of unknown outcome; up to a thousand of each connection.',
    labels: ['state'],
    values: ({ connections }) =>
      WAITS.map(([state, pick]) => ({
        labels: { state },
        value: connections.reduce((sum, line) => sum + pick(line)[0], 0),
      })),
  },
  {
    name: 'chatflow_outbox_oldest_seconds',
    help: 'Age of the oldest of them.',
    labels: ['state'],
    values: ({ connections }) =>
      WAITS.map(([state, pick]) => ({
        labels: { state },
        value: Math.max(0, ...connections.map((line) => pick(line)[1] ?? 0)),
      })),
  },
  {
    name: 'chatflow_connections',
    help: 'Connected numbers by state.',
    labels: ['state'],
    values: ({ connections }) =>
      (['active', 'pending', 'suspended', 'disabled'] as const).map((state) => ({
        labels: { state },
        value: connections.filter((line) => line.state === state).length,
      })),
  },
]

const LETTER_REASONS = ['unknown_number', 'parse', 'data', 'crash', 'refused', 'other'] as const

const WORK: Spec[] = [
  {
    name: 'chatflow_dead_letters',
    help: 'Webhooks that could not be stored, by reason.',
    labels: ['reason'],
    values: ({ letters }) =>
      LETTER_REASONS.map((reason) => ({
        labels: { reason },
        value: letters.find((count) => count.reason === reason)?.n ?? 0,
      })),
  },
  {
    name: 'chatflow_deletions_open',
    help: 'Deletions that are asked for and not done.',
    values: ({ deletions }) => [{ value: deletions.length }],
  },
  {
    name: 'chatflow_deletion_days_left',
    help: 'Days to the nearest deadline of an open deletion; negative when it is missed, absent when there is none.',
    values: ({ deletions: [next], at }) =>
      next ? [{ value: (next.deadline_at.getTime() - at.getTime()) / DAY_MS }] : [],
  },
  {
    name: 'chatflow_sweep_last_end_timestamp_seconds',
    help: 'When the last retention sweep ended; absent before the first.',
    values: ({ schedule: { last } }) =>
      last?.finished_at ? [{ value: last.finished_at.getTime() / 1_000 }] : [],
  },
  {
    name: 'chatflow_sweep_overdue_tables',
    help: 'Tables and queues the last retention sweep did not reach.',
    values: ({ schedule: { last } }) => [{ value: last?.overdue.length ?? 0 }],
  },
  {
    name: 'chatflow_exports_waiting',
    help: 'Exports that are asked for and not ready.',
    values: ({ exports: { waiting } }) => [{ value: waiting }],
  },
  {
    name: 'chatflow_mail_unsent',
    help: 'Letters that wait to be sent, were refused, or are kept to be read.',
    values: ({ unsentMail }) => [{ value: unsentMail }],
  },
  {
    name: 'chatflow_processes',
    help: 'Processes that live, by kind.',
    labels: ['kind'],
    values: ({ processes }) =>
      (['web', 'worker', 'all'] as const).map((kind) => ({
        labels: { kind },
        value: processes.filter((line) => line.kind === kind && !line.isGone).length,
      })),
  },
  {
    name: 'chatflow_alarms',
    help: 'What an operator should look at, by kind and by how urgent it is.',
    labels: ['kind', 'level'],
    values(reading, on) {
      const counts = new Map<string, Value>()
      for (const { kind, level } of troublesIn(reading, on.config)) {
        const known = counts.get(`${kind} ${level}`)
        counts.set(`${kind} ${level}`, { labels: { kind, level }, value: (known?.value ?? 0) + 1 })
      }
      return [...counts.values()]
    },
  },
]

/** Everything that is told of the installation as a whole. */
export const SPECS: readonly Spec[] = [...QUEUES, ...OUTBOX, ...WORK]
