import { Redis } from 'ioredis'

/** The Redis that tests may use, or undefined where a newcomer's machine has none. */
export async function findRedis(): Promise<string | undefined> {
  const url = process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379'
  const client = new Redis(url, {
    lazyConnect: true,
    retryStrategy: () => null,
    connectTimeout: 1_000,
  })
  client.on('error', () => undefined)
  try {
    await client.connect()
    return url
  } catch {
    return undefined
  } finally {
    client.disconnect()
  }
}
