import { Redis } from 'ioredis'
import pg from 'pg'

type Store = { DATABASE_URL: string; REDIS_URL?: string | undefined }
const PAGE = 1_000

/**
 * Every name under which the store of the queues holds something of ours: queues, and whatever else lies beside them.
 * In Redis what follows our prefix in a key, in PostgreSQL the queues that schema `jobs` knows.
 */
export const namesInStore = (at: Store, prefix: string): Promise<string[]> =>
  at.REDIS_URL === undefined ? namesInSchema(at.DATABASE_URL) : namesInRedis(at.REDIS_URL, prefix)

async function namesInRedis(url: string, prefix: string): Promise<string[]> {
  const client = new Redis(url, { lazyConnect: true, retryStrategy: () => null })
  client.on('error', () => undefined)
  const names = new Set<string>()
  try {
    await client.connect()
    let cursor = '0'
    do {
      const [next, keys] = await client.scan(cursor, 'MATCH', `${prefix}:*`, 'COUNT', PAGE)
      for (const key of keys) names.add(key.slice(prefix.length + 1).split(':')[0] ?? '')
      cursor = next
    } while (cursor !== '0')
  } finally {
    client.disconnect()
  }
  return [...names].toSorted()
}

async function namesInSchema(url: string): Promise<string[]> {
  const client = new pg.Client({
    connectionString: url,
    options: '-c role=cf_queue',
    application_name: 'chatflow',
    statement_timeout: 15_000,
  })
  await client.connect()
  try {
    const { rows } = await client.query<{ queue: string }>(
      `select queue from jobs.meta union select queue from jobs.job
        union select queue from jobs.event union select queue from jobs.scheduler order by 1`,
    )
    return rows.map(({ queue }) => queue)
  } finally {
    await client.end()
  }
}
