import { sweepWhenDue } from '../src/privacy/retention.ts'
import type { Resources } from '../src/resources.ts'

const EVERY_MS = 60_000

/** Looks once a minute whether the daily sweep is due or asked for: the row says so, and an advisory lock keeps it single. */
export function retention(on: Resources): () => Promise<void> {
  const stop = new AbortController()
  let running: Promise<void> = Promise.resolve()
  const timer = setInterval(() => {
    running = running
      .then(() => sweepWhenDue(on, stop.signal))
      .catch((error: unknown) => on.log.error({ err: error }, 'retention sweep'))
  }, EVERY_MS)
  return async () => {
    clearInterval(timer)
    stop.abort()
    await running
  }
}
