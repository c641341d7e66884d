import type { RequestHandler } from 'express'
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import { noteExcess } from '../abuse/measures.ts'
import { lengthOf, RULES } from '../abuse/rules.ts'
import { digest } from '../ids.ts'
import { Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import type { Who } from './access.ts'

/** More than any person does; `retryAfter` in seconds. */
export class TooFast extends Refusal {
  readonly retryAfter: number
  constructor(retryAfter: number) {
    super(429, 'too_fast', `Too many requests with your sign-in. Go on in ${retryAfter} s.`)
    this.retryAfter = retryAfter
  }
}

/**
 * Counts what one person asks for, in each process and under a digest; every counter ends with its minute. The first request
 * too many is written down, with the next measure.
 */
export function openPaceOf(on: Resources): (who: Pick<Who, 'user' | 'org'>) => Promise<void> {
  const { limit, minutes } = RULES.request_pace
  const counters = new RateLimiterMemory({ points: limit, duration: minutes * 60 })
  return async ({ user, org }) => {
    try {
      await counters.consume(digest(user).toString('base64url'))
    } catch (refused) {
      if (!(refused instanceof RateLimiterRes)) throw refused
      const requests = refused.consumedPoints
      if (requests === limit + 1) {
        const because = `${requests.toLocaleString('en-GB')} requests in ${lengthOf(minutes)} were made with your sign-in; limit ${limit.toLocaleString('en-GB')}.`
        const counts = { requests, limit, minutes }
        await on.db.withSystem((tx) =>
          noteExcess(on, tx, { org, user, rule: 'request_pace', because, counts }),
        )
      }
      throw new TooFast(Math.max(1, Math.ceil(refused.msBeforeNext / 1_000)))
    }
  }
}

/** Answers 429 to what no person can be doing; whoever is not signed in is limited where they try to. */
export function requestPace(on: Resources): RequestHandler {
  const count = openPaceOf(on)
  return async (req, _res, next) => {
    if (req.who) await count(req.who)
    next()
  }
}
