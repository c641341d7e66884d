import { Redis } from 'ioredis'
import {
  BurstyRateLimiter,
  RateLimiterMemory,
  RateLimiterPostgres,
  RateLimiterRedis,
  RateLimiterRes,
} from 'rate-limiter-flexible'
import type { Resources } from '../resources.ts'

/** What may start now: how many, and in how many milliseconds more may. */
export type Grant = { granted: number; afterMs: number }

/** WhatsApp's limits, counted for all processes together. Keys are ids of ours and name nobody. */
export type SendLimits = {
  /** Room for up to `most` messages of a number that WhatsApp gives `perSecond`. */
  take(number: { connection: string; perSecond: number }, most: number): Promise<Grant>
  /** What was taken and not used. */
  giveBack(number: { connection: string; perSecond: number }, unused: number): Promise<void>
  /** Milliseconds until one more message may go to the same person; 0 when it may go now. */
  pairWaitMs(conversation: string): Promise<number>
  /** WhatsApp said that a number sends too fast: half as fast for a minute, and half again each time. */
  slowDown(connection: string): void
  close(): void
}

/** Other programs and the other direction count towards the same number, so a fifth is left to them. */
const SHARE = 0.8
const SLOW_MS = 60_000
const SLOWEST = 1 / 16
/**
 * One message to a person every 6 seconds, and 45 at once that are paid back by silence.
 * Source: WhatsApp Cloud API, pair rate limits.
 */
const PAIR_SECONDS = 6
const PAIR_BURST = 45
/** While the store is away each process goes on at a pace that no limit of WhatsApp's minds. */
const BLIND_PER_SECOND = 5

type Bucket = RateLimiterPostgres | RateLimiterRedis
type Size = { keyPrefix: string; points: number; duration: number }

export function openLimits(on: Resources): SendLimits {
  const store = openStore(on)
  const numbers = new Map<number, Bucket>()
  const slow = new Map<string, { share: number; until: number }>()
  const pairs = new BurstyRateLimiter(
    store.bucket({ keyPrefix: 'send:pair', points: 1, duration: PAIR_SECONDS }),
    store.bucket({
      keyPrefix: 'send:burst',
      points: PAIR_BURST - 1,
      duration: PAIR_SECONDS * (PAIR_BURST - 1),
    }),
  )
  const shareOf = (connection: string): number => {
    const known = slow.get(connection)
    if (known && known.until <= performance.now()) slow.delete(connection)
    return slow.get(connection)?.share ?? 1
  }
  const bucketOf = ({ connection, perSecond }: { connection: string; perSecond: number }) => {
    const points = Math.max(1, Math.floor(perSecond * SHARE * shareOf(connection)))
    const bucket =
      numbers.get(points) ?? store.bucket({ keyPrefix: 'send:number', points, duration: 1 })
    numbers.set(points, bucket)
    return { bucket, points }
  }
  return {
    async take(number, most) {
      const { bucket, points } = bucketOf(number)
      const seen = await bucket.get(number.connection).catch(() => null)
      const free = Math.min(most, seen ? points - seen.consumedPoints : points)
      if (seen && free <= 0) return { granted: 0, afterMs: seen.msBeforeNext }
      const afterMs = await waitFor(bucket, number.connection, free)
      return { granted: afterMs > 0 ? 0 : free, afterMs }
    },
    async giveBack(number, unused) {
      if (unused > 0) await bucketOf(number).bucket.reward(number.connection, unused)
    },
    pairWaitMs: (conversation) => waitFor(pairs, conversation, 1),
    slowDown(connection) {
      const share = Math.max(SLOWEST, shareOf(connection) / 2)
      slow.set(connection, { share, until: performance.now() + SLOW_MS })
    },
    close: () => store.close(),
  }
}

/** Takes the points and answers 0, or takes none and answers how long to wait. */
async function waitFor(
  bucket: Pick<BurstyRateLimiter, 'consume'>,
  key: string,
  points: number,
): Promise<number> {
  try {
    await bucket.consume(key, points)
    return 0
  } catch (refused) {
    if (!(refused instanceof RateLimiterRes)) throw refused
    return Math.max(1, refused.msBeforeNext)
  }
}

function openStore(on: Resources): { bucket(size: Size): Bucket; close(): void } {
  const blind = (): RateLimiterMemory =>
    new RateLimiterMemory({ points: BLIND_PER_SECOND, duration: 1 })
  if (on.config.REDIS_URL === undefined)
    return {
      bucket: (size) =>
        new RateLimiterPostgres({
          ...size,
          storeClient: on.pool,
          storeType: 'pool',
          schemaName: 'app',
          tableName: 'throttles',
          tableCreated: true,
          clearExpiredByTimeout: false,
          insuranceLimiter: blind(),
        }),
      close: () => undefined,
    }
  const redis = new Redis(on.config.REDIS_URL, { maxRetriesPerRequest: 1, commandTimeout: 1_000 })
  redis.on('error', (error) => on.log.warn({ err: error }, 'limits in memory'))
  return {
    bucket: ({ keyPrefix, ...size }) =>
      new RateLimiterRedis({
        ...size,
        keyPrefix: `chatflow:${keyPrefix}`,
        storeClient: redis,
        insuranceLimiter: blind(),
      }),
    close: () => redis.disconnect(),
  }
}
