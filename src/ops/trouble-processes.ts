import type { ProcessLine } from './processes.ts'
import type { Reading } from './reading.ts'
import { span } from './spans.ts'
import type { Trouble } from './troubles.ts'

const SLOW_MS = 1_000
const SKEW_MS = 2_000

/** What is wrong with processes, and with the machine this one runs on. */
export function processTroubles({ processes, machine }: Reading): Trouble[] {
  const living = processes.filter(({ isGone }) => !isGone)
  const { disk, skewMs } = machine
  return [
    ...processes.filter(({ isGone }) => isGone).map(gone),
    ...living.filter(({ lagMs }) => lagMs >= SLOW_MS).map(slow),
    ...versions(living),
    ...(disk.state === 'ok'
      ? []
      : [
          {
            kind: 'disk' as const,
            level: disk.state === 'fail' ? ('danger' as const) : ('warn' as const),
            title: `The disk of DATA_DIR has ${disk.detail}.`,
            mend: 'Free space there: a full disk stops the database and the queues.',
          },
        ]),
    ...(Math.abs(skewMs) < SKEW_MS ? [] : [skewed(skewMs)]),
  ]
}

const nameOf = ({ kind, host, pid }: ProcessLine): string =>
  `${kind === 'all' ? 'The process' : `The ${kind} process`} ${pid} on ${host}`

const gone = (process: ProcessLine): Trouble => ({
  kind: 'process_gone',
  level: 'warn',
  title: `${nameOf(process)} was last heard of ${span(process.seenS)} ago.`,
  mend: 'It was killed, hangs, or does not reach the database. Look at its log; an hour after its last word it leaves this page.',
})

const slow = (process: ProcessLine): Trouble => ({
  kind: 'process_slow',
  level: 'warn',
  title: `${nameOf(process)} stood still for ${span(process.lagMs / 1_000)} at a time.`,
  mend: 'Give it more processor time, or start another one.',
})

function versions(living: ProcessLine[]): Trouble[] {
  const found = [...new Set(living.map(({ version }) => version))].toSorted()
  if (found.length < 2) return []
  return [
    {
      kind: 'process_versions',
      level: 'warn',
      title: `Versions ${found.join(' and ')} run side by side.`,
      mend: 'That is right while a new one is rolled out. Then restart the processes of the old one.',
    },
  ]
}

const skewed = (ms: number): Trouble => ({
  kind: 'clock',
  level: 'danger',
  title: `The clock of this machine is ${span(Math.abs(ms) / 1_000)} from the database’s.`,
  mend: 'Run a time service (NTP) on both.',
})
