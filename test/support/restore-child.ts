import { restoreBackup } from '../../src/backups/restore.ts'
import { completeConfig, readVariables } from '../../src/config.ts'
import { openLog } from '../../src/log.ts'

/**
 * A process that restores a backup and is killed when it comes to a place:
 * `node --import tsx restore-child.ts <queue prefix> <file> <place> <milliseconds the clock is ahead>`.
 */
const [, , queuePrefix = 'chatflow', file = '', place = '', ahead = '0'] = process.argv
const config = completeConfig(readVariables(process.env))
const now = (): Date => new Date(Date.now() + Number(ahead))
await restoreBackup(
  { config, log: openLog('silent'), queuePrefix, now },
  {
    file,
    observe(at) {
      if (at === place) process.kill(process.pid, 'SIGKILL')
    },
  },
)
