import { rows, type Tx } from '../db.ts'
import { dueAt, type Timed } from '../rights/clock.ts'
import { few, type Figure } from './figure.ts'
import { inEach } from './organizations.ts'

/** Open requests behind one door: those of an organization's desk, or those the installation answers itself. */
export const openRequests = (tx: Tx, org: string | null): Promise<Timed[]> =>
  rows<Timed>(
    tx,
    `select kind, received_at, paused_at, paused_ms, extended_at from privacy_requests
      where org_id is not distinct from cast(? as uuid) and closed_at is null`,
    [org],
  )

export const rightsFigures: readonly Figure[] = [
  {
    id: 'requests',
    group: 'rights',
    title: 'Requests of people that are late',
    how: 'Open cases whose month is over: access, correction, deletion, objection, restriction, export',
    freshDays: 1,
    everyMinutes: 10,
    async measure(on) {
      const ours = await on.db.withSystem((tx) => openRequests(tx, null))
      const theirs = await inEach(on, openRequests)
      const now = on.now()
      const late = [...ours, ...theirs.flat()].filter((request) => dueAt(request, now) < now)
      return { state: late.length === 0 ? 'ok' : 'bad', value: few(late.length) }
    },
  },
]
