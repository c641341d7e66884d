import { spawn } from 'node:child_process'
import type { Running } from './app.ts'
import { programOf } from './programs.ts'

/**
 * Run a script of this folder beside an app, on its database, queues and files, with what the app knows of its surroundings
 * and nothing else; true when it was killed.
 */
export function runBeside(app: Running, script: string, args: string[]): Promise<boolean> {
  const { DATABASE_URL, REDIS_URL, DATA_DIR, GRAPH_API_URL, masterKeys } = app.on.config
  const keys = masterKeys.map(({ id, key }) => `${id}:${key.toString('base64')}`)
  const child = spawn(
    process.execPath,
    [...programOf(`test/support/${script}`), app.queuePrefix, ...args],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {
        PATH: process.env['PATH'],
        NODE_ENV: 'test',
        LOG_LEVEL: 'silent',
        DATABASE_URL,
        DATA_DIR,
        GRAPH_API_URL,
        CHATFLOW_MASTER_KEY: keys.join(','),
        ...(REDIS_URL ? { REDIS_URL } : {}),
      },
    },
  )
  return new Promise((resolve) =>
    child.on('close', (_code, signal) => resolve(signal === 'SIGKILL')),
  )
}
