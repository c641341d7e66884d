import { accounts } from '../workers/accounts.ts'
import { communication } from '../workers/communication.ts'
import { deletions } from '../workers/deletions.ts'
import { exports } from '../workers/exports.ts'
import { inbound } from '../workers/inbound.ts'
import { keys } from '../workers/keys.ts'
import { letters } from '../workers/letters.ts'
import { mail } from '../workers/mail.ts'
import { media } from '../workers/media.ts'
import { outbound } from '../workers/outbound.ts'
import { processors } from '../workers/processors.ts'
import { retention } from '../workers/retention.ts'
import { rights } from '../workers/rights.ts'
import { sweep } from '../workers/sweep.ts'
import { templates } from '../workers/templates.ts'
import { usage } from '../workers/usage.ts'
import type { Resources } from './resources.ts'

/** A worker subscribes to its queue and may hand back what has to end before the resources close. */
type Start = (on: Resources) => void | (() => Promise<void> | void)

const WORKERS: Record<string, Start> = {
  inbound,
  outbound,
  mail,
  letters,
  sweep,
  accounts,
  retention,
  usage,
  exports,
  media,
  deletions,
  rights,
  communication,
  processors,
  keys,
  templates,
}

/** Start all workers of this process, or those WORKER_QUEUES names; the result stops what does not end with its queue. */
export function startWorkers(on: Resources): () => Promise<void> {
  const wanted = on.config.WORKER_QUEUES?.split(',')
  const stops = Object.entries(WORKERS)
    .filter(([name]) => !wanted || wanted.includes(name))
    .map(([, start]) => start(on))
  return async () => {
    await Promise.all(stops.map(async (stop) => stop?.()))
  }
}
