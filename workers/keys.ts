import { replaceOverused } from '../src/ops/due-keys.ts'
import type { Resources } from '../src/resources.ts'

const EVERY_MS = 60_000

/** Looks once a minute for keys that are nearly used up; old ones wait for the sweep of the night. */
export function keys(on: Resources): () => Promise<void> {
  let running: Promise<unknown> = Promise.resolve()
  const timer = setInterval(() => {
    running = running
      .then(() => replaceOverused(on))
      .catch((error: unknown) => on.log.error({ err: error }, 'keys not changed'))
  }, EVERY_MS)
  return async () => {
    clearInterval(timer)
    await running
  }
}
