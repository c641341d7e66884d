import type { Resources } from '../src/resources.ts'
import { storeUsage } from '../src/usage/usage.ts'

/** Stores what the pages saw, one job at a time: nobody waits for it. */
export const usage = (on: Resources): void =>
  on.queues.work('usage', async ({ data }) => void (await storeUsage(on, data)), { concurrency: 1 })
