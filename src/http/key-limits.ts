import type { RequestHandler, Response } from 'express'
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import { Refusal } from '../refusal.ts'
import { keyOf } from './access.ts'

/** Requests a key may make, counted in each process: a script may send a few hundred replies at once. */
export type Limits = { perMinute: number; perSecond: number }
const GENEROUS: Limits = { perMinute: 18_000, perSecond: 300 }

/** Answers 429 with Retry-After beyond the limits, and says in each answer how much is left of the minute. */
export function keyLimits(limits = GENEROUS): RequestHandler {
  const minute = new RateLimiterMemory({ points: limits.perMinute, duration: 60 })
  const second = new RateLimiterMemory({ points: limits.perSecond, duration: 1 })
  return async (req, res, next) => {
    const { id } = keyOf(req)
    try {
      show(res, limits, await minute.consume(id))
      await second.consume(id)
    } catch (refused) {
      if (!(refused instanceof RateLimiterRes)) throw refused
      if (res.get('RateLimit') === undefined) show(res, limits, refused)
      const seconds = Math.max(1, Math.ceil(refused.msBeforeNext / 1_000))
      res.set('Retry-After', String(seconds))
      throw new Refusal(
        429,
        'rate_limited',
        `Too many requests with this key. Go on in ${seconds} s.`,
      )
    }
    next()
  }
}

/** Source: IETF draft "RateLimit header fields for HTTP", and the three older names that clients still read. */
function show(res: Response, limits: Limits, left: RateLimiterRes): void {
  const { remainingPoints, msBeforeNext } = left
  const reset = Math.ceil(msBeforeNext / 1_000)
  res.set({
    'RateLimit-Policy': `"minute";q=${limits.perMinute};w=60, "second";q=${limits.perSecond};w=1`,
    RateLimit: `"minute";r=${remainingPoints};t=${reset}`,
    'RateLimit-Limit': String(limits.perMinute),
    'RateLimit-Remaining': String(remainingPoints),
    'RateLimit-Reset': String(reset),
  })
}
