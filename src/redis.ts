import { Redis } from 'ioredis'
import { ConfigError, type Config } from './config.ts'
import type { Log } from './log.ts'

export type RedisFacts = {
  version: string
  evictionPolicy: string
  appendOnly: boolean
  fsync: string | undefined
  /** Of the memory it may use; null where nothing limits it. */
  usedShare: number | null
}

/** What `INFO` says, and `appendfsync` where the host lets us ask; undefined when Redis does not answer in 2 seconds. */
export async function readRedis(url: string): Promise<RedisFacts | undefined> {
  const client = new Redis(url, {
    lazyConnect: true,
    connectTimeout: 2_000,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
  })
  client.on('error', () => undefined)
  try {
    await client.connect()
    const info = await client.info()
    const fact = (name: string): string =>
      new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? ''
    const fsync = await client.config('GET', 'appendfsync').catch(() => [])
    return {
      version: fact('redis_version'),
      evictionPolicy: fact('maxmemory_policy'),
      appendOnly: fact('aof_enabled') === '1',
      fsync: (fsync as string[])[1],
      usedShare: shareOf(Number(fact('used_memory')), Number(fact('maxmemory'))),
    }
  } catch {
    return undefined
  } finally {
    client.disconnect()
  }
}

const shareOf = (used: number, most: number): number | null => (most > 0 ? used / most : null)

/**
 * A Redis that may drop keys, or that forgets everything when it dies, cannot keep what a webhook's 200 promised.
 * Throws ConfigError where the deployment must not go on; warns where it may.
 */
export async function checkRedis(config: Config, log: Log): Promise<void> {
  const facts = await readRedis(config.REDIS_URL ?? '')
  if (!facts) {
    log.warn('redis does not answer yet; its settings are checked by doctor')
    return
  }
  const refusal = refusalOf(facts, config)
  if (refusal) throw new ConfigError(`REDIS_URL: ${refusal}`)
  if (!facts.appendOnly) {
    log.warn('redis keeps no append-only file: webhooks acknowledged before a crash are lost')
  } else if (facts.fsync && facts.fsync !== 'always') {
    log.warn(
      { appendfsync: facts.fsync },
      'a redis host that dies loses up to two seconds of acknowledged webhooks',
    )
  }
}

function refusalOf(facts: RedisFacts, config: Config): string | undefined {
  const evicts = facts.evictionPolicy !== '' && facts.evictionPolicy !== 'noeviction'
  if (evicts && !config.REDIS_ALLOW_EVICTION) {
    return `maxmemory-policy is ${facts.evictionPolicy} and must be noeviction, or set REDIS_ALLOW_EVICTION=1`
  }
  const forgets = !facts.appendOnly && config.NODE_ENV === 'production'
  if (forgets && !config.QUEUE_ALLOW_WEAK_DURABILITY) {
    return 'the append-only file is off (appendonly yes is needed), or set QUEUE_ALLOW_WEAK_DURABILITY=1'
  }
  return undefined
}
