import type { Resources } from './resources.ts'

/** One try at the lock; true when this process has it now. */
export type Take = () => Promise<boolean>

/**
 * Runs while this process holds an advisory lock of the database. `enter` tries to take it, and waits or throws where
 * another process has it. A process that dies frees the lock with its connection.
 */
export async function underLock<T>(
  { pool }: Pick<Resources, 'pool'>,
  lock: number,
  { enter, run }: { enter(take: Take): Promise<void>; run(): Promise<T> },
): Promise<T> {
  const client = await pool.connect()
  let broken: Error | undefined
  const lost = (error: Error): void => void (broken = error)
  client.on('error', lost)
  const take = async (): Promise<boolean> => {
    const { rows } = await client.query<{ free: boolean }>(
      'select pg_try_advisory_lock($1) as free',
      [lock],
    )
    return rows[0]?.free === true
  }
  try {
    await enter(take)
    const result = await run()
    return result
  } finally {
    await client.query('select pg_advisory_unlock($1)', [lock]).catch(lost)
    client.off('error', lost)
    client.release(broken)
  }
}
