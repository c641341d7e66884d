import type { Resources } from '../src/resources.ts'
import { repeat } from '../src/schedule.ts'
import { sweep as sweepOnce } from '../src/sending/sweep.ts'

/** Without a queue, so that it works while the queue is what fails. */
export const sweep = (on: Resources): (() => Promise<void>) =>
  repeat(on, { name: 'sweep', everyMs: 5_000, atOnce: true }, () => sweepOnce(on))
