import { rows } from '../db.ts'
import type { QueueName } from '../queues.ts'
import type { Resources } from '../resources.ts'
import { countMail } from './mail.ts'

export type QueueLine = {
  name: QueueName
  waiting: number
  active: number
  delayed: number
  failed: number
}
export type Overview = {
  at: Date
  backend: 'redis' | 'postgres'
  /** Null when the store of the queues does not answer. */
  queues: QueueLine[] | null
  deadLetters: number
  unsentMail: number
}

/** What an operator looks at first, read now. What cannot be read is null; the page stands without it. */
export async function readOverview(on: Resources): Promise<Overview> {
  const [queues, deadLetters, mail] = await Promise.all([
    readQueues(on),
    countDeadLetters(on),
    countMail(on),
  ])
  const unsentMail = (mail['kept'] ?? 0) + (mail['failed'] ?? 0) + (mail['pending'] ?? 0)
  return { at: on.now(), backend: on.queues.backend, queues, deadLetters, unsentMail }
}

async function readQueues(on: Resources): Promise<QueueLine[] | null> {
  try {
    const counts = await on.queues.counts()
    return Object.entries(counts).map(([name, count]) => ({
      name: name as QueueName,
      waiting: (count['waiting'] ?? 0) + (count['prioritized'] ?? 0),
      active: count['active'] ?? 0,
      delayed: count['delayed'] ?? 0,
      failed: count['failed'] ?? 0,
    }))
  } catch (error) {
    on.log.warn({ err: error }, 'queues not read')
    return null
  }
}

async function countDeadLetters(on: Resources): Promise<number> {
  const [found] = await on.db.withSystem((tx) =>
    rows<{ n: number }>(tx, `select count(*)::int as n from dead_letters`),
  )
  return found?.n ?? 0
}
