import { lastCanary, type Canary } from '../canary/canary.ts'
import { rows } from '../db.ts'
import { DUE_SHARE, SEAL_LIMITS } from '../key-usage.ts'
import { span, type Figure, type Reading } from './figure.ts'
import { inEach } from './organizations.ts'

/** The canary is deleted once a week. */
const CANARY_DAYS = 8
/** A backup that nobody has restored for a year is a hope. */
const DRILL_DAYS = 366

const CANARY: Record<Canary['outcome'], Pick<Reading, 'state' | 'value' | 'detail'>> = {
  clean: { state: 'ok', value: 'nothing left' },
  found: { state: 'bad', value: 'something was left', detail: 'The operator sees where.' },
  blind: { state: 'warn', value: 'not all was searched', detail: 'A place could not be read.' },
}

/** What is tried out again and again, so that a promise is known to hold before somebody needs it. */
export const drillFigures: readonly Figure[] = [
  {
    id: 'canary',
    group: 'deletion',
    title: 'A planted organization is gone after its deletion',
    how: 'An organization with values of its own in every place is made and deleted, and then searched for in the database, queues, files and logs, once a week',
    freshDays: CANARY_DAYS,
    async measure(on) {
      const last = await lastCanary(on)
      if (!last) return { state: 'none', value: 'not tried yet' }
      return { ...CANARY[last.outcome], at: last.at }
    },
  },
  {
    id: 'restore_drill',
    group: 'deletion',
    title: 'A backup was restored',
    how: 'The last restore that was finished here, with every deletion since its backup done again',
    freshDays: DRILL_DAYS,
    async measure(on) {
      const [last] = await on.db.withSystem((tx) =>
        rows<{ opened_at: Date }>(
          tx,
          'select opened_at from restores where opened_at is not null order by opened_at desc limit 1',
        ),
      )
      if (!last) return { state: 'none', value: 'not yet' }
      const value = `${span(on.now().getTime() - last.opened_at.getTime())} ago`
      return { state: 'ok', value, at: last.opened_at }
    },
  },
  {
    id: 'key_use',
    group: 'security',
    title: 'Keys have room left',
    how: 'How often the busiest data key has sealed, against its limit; a new one is made before it is reached',
    freshDays: 1,
    everyMinutes: 10,
    async measure(on) {
      const seals = await inEach(on, async (tx, org) => {
        const [found] = await rows<{ most: string | null }>(
          tx,
          `select max(u.seals) as most from key_usage u
             join org_keys k on k.org_id = u.org_id and k.kid = u.kid
            where u.org_id = ? and k.state = 'active'`,
          [org],
        )
        return Number(found?.most ?? 0)
      })
      const share = Math.max(0, ...seals) / SEAL_LIMITS.most
      return {
        state: share < DUE_SHARE ? 'ok' : 'warn',
        value: `${Math.ceil(share * 100)} % used at most`,
      }
    },
  },
]
