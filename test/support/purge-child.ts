import { advanceDue } from '../../src/deletions/advance.ts'
import { completeConfig, readVariables } from '../../src/config.ts'
import { openResources } from '../../src/resources.ts'

/**
 * A process that carries out deletions and is killed before its n-th step or batch:
 * `node --import tsx purge-child.ts <queue prefix> <n> <milliseconds the clock is ahead>`.
 */
const [, , queuePrefix = 'chatflow', n = '0', ahead = '0'] = process.argv
const config = completeConfig(readVariables(process.env))
const now = (): Date => new Date(Date.now() + Number(ahead))
const on = await openResources(config, { queuePrefix, now })
let seen = 0
const done = await advanceDue(on, {
  now: now(),
  observe() {
    seen += 1
    if (seen === Number(n)) process.kill(process.pid, 'SIGKILL')
  },
})
process.stdout.write(`${JSON.stringify(done)}\n`)
await on.close()
