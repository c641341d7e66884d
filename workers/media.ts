import { dueMedia, fetchMedia } from '../src/media/fetching.ts'
import { removeUnusedEverywhere } from '../src/media/removal.ts'
import type { Resources } from '../src/resources.ts'
import { repeat } from '../src/schedule.ts'

/** Each streams to disk a megabyte at a time, so a few at once cost little memory. */
const CONCURRENCY = 4

/** A job says which row; the row says whether it is due. What lost its job, or is to be tried again, is rung for. */
export function media(on: Resources): () => Promise<void> {
  on.queues.work('media', ({ data }) => fetchMedia(on, data), { concurrency: CONCURRENCY })
  return repeat(on, { name: 'media', everyMs: 5_000, atOnce: true }, async () => {
    for (const at of await dueMedia(on)) await on.queues.addMedia(at)
    await removeUnusedEverywhere(on)
  })
}
