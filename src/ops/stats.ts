import { DAY_MS, LIMITS } from '../privacy/limits.ts'
import type { Reading } from './reading.ts'
import { span } from './spans.ts'

/** One number at the top of the page, with a word about it and where to go on. */
export type Stat = { name: string; value: string; isBad: boolean; note: string; href?: string }

const OLD_S = 30

/** What an operator looks at first. */
export const statsOf = (reading: Reading): Stat[] => [
  oldestWebhook(reading),
  keptWebhooks(reading),
  letters(reading),
  nextDeadline(reading),
  {
    name: 'Mail not sent',
    value: String(reading.unsentMail),
    isBad: false,
    note: 'Read it',
    href: '/ops/mail',
  },
]

function oldestWebhook({ queues }: Reading): Stat {
  const name = 'Oldest webhook waiting'
  const inbound = queues?.find((queue) => queue.name === 'inbound')
  if (!inbound)
    return { name, value: 'unknown', isBad: true, note: 'the queue store does not answer' }
  const { oldestS, waiting, active } = inbound
  return {
    name,
    value: oldestS === null ? 'none' : span(oldestS),
    isBad: (oldestS ?? 0) >= OLD_S,
    note: `${waiting} waiting, ${active} in work`,
  }
}

function keptWebhooks({ day }: Reading): Stat {
  const answers = day.filter(({ what }) => what === 'webhook')
  const all = sum(answers.map(({ n }) => n))
  const answered = (status: string): number =>
    sum(answers.flatMap(({ ending, n }) => (ending === status ? n : [])))
  const [kept, later] = [answered('200'), answered('503')]
  return {
    name: 'Webhooks kept, 24 h',
    value: said(kept),
    isBad: false,
    note: `${said(all - kept - later)} refused, ${said(later)} asked to come again`,
  }
}

function letters({ letters: counts }: Reading): Stat {
  const n = sum(counts.map((count) => count.n))
  return {
    name: 'Dead letters',
    value: said(n),
    isBad: n > 0,
    note: 'Look at them',
    href: '/ops/dead-letters',
  }
}

function nextDeadline({ deletions, at }: Reading): Stat {
  const name = 'Next deletion deadline'
  const note = `${deletions.length} under way`
  const [next] = deletions
  if (!next) return { name, value: 'none', isBad: false, note }
  const leftMs = next.deadline_at.getTime() - at.getTime()
  return {
    name,
    value: leftMs < 0 ? 'missed' : span(leftMs / 1_000),
    isBad: leftMs <= LIMITS.DEADLINE_ALARM_DAYS.is * DAY_MS,
    note,
  }
}

export const sum = (numbers: number[]): number => numbers.reduce((total, n) => total + n, 0)
const said = (n: number): string => n.toLocaleString('en')
