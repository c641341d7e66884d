import { sweepExports } from '../src/privacy/export-shelf.ts'
import { advanceExport, dueExports } from '../src/privacy/exports.ts'
import type { Resources } from '../src/resources.ts'

const EVERY_MS = 60_000

/** A job says which row. Once a minute what lost its job is rung again, and files whose time is over go. */
export function exports(on: Resources): () => void {
  on.queues.work('export', ({ data }) => advanceExport(on, data.id), { concurrency: 1 })
  const sweep = async (): Promise<void> => {
    for (const id of await dueExports(on)) await on.queues.addExport(id)
    await sweepExports(on)
  }
  const timer = setInterval(() => {
    sweep().catch((error: unknown) => on.log.warn({ err: error }, 'exports sweep'))
  }, EVERY_MS)
  return () => clearInterval(timer)
}
