import { rows } from '../db.ts'
import { releaseEnded } from '../disclosures/holds.ts'
import type { Resources } from '../resources.ts'
import { raiseAlarms } from './alarms.ts'
import { COLUMNS, type Deletion } from './deletion.ts'
import { lapseUnconfirmed } from './lapse.ts'
import { purge } from './purge.ts'
import { noteState } from './states.ts'

/** `observe` is told of each step and batch before it runs; what it throws ends the run as a crash would. */
export type Advance = {
  now: Date
  signal?: AbortSignal | undefined
  observe?: (at: string) => void
}

export type Advanced = {
  /** Ids of deletions that are done now. */
  purged: string[]
  /** Those that could not go on; the next run tries again. */
  failed: string[]
  /** Open ones whose deadline is near: somebody has to look. */
  overdue: string[]
}

/**
 * Bring every deletion that is due at `now` as far as it goes, in the order of their deadlines. Killed anywhere and
 * begun again it ends the same; two at once leave each other's alone.
 * Source: privacy policy §6, "within 30 days"; promises P38 to P40.
 */
export async function advanceDue(on: Resources, at: Advance): Promise<Advanced> {
  const done: Advanced = { purged: [], failed: [], overdue: [] }
  await lapseUnconfirmed(on, at.now)
  await releaseEnded(on, at.now)
  for (const deletion of await listDue(on, at.now)) {
    if (at.signal?.aborted) break
    try {
      if (await advance(on, deletion, at)) done.purged.push(deletion.id)
    } catch (error) {
      done.failed.push(deletion.id)
      on.log.error({ err: error, deletion: deletion.id, kind: deletion.kind }, 'deletion stopped')
      if (at.observe) throw error
    }
  }
  done.overdue = await raiseAlarms(on, at.now)
  return done
}

/** One step of the machine: nothing else writes a deletion's state but a request and its cancellation. */
async function advance(on: Resources, deletion: Deletion, at: Advance): Promise<boolean> {
  if (deletion.state !== 'purging' && !(await begin(on, deletion))) return false
  return purge(on, { ...deletion, state: 'purging' }, at)
}

/** Compare and set: whoever cancels at the same moment wins or loses here, never both. */
function begin(on: Resources, { id }: Deletion): Promise<boolean> {
  const at = on.now()
  return on.db.withSystem(async (tx) => {
    const begun = await rows(
      tx,
      `update deletions set state = 'purging' where id = ? and state = 'grace' returning id`,
      [id],
    )
    if (begun.length > 0) await noteState(on, tx, { id, state: 'purging', at, by: 'system' })
    return begun.length > 0
  })
}

const listDue = (on: Resources, now: Date): Promise<Deletion[]> =>
  on.db.withSystem((tx) =>
    rows<Deletion>(
      tx,
      `select ${COLUMNS} from deletions
        where ((state = 'purging' and retained_at is null) or (state = 'grace' and grace_until <= ?)) and (lease_until is null or lease_until < ?)
        order by deadline_at, id`,
      [now, on.now()],
    ),
  )
