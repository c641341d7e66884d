import { advanceRuns } from '../src/ops/letter-runs.ts'
import type { Resources } from '../src/resources.ts'
import { repeat } from '../src/schedule.ts'

/** Looks every two seconds whether an operator asked for something to be done with many dead letters. */
export const letters = (on: Resources): (() => Promise<void>) =>
  repeat(on, { name: 'letters', everyMs: 2_000 }, (signal) => advanceRuns(on, signal))
