import type { Resources } from '../src/resources.ts'
import { sweep as sweepOnce } from '../src/sending/sweep.ts'

const EVERY_MS = 5_000

/** Without a queue, so that it works while the queue is what fails. A run ends before the next one begins. */
export function sweep(on: Resources): () => Promise<void> {
  let running: Promise<void> = Promise.resolve()
  let timer: NodeJS.Timeout
  const run = async (): Promise<void> => {
    await sweepOnce(on).catch((error: unknown) => on.log.warn({ err: error }, 'sweep'))
    timer = setTimeout(next, EVERY_MS)
  }
  const next = (): void => void (running = run())
  timer = setTimeout(next, 0)
  return async () => {
    clearTimeout(timer)
    await running
    clearTimeout(timer)
  }
}
