import type { Resources } from '../src/resources.ts'
import { repeat } from '../src/schedule.ts'
import { ringDueSyncs, syncTemplates } from '../src/templates/sync.ts'

/** A job names an account; its row says whether the list is wanted. Every five seconds what is due is rung for. */
export function templates(on: Resources): () => Promise<void> {
  on.queues.work('sync', ({ data }) => syncTemplates(on, data), { concurrency: 2 })
  return repeat(on, { name: 'templates', everyMs: 5_000 }, () => ringDueSyncs(on))
}
