import { rows } from '../db.ts'
import { takeInventory } from '../privacy/inventory.ts'
import { DAY_MS, LIMITS } from '../privacy/limits.ts'
import { span, type Figure, type Reading } from './figure.ts'
import { inEach, someOrganizations } from './organizations.ts'

export const keptFigures: readonly Figure[] = [
  {
    id: 'inventory',
    group: 'inventory',
    title: 'Columns that have a declared reason',
    how: 'The data inventory is compared with the live database, paths in JSON, queues and files',
    freshDays: 1,
    everyMinutes: 10,
    async measure(on) {
      const { columns, stores, findings } = await takeInventory(on, {
        orgs: await someOrganizations(on),
      })
      return {
        state: findings.length === 0 ? 'ok' : 'bad',
        value: `${columns.declared} of ${columns.live}`,
        detail:
          findings.length === 0 ? `And ${stores} other places.` : `${findings.length} findings.`,
      }
    },
  },
  {
    id: 'addresses',
    group: 'inventory',
    title: 'Whole network addresses that are kept',
    how: 'Addresses in the audit log narrower than a /24 (IPv4) or a /48 (IPv6) are counted; they are cut before they are kept',
    freshDays: 1,
    everyMinutes: 10,
    async measure(on) {
      const seen = await inEach(on, async (tx, org) => {
        const [found] = await rows<{ whole: number; oldest: Date | null }>(
          tx,
          `select count(*) filter (where masklen(ip) > case family(ip) when 4 then 24 else 48 end)::int as whole,
                  min(at) as oldest from audit_log where org_id = ? and ip is not null`,
          [org],
        )
        return found ?? { whole: 0, oldest: null }
      })
      const whole = seen.reduce((sum, one) => sum + one.whole, 0)
      const oldest = seen.flatMap((one) => one.oldest?.getTime() ?? [])
      const age = oldest.length > 0 ? on.now().getTime() - Math.min(...oldest) : undefined
      return {
        state: whole === 0 ? 'ok' : 'bad',
        value: String(whole),
        ...(age === undefined ? {} : { detail: `The oldest network is ${span(age)} old.` }),
      }
    },
  },
  {
    id: 'usage_age',
    group: 'inventory',
    title: 'Oldest event of use with a person behind it',
    how: 'The oldest row of usage events; after its time only counts without people are left',
    freshDays: 1,
    everyMinutes: 10,
    async measure(on) {
      const oldest = await inEach(on, async (tx, org) => {
        const [found] = await rows<{ at: Date | null }>(
          tx,
          'select min(at) as at from usage_events where org_id = ?',
          [org],
        )
        return found?.at?.getTime() ?? Infinity
      })
      return ageOf(on.now().getTime() - Math.min(...oldest, Infinity), LIMITS.USAGE_RAW_DAYS.is)
    },
  },
]

/** A sweep runs once a day, so a day more than the rule says is no breach of it. */
function ageOf(age: number, days: number): Reading {
  if (age === -Infinity) return { state: 'ok', value: 'none' }
  return {
    state: age <= (days + 1) * DAY_MS ? 'ok' : 'bad',
    value: span(age),
    detail: `At most ${days} days.`,
  }
}
