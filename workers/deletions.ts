import { advanceDue } from '../src/deletions/advance.ts'
import type { Resources } from '../src/resources.ts'
import { repeat } from '../src/schedule.ts'

/** Looks every five seconds for deletions that are due: an erasure is asked for and done, whether or not a sweep runs. */
export const deletions = (on: Resources): (() => Promise<void>) =>
  repeat(on, { name: 'deletions', everyMs: 5_000 }, (signal) =>
    advanceDue(on, { now: on.now(), signal }),
  )
