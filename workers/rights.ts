import type { Resources } from '../src/resources.ts'
import { tendRequests } from '../src/rights/tend.ts'
import { repeat } from '../src/schedule.ts'

/** Looks every five seconds for what requests about data wait for: the rows say so. */
export const rights = (on: Resources): (() => Promise<void>) =>
  repeat(on, { name: 'rights', everyMs: 5_000 }, () => tendRequests(on, on.now()))
