import { DAY_MS, LIMITS } from '../privacy/limits.ts'
import type { LetterCount, Reading } from './reading.ts'
import { span } from './spans.ts'
import type { Trouble } from './troubles.ts'

/** More new dead letters than this within five minutes are not single accidents. */
const MANY_LETTERS = 10
const UNSEEN_S = 86_400
const STUCK_EXPORT_S = 900
/** A sweep is due each day; so much later it should have ended. */
const SWEEP_MS = 27 * 3_600_000
const LETTERS = '/ops/dead-letters'

/** What is wrong with dead letters, and with work that has to be done by a time. */
export const workTroubles = (reading: Reading): Trouble[] => [
  ...letters(reading.letters),
  ...deadlines(reading),
  ...sweeps(reading),
  ...stuckExports(reading),
  ...lateRuns(reading),
]

function letters(counts: LetterCount[]): Trouble[] {
  const known = counts.filter(({ reason }) => reason !== 'unknown_number')
  const fresh = known.reduce((sum, count) => sum + count.fresh, 0)
  const oldestS = Math.max(0, ...known.map((count) => count.oldestS))
  const trouble = (level: Trouble['level'], title: string): Trouble => ({
    kind: 'dead_letters',
    level,
    title,
    mend: 'Look at their reason. Replay them when it is gone: storing something twice changes nothing.',
    href: LETTERS,
  })
  if (fresh > MANY_LETTERS)
    return [trouble('danger', `${fresh} webhooks could not be stored within five minutes.`)]
  if (oldestS < UNSEEN_S) return []
  return [
    trouble('warn', `A webhook that could not be stored waits for you since ${span(oldestS)}.`),
  ]
}

function deadlines({ deletions, at }: Reading): Trouble[] {
  const nearMs = LIMITS.DEADLINE_ALARM_DAYS.is * DAY_MS
  return deletions
    .map(({ id, deadline_at }) => ({ id, leftMs: deadline_at.getTime() - at.getTime() }))
    .filter(({ leftMs }) => leftMs <= nearMs)
    .map(({ id, leftMs }) => ({
      kind: 'deletion_deadline',
      level: 'danger',
      title:
        leftMs < 0
          ? `A deletion missed its deadline ${span(-leftMs / 1_000)} ago.`
          : `A deletion must be done within ${span(leftMs / 1_000)}.`,
      mend: `Run “chatflow retention sweep” and look in the log for “deletion stopped” with ${id}.`,
      href: '#deletions',
    }))
}

function sweeps({ schedule, at, processes }: Reading): Trouble[] {
  const trouble = (title: string, mend: string): Trouble => ({
    kind: 'sweep_overdue',
    level: 'warn',
    title,
    mend,
    href: '#sweeps',
  })
  const { last } = schedule
  if (last && last.overdue.length > 0)
    return [
      trouble(
        `The last retention sweep did not reach ${last.overdue.join(', ')}.`,
        'What is due there is still there. The log says why; then press “Sweep now”.',
      ),
    ]
  const upMs = Math.max(0, ...processes.map(({ upS }) => upS * 1_000))
  const agoMs = last?.finished_at ? at.getTime() - last.finished_at.getTime() : upMs
  if (agoMs < SWEEP_MS) return []
  return [
    trouble(
      `No retention sweep has ended for ${span(agoMs / 1_000)}.`,
      'Start a worker process with the work “retention”, or look in its log for “scheduled work failed”.',
    ),
  ]
}

function stuckExports({ exports: { waiting, oldestS } }: Reading): Trouble[] {
  if (oldestS === null || oldestS < STUCK_EXPORT_S) return []
  return [
    {
      kind: 'export_stuck',
      level: 'warn',
      title: `${waiting === 1 ? 'An export is' : `${waiting} exports are`} not ready after ${span(oldestS)}.`,
      mend: 'See whether the queue export is worked at, and whether DATA_DIR has room.',
    },
  ]
}

/** Late by its own interval, and by a minute at least: a long run is not a late one at once. */
const lateRuns = ({ runs }: Reading): Trouble[] =>
  runs
    .filter(({ nextS, everyS, failed }) => failed || nextS < -Math.max(60, everyS))
    .map(({ name, agoS, failed }) => ({
      kind: 'work_late',
      level: 'warn',
      title: failed
        ? `The repeated work “${name}” failed when it last ran, ${span(agoS)} ago.`
        : `The repeated work “${name}” last ran ${span(agoS)} ago.`,
      mend: 'Look in the log of the workers for “scheduled work failed”, or whether they run at all.',
    }))
