import type { Resources } from '../src/resources.ts'
import { tendRequests } from '../src/rights/tend.ts'

const EVERY_MS = 5_000

/** Looks every five seconds for what requests about data wait for: the rows say so. */
export function rights(on: Resources): () => Promise<void> {
  let running: Promise<unknown> = Promise.resolve()
  const timer = setInterval(() => {
    running = running
      .then(() => tendRequests(on, on.now()))
      .catch((error: unknown) => on.log.error({ err: error }, 'privacy requests'))
  }, EVERY_MS)
  return async () => {
    clearInterval(timer)
    await running
  }
}
