import './quiet.ts'
import { setTimeout as pause } from 'node:timers/promises'
import { completeConfig, readVariables } from './config.ts'
import { live } from './lifetime.ts'
import { createWeb } from './listener.ts'
import { guardMasterKeys } from './ops/master-probe.ts'
import { startPulse } from './ops/pulse.ts'
import { openResources } from './resources.ts'
import { closeSandbox } from './sandbox/sandbox.ts'
import { listen } from './server.ts'

/** How long a load balancer may go on sending after readiness said no. */
const BALANCER_MS = 5_000
const ANSWERS_MS = 10_000

/** One web process of a deployment: the port first, so that it is live while its dependencies are awaited. */
await live(async (life) => {
  const config = completeConfig(readVariables())
  const server = await listen(config)
  life.onEnd(() => server.close(0))
  const on = await openResources(config)
  life.onEnd(() => on.close())
  life.onEnd(await guardMasterKeys(on, life.fail))
  life.onEnd(startPulse(on, 'web'))
  life.onEnd(() => closeSandbox(on))
  life.onEnd(async () => {
    server.drain()
    await pause(BALANCER_MS)
    await server.close(ANSWERS_MS)
  })
  server.serve(createWeb(on).answer)
  on.log.info({ port: server.port }, 'web process ready')
})
