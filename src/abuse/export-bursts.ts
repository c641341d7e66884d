import { rows, type Tx } from '../db.ts'
import { Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { noteExcess, standingOf, type Excess } from './measures.ts'
import { lengthOf, RULES } from './rules.ts'

/** Too many exports by one person; `excess` tells why, where that is not written down already. */
export class TooManyExports extends Refusal {
  readonly excess: Excess | undefined
  constructor(excess?: Excess) {
    super(
      429,
      'too_many_exports',
      'Too many exports were asked for with your sign-in. Settings → Security says why, until when, and how to ask a person to look.',
    )
    this.excess = excess
  }
}

/** Throws TooManyExports when one more would be one too many. In a system transaction. */
export async function checkExports(
  tx: Tx,
  { org, user, now }: { org: string; user: string; now: Date },
): Promise<void> {
  const { limit, minutes } = RULES.export_bursts
  const { since, paused, lifted } = await standingOf(tx, { org, user, rule: 'export_bursts', now })
  if (lifted) return
  if (paused) throw new TooManyExports()
  const [found] = await rows<{ n: number }>(
    tx,
    'select count(*)::int as n from exports where requested_by = ? and created_at > ?',
    [user, since],
  )
  const exports = (found?.n ?? 0) + 1
  if (exports <= limit) return
  throw new TooManyExports({
    org,
    user,
    rule: 'export_bursts',
    because: `${exports} exports in ${lengthOf(minutes)} were asked for with your sign-in; limit ${limit}.`,
    counts: { exports, limit, minutes },
  })
}

/** Whether somebody may ask for one more export now; throws TooManyExports, and writes down why. */
export async function guardExports(
  on: Resources,
  { org, user }: { org: string; user: string },
): Promise<void> {
  try {
    await on.db.withSystem((tx) => checkExports(tx, { org, user, now: on.now() }))
  } catch (error) {
    if (error instanceof TooManyExports && error.excess) {
      const { excess } = error
      await on.db.withSystem((tx) => noteExcess(on, tx, excess))
    }
    throw error
  }
}
