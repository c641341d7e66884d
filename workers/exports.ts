import { sweepExports } from '../src/privacy/export-shelf.ts'
import { advanceExport, dueExports } from '../src/privacy/exports.ts'
import type { Resources } from '../src/resources.ts'
import { repeat } from '../src/schedule.ts'

/** A job says which row. Once a minute what lost its job is rung again, and files whose time is over go. */
export function exports(on: Resources): () => Promise<void> {
  on.queues.work('export', ({ data }) => advanceExport(on, data.id), { concurrency: 1 })
  return repeat(on, { name: 'exports', everyMs: 60_000 }, async () => {
    for (const id of await dueExports(on)) await on.queues.addExport(id)
    await sweepExports(on)
  })
}
