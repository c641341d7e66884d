import { setTimeout as pause } from 'node:timers/promises'
import type { Resources } from '../resources.ts'

const LOCK = 1_128_679_004
const LOOK_EVERY_MS = 100

/**
 * Runs while this process alone changes keys: another one waits until it is done. A process that dies frees the lock
 * with its connection.
 */
export async function oneAtATime<T>(on: Resources, run: () => Promise<T>): Promise<T> {
  const client = await on.pool.connect()
  let broken: Error | undefined
  const lost = (error: Error): void => void (broken = error)
  client.on('error', lost)
  const take = async (): Promise<boolean> => {
    const { rows } = await client.query<{ free: boolean }>(
      'select pg_try_advisory_lock($1) as free',
      [LOCK],
    )
    return rows[0]?.free === true
  }
  try {
    for (let isFirst = true; !(await take()); isFirst = false) {
      if (isFirst) on.log.info('waiting for another change of keys')
      await pause(LOOK_EVERY_MS)
    }
    const result = await run()
    return result
  } finally {
    await client.query('select pg_advisory_unlock($1)', [LOCK]).catch(lost)
    client.off('error', lost)
    client.release(broken)
  }
}
