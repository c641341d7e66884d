import type { Config } from '../config.ts'
import { readRedis, type RedisFacts } from '../redis.ts'
import { fail, ok, warn, type Check } from './check.ts'

const VERSION = [6, 2] as const

/** The queue must not lose what a webhook's 200 promised: no eviction, an append-only file, synced at every write. */
export async function checkQueue({ REDIS_URL }: Config): Promise<Check> {
  if (!REDIS_URL) return ok('queue', 'queues are kept in PostgreSQL')
  const facts = await readRedis(REDIS_URL)
  if (!facts) return fail('queue', 'Redis does not answer', 'start Redis or correct REDIS_URL')
  return judge(facts)
}

function isOlder(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major < VERSION[0] || (major === VERSION[0] && minor < VERSION[1])
}

function judge({ version, evictionPolicy, appendOnly, fsync }: RedisFacts): Check {
  const detail = `Redis ${version}, maxmemory-policy ${evictionPolicy}, append-only file ${appendOnly ? 'on' : 'off'}, appendfsync ${fsync ?? 'unknown'}`
  if (isOlder(version)) return fail('queue', detail, `install Redis ${VERSION.join('.')} or later`)
  if (evictionPolicy !== 'noeviction')
    return fail('queue', detail, 'set maxmemory-policy noeviction: Redis may drop jobs')
  if (!appendOnly)
    return fail('queue', detail, 'set appendonly yes: jobs are lost when Redis is killed')
  if (fsync === 'always') return ok('queue', detail)
  return warn(
    'queue',
    detail,
    'set appendfsync always: a host that dies loses up to two seconds of acknowledged webhooks',
  )
}
