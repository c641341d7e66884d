import type { Config } from '../config.ts'
import { connectionTroubles } from './trouble-connections.ts'
import { processTroubles } from './trouble-processes.ts'
import { queueTroubles } from './trouble-queues.ts'
import type { Reading } from './reading.ts'
import { workTroubles } from './trouble-work.ts'

/** The kinds of trouble; Prometheus counts by them, so the list is closed. */
export const TROUBLES = [
  'queue_store',
  'queue_paused',
  'queue_old',
  'queue_deaf',
  'queue_durability',
  'queue_memory',
  'process_gone',
  'process_slow',
  'process_versions',
  'connection_held',
  'connection_quality',
  'outbox_old',
  'outcome_unknown',
  'dead_letters',
  'deletion_deadline',
  'sweep_overdue',
  'export_stuck',
  'work_late',
  'disk',
  'clock',
] as const
export type TroubleKind = (typeof TROUBLES)[number]

/** What is not as it should be, and what to do about it. `danger` wants somebody now. */
export type Trouble = {
  kind: TroubleKind
  level: 'warn' | 'danger'
  title: string
  mend: string
  href?: string
}

/** What an operator should look at, the worst first. Limits: what each number was promised to stay below. */
export function troublesIn(reading: Reading, config: Pick<Config, 'REDIS_URL'>): Trouble[] {
  const found = [
    ...queueTroubles(reading, config),
    ...processTroubles(reading),
    ...connectionTroubles(reading),
    ...workTroubles(reading),
  ]
  return found.toSorted((a, b) => Number(b.level === 'danger') - Number(a.level === 'danger'))
}
