import { advanceDue } from '../src/deletions/advance.ts'
import type { Resources } from '../src/resources.ts'

const EVERY_MS = 5_000

/** Looks every five seconds for deletions that are due: an erasure is asked for and done, whether or not a sweep runs. */
export function deletions(on: Resources): () => Promise<void> {
  const stop = new AbortController()
  let running: Promise<unknown> = Promise.resolve()
  const timer = setInterval(() => {
    running = running
      .then(() => advanceDue(on, { now: on.now(), signal: stop.signal }))
      .catch((error: unknown) => on.log.error({ err: error }, 'deletions'))
  }, EVERY_MS)
  return async () => {
    clearInterval(timer)
    stop.abort()
    await running
  }
}
