import { completeConfig, readVariables } from './config.ts'
import { live } from './lifetime.ts'
import { startPulse } from './ops/pulse.ts'
import { openResources } from './resources.ts'
import { startWorkers } from './work.ts'

/** One worker process of a deployment; WORKER_QUEUES names its queues, all of them unless told. */
await live(async (life) => {
  const on = await openResources(completeConfig(readVariables()))
  life.onEnd(() => on.close())
  life.onEnd(startPulse(on, 'worker'))
  life.onEnd(startWorkers(on))
  on.log.info({ queues: on.config.WORKER_QUEUES ?? 'all' }, 'worker process ready')
})
