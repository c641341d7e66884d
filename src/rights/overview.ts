import type { Resources } from '../resources.ts'
import { progressOf } from './clock.ts'
import { listOwnRequests, listRequests, statsOf, type KindStat } from './list.ts'
import { receiptCode } from './numbers.ts'
import type { PrivacyRequest } from './request.ts'
import { shownRequests } from './shown.ts'
import { KINDS, SAYS } from './vocabulary.ts'

const SHOWN = 6

/** What /settings/privacy shows of requests: one's own, and for admins those of the organization's customers. */
export type Overview = {
  own: (PrivacyRequest & { used: number; left: string; code: string })[]
  desk:
    | {
        requests: ReturnType<typeof shownRequests>
        open: number
        stats: (KindStat & { name: string })[]
      }
    | undefined
}

export async function readOverview(
  on: Resources,
  { org, user, isAdmin }: { org: string; user: string; isAdmin: boolean },
): Promise<Overview> {
  const now = on.now()
  const own = await on.db.withSystem((tx) => listOwnRequests(tx, { user, limit: 20 }))
  return {
    own: own.map((one) =>
      Object.assign(one, progressOf(one, now), { code: receiptCode(on, one.id, one.code_digest) }),
    ),
    desk: isAdmin ? await readDesk(on, org, now) : undefined,
  }
}

async function readDesk(on: Resources, org: string, now: Date): Promise<Overview['desk']> {
  const [found, stats] = await on.db.withTenant(org, async (tx) => [
    await listRequests(tx, org, { open: true, limit: SHOWN }),
    await statsOf(tx, org),
  ])
  const none = { open: 0, next: null }
  return {
    requests: shownRequests(found, now),
    open: stats.reduce((sum, { open }) => sum + open, 0),
    stats: KINDS.filter((kind) => kind !== 'question').map((kind) => {
      const { open, next } = stats.find((stat) => stat.kind === kind) ?? none
      return { kind, open, next, name: SAYS[kind] }
    }),
  }
}
