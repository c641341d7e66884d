import { noteHosts } from '../src/processors/processors.ts'
import type { Resources } from '../src/resources.ts'
import { repeat } from '../src/schedule.ts'

/** Writes down at the start and every hour which hosts are in use, so that the public list can say since when. */
export const processors = (on: Resources): (() => Promise<void>) =>
  repeat(on, { name: 'processors', everyMs: 3_600_000, atOnce: true }, () => noteHosts(on))
