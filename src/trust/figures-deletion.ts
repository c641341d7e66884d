import { listBackups } from '../backups/shelf.ts'
import { rows } from '../db.ts'
import { isCertified, publishedKeys, Signed } from '../deletions/certificate.ts'
import { listOpenDeletions } from '../deletions/deletion.ts'
import { DAY_MS, LIMITS } from '../privacy/limits.ts'
import { readSchedule, type Run } from '../privacy/sweep-runs.ts'
import { few, span, type Figure, type Reading } from './figure.ts'

/** A day and what a sweep and a restart may take. */
const SWEEP_HOURS = 26
const HOUR_MS = 3_600_000
const CERTIFICATES = 500
const PROMISED_DAYS = 30

export const deletionFigures: readonly Figure[] = [
  {
    id: 'sweep',
    group: 'deletion',
    title: 'Retention sweep ran',
    how: 'The last sweep that came to its end, as it was written down',
    freshDays: 1,
    async measure(on) {
      const { last } = await readSchedule(on)
      if (last?.finished_at) return sweepReading(last, last.finished_at, on.now())
      const [oldest] = await on.db.withSystem((tx) =>
        rows<{ at: Date | null }>(tx, 'select min(created_at) as at from organizations'),
      )
      const isNew = !oldest?.at || on.now().getTime() - oldest.at.getTime() < SWEEP_HOURS * HOUR_MS
      return { state: isNew ? 'none' : 'bad', value: 'not yet' }
    },
  },
  {
    id: 'open_deletion',
    group: 'deletion',
    title: 'Oldest deletion under way',
    how: 'Days since it was asked for, and left until its deadline; whose it is, nobody sees',
    freshDays: 1,
    async measure(on) {
      const open = await listOpenDeletions(on)
      const now = on.now().getTime()
      const [nearest] = open
      if (!nearest) return { state: 'ok', value: 'none' }
      const left = nearest.deadline_at.getTime() - now
      const asked = Math.min(...open.map(({ requested_at }) => requested_at.getTime()))
      const isNear = left <= LIMITS.DEADLINE_ALARM_DAYS.is * DAY_MS
      return {
        state: isNear ? 'bad' : 'ok',
        value: span(now - asked),
        detail: left < 0 ? `${span(-left)} late.` : `${span(left)} left of the nearest.`,
      }
    },
  },
  {
    id: 'longest_deletion',
    group: 'deletion',
    title: 'Longest a deletion took in 12 months',
    how: 'From the day it was asked for to the day it was done',
    freshDays: 1,
    async measure(on) {
      const [longest] = await on.db.withSystem((tx) =>
        rows<{ s: number | null }>(
          tx,
          `select extract(epoch from max(purged_at - requested_at))::float8 as s from deletions
            where state = 'purged' and purged_at > cast(? as timestamptz) - interval '12 months'`,
          [on.now()],
        ),
      )
      if (typeof longest?.s !== 'number') return { state: 'ok', value: 'none yet' }
      const isKept = longest.s * 1_000 <= PROMISED_DAYS * DAY_MS
      return {
        state: isKept ? 'ok' : 'bad',
        value: span(longest.s * 1_000),
        detail: `At most ${PROMISED_DAYS} days.`,
      }
    },
  },
  {
    id: 'certificates',
    group: 'deletion',
    title: 'Certificates of deletions verify',
    how: `The signature of each of the last ${CERTIFICATES} is checked with the published keys`,
    freshDays: 1,
    everyMinutes: 10,
    async measure(on) {
      const kept = await on.db.withSystem((tx) =>
        rows<{
          certificate: { certificate: object; key: string } | null
          signature: string | null
        }>(
          tx,
          `select certificate, signature from deletions where state = 'purged' order by purged_at desc limit ${CERTIFICATES}`,
        ),
      )
      const trusted = publishedKeys(on.vault)
      const bad = kept.filter(({ certificate, signature }) => {
        const signed = Signed.safeParse({ ...certificate, signature })
        return !signed.success || !isCertified(signed.data, trusted)
      })
      if (bad.length > 0) return { state: 'bad', value: 'no', detail: `${few(bad.length)} do not.` }
      return { state: 'ok', value: kept.length > 0 ? 'all' : 'none yet' }
    },
  },
  {
    id: 'backup_horizon',
    group: 'deletion',
    title: 'Backups end after',
    how: 'The setting, which with grace and purge fits into the 30 days, beside the age of the oldest backup on the list',
    freshDays: 1,
    async measure(on) {
      const days = on.config.BACKUP_RETENTION_DAYS
      const made = (await listBackups(on)).flatMap((one) =>
        one.removed_at ? [] : one.made_at.getTime(),
      )
      if (made.length === 0)
        return { state: 'ok', value: `${days} days`, detail: 'There is none yet.' }
      const age = on.now().getTime() - Math.min(...made)
      // The sweep of the night removes what came of age during the day.
      const state = age <= (days + 1) * DAY_MS ? 'ok' : 'bad'
      return { state, value: `${days} days`, detail: `The oldest is ${span(age)} old.` }
    },
  },
]

function sweepReading(run: Run, finished: Date, now: Date): Reading {
  const removed = Object.values(run.counts).reduce((sum, n) => sum + n, 0)
  const tables = Object.values(run.counts).filter((n) => n > 0).length
  const took = finished.getTime() - run.started_at.getTime()
  const isLate = now.getTime() - finished.getTime() > SWEEP_HOURS * HOUR_MS
  const overdue = run.overdue.length
  return {
    state: isLate || overdue > 0 ? 'bad' : 'ok',
    value: `${span(now.getTime() - finished.getTime())} ago`,
    detail: [
      `Took ${span(took)}, removed ${few(removed)} rows in ${few(tables)} tables.`,
      overdue > 0 ? `${overdue} could not be swept.` : '',
    ].join(' '),
    at: finished,
  }
}
