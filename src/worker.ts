import './quiet.ts'
import { completeConfig, readVariables } from './config.ts'
import { createMonitor } from './http/monitor.ts'
import { live } from './lifetime.ts'
import { guardMasterKeys } from './ops/master-probe.ts'
import { startPulse } from './ops/pulse.ts'
import { openResources } from './resources.ts'
import { listen } from './server.ts'
import { startWorkers } from './work.ts'

/**
 * One worker process of a deployment; WORKER_QUEUES names its queues, all of them unless told. With METRICS_PORT it
 * answers /health and /metrics there.
 */
await live(async (life) => {
  const config = completeConfig(readVariables())
  const on = await openResources(config)
  life.onEnd(() => on.close())
  life.onEnd(await guardMasterKeys(on, life.fail))
  life.onEnd(startPulse(on, 'worker'))
  life.onEnd(startWorkers(on))
  if (config.METRICS_PORT !== undefined) {
    const server = await listen({ PORT: config.METRICS_PORT, HOST: config.HOST })
    life.onEnd(() => server.close(0))
    server.serve(createMonitor(on))
  }
  on.log.info({ queues: on.config.WORKER_QUEUES ?? 'all' }, 'worker process ready')
})
