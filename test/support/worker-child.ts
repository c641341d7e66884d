import { completeConfig, readVariables } from '../../src/config.ts'
import { openResources } from '../../src/resources.ts'
import { startWorkers } from '../../src/work.ts'

/** A worker process of its own, to be killed: `node --import tsx worker-child.ts <queue prefix>`. */
const config = completeConfig(readVariables(process.env))
const on = await openResources(config, { queuePrefix: process.argv[2] ?? 'chatflow' })
startWorkers(on)
process.stdout.write('{"ready":true}\n')
