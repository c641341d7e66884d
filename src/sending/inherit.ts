import { rows, type Tx } from '../db.ts'
import { appendFeed } from '../feed/feed.ts'
import type { Doorbell } from '../queues.ts'
import type { Resources } from '../resources.ts'
import { findLegacies, type Legacy } from './journal.ts'
import { doubt, takeBack } from './record.ts'

type Lease = {
  org_id: string
  connection_id: string
  message_id: string
  state: string
  fence: number
}

const DIED = 'process_died'

/**
 * Take over what processes of this machine held when they died, without waiting for their leases: what they never
 * wrote to the wire is due again, what they wrote is of unknown outcome. Returns the connections with something due.
 */
export async function inherit(on: Resources): Promise<Doorbell[]> {
  const bells = new Map<string, Doorbell>()
  for (const legacy of findLegacies(on.config.DATA_DIR)) {
    for (const bell of await settle(on, legacy)) bells.set(bell.connection, bell)
    legacy.remove()
  }
  return [...bells.values()]
}

async function settle(on: Resources, legacy: Legacy): Promise<Doorbell[]> {
  const leases = await on.db.withSystem((tx) =>
    rows<Lease>(tx, 'select * from leases_of(?)', [legacy.worker]),
  )
  for (const org of new Set(leases.map((lease) => lease.org_id))) {
    const own = leases.filter((lease) => lease.org_id === org)
    const doubted = await on.db.withTenant(org, (tx) => settleIn(tx, org, own, legacy))
    for (const reason of doubted) on.tally.count('message', 'unknown', { reason })
    on.events.publish({ kind: 'feed', org })
  }
  if (leases.length > 0)
    on.log.warn(
      { worker: legacy.worker, leases: leases.length },
      'leases of a dead process settled',
    )
  return leases.map((lease) => ({ org: lease.org_id, connection: lease.connection_id }))
}

/** Returns the reason of each that became of unknown outcome. */
async function settleIn(tx: Tx, org: string, leases: Lease[], legacy: Legacy): Promise<string[]> {
  const changed: string[] = []
  const doubted: string[] = []
  for (const { message_id: message, fence, state } of leases) {
    const wrote = state === 'posting' && legacy.wrote(message, fence)
    const entry = { org, message, fence }
    if (!(wrote ? await doubt(tx, entry, DIED) : await takeBack(tx, entry))) continue
    changed.push(message)
    if (wrote) doubted.push(DIED)
  }
  if (changed.length > 0)
    await appendFeed(
      tx,
      org,
      changed.map((ref) => ({ kind: 'message.updated', ref })),
    )
  return doubted
}
