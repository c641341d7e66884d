import { canaryWhenDue } from '../src/canary/canary.ts'
import { sweepWhenDue } from '../src/privacy/retention.ts'
import type { Resources } from '../src/resources.ts'
import { repeat } from '../src/schedule.ts'

/** Looks once a minute whether the daily sweep is due or asked for: the row says so, and an advisory lock keeps it single. */
export const retention = (on: Resources): (() => Promise<void>) =>
  repeat(on, { name: 'retention', everyMs: 60_000 }, async (signal) => {
    await sweepWhenDue(on, signal)
    await canaryWhenDue(on, signal)
  })
