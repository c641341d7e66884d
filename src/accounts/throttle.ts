import { createHmac } from 'node:crypto'
import { isIPv6 } from 'node:net'
import { RateLimiterMemory, RateLimiterPostgres, RateLimiterRes } from 'rate-limiter-flexible'
import { sameSecret } from '../ids.ts'
import { Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'

const MINUTE = 60
const HOUR = 60 * MINUTE
const BLIND_SHARE = 1 / 5

/** Who tries: the address of the account, the network address, and what this browser showed of earlier sign-ins. */
export type Try = { email: string; ip: string; known: string | undefined }

/**
 * Too many tries; `retryAfter` in seconds. Says the same of accounts that exist and of those that do not.
 * `isFirst` for the try that was one too many: a log that noted each later one could be filled by strangers.
 */
export class Throttled extends Refusal {
  readonly retryAfter: number
  readonly isFirst: boolean
  readonly limit: Limit
  constructor(retryAfter: number, isFirst: boolean, limit: Limit) {
    const minutes = Math.ceil(retryAfter / MINUTE)
    const wait = minutes === 1 ? 'a minute' : `${minutes} minutes`
    super(429, 'too_many_tries', `Too many tries. Try again in ${wait}.`)
    this.retryAfter = retryAfter
    this.isFirst = isFirst
    this.limit = limit
  }
}

/** How many tries there may be and in how many minutes, and whether of an account or of everybody in a network. */
type Limit = { tries: number; minutes: number; isNetwork: boolean }

export type Throttles = {
  /** Counts a try to sign in before the password is looked at; throws Throttled. */
  signIn(attempt: Try): Promise<void>
  /** The password was right: what the try counted is given back. */
  signedIn(attempt: Try): Promise<void>
  /** Counts a try of a second factor's code, whoever brings it; throws Throttled. */
  code(user: string): Promise<void>
  /** The code was right. */
  codeTaken(user: string): Promise<void>
  /** What a browser keeps after a sign-in, so that a stranger who uses up an account's tries does not lock it out. */
  knownMark(email: string): string
  /** Sign-ups from one network; throws Throttled. */
  signUp(ip: string): Promise<void>
  /** Whether one more mail may go to this address; the asker is told the same either way. */
  mail(kind: 'sign_up' | 'reset' | 'deletion' | 'rights' | 'email', email: string): Promise<boolean>
  /** Privacy requests from one network by the public form; throws Throttled. */
  rights(ip: string): Promise<void>
  /** Questions and their files from one network, by whoever is not signed in; throws Throttled. */
  support(ip: string): Promise<void>
  /** Invitations of one organization; throws Throttled. */
  invite(org: string): Promise<void>
}

type Bucket = RateLimiterPostgres
type Counted = [bucket: Bucket, key: string]

/** Counters in PostgreSQL, one for all processes. Keys are keyed digests: the table names nobody. */
export function openThrottles(on: Resources): Throttles {
  const secret = on.vault.derive('throttle')
  const keyed = (...parts: string[]): string =>
    createHmac('sha256', secret).update(parts.join('\n')).digest('base64url')
  const knownMark = (email: string): string => keyed('known', email)
  const buckets = openBuckets(on)
  const { pair, account, network, known } = buckets
  const bucketsOf = ({ email, ip, known: mark }: Try): Counted[] =>
    mark !== undefined && sameSecret(mark, knownMark(email))
      ? [[known, keyed(email)]]
      : [
          [network, keyed(networkOf(ip))],
          [pair, keyed(email, networkOf(ip))],
          [account, keyed(email)],
        ]
  return {
    async signIn(attempt) {
      for (const [bucket, key] of bucketsOf(attempt)) await consume(bucket, key)
    },
    async signedIn(attempt) {
      for (const [bucket, key] of bucketsOf(attempt)) {
        if (bucket === pair || bucket === known) await bucket.delete(key)
        else await bucket.reward(key)
      }
    },
    code: (user) => consume(buckets.code, keyed(user)),
    codeTaken: async (user) => void (await buckets.code.delete(keyed(user))),
    knownMark,
    signUp: (ip) => consume(buckets.signUp, keyed(networkOf(ip))),
    mail: (kind, email) => hasRoom(buckets.mail, keyed(kind, email)),
    rights: (ip) => consume(buckets.rights, keyed(networkOf(ip))),
    support: (ip) => consume(buckets.support, keyed(networkOf(ip))),
    invite: (org) => consume(buckets.invite, keyed(org)),
  }
}

/** The numbers: per account and network, per account, per network, per known browser; then what causes mail. */
function openBuckets(on: Resources) {
  const limit = (keyPrefix: string, points: number, duration: number): Bucket =>
    new RateLimiterPostgres({
      storeClient: on.pool,
      storeType: 'pool',
      schemaName: 'app',
      tableName: 'throttles',
      tableCreated: true,
      clearExpiredByTimeout: false,
      keyPrefix,
      points,
      duration,
      // Counters that cannot be reached do not open the door: each process counts for itself, and allows a fifth.
      insuranceLimiter: new RateLimiterMemory({
        points: Math.max(1, Math.floor(points * BLIND_SHARE)),
        duration,
      }),
    })
  return {
    pair: limit('login-pair', 5, 15 * MINUTE),
    account: limit('login-account', 20, HOUR),
    network: limit('login-network', 100, HOUR),
    known: limit('login-known', 5, 15 * MINUTE),
    code: limit('factor-user', 5, 15 * MINUTE),
    signUp: limit('signup-network', 5, HOUR),
    mail: limit('mail-account', 3, HOUR),
    rights: limit('rights-network', 10, HOUR),
    support: limit('support-network', 20, HOUR),
    invite: limit('invite-org', 50, 24 * HOUR),
  }
}

async function hasRoom(bucket: Bucket, key: string): Promise<boolean> {
  try {
    await consume(bucket, key)
    return true
  } catch (error) {
    if (error instanceof Throttled) return false
    throw error
  }
}

async function consume(bucket: Bucket, key: string): Promise<void> {
  try {
    await bucket.consume(key)
  } catch (refused) {
    if (!(refused instanceof RateLimiterRes)) throw refused
    const seconds = Math.max(1, Math.ceil(refused.msBeforeNext / 1_000))
    const isNetwork = bucket.keyPrefix === 'login-network'
    const limit = { tries: bucket.points, minutes: bucket.duration / MINUTE, isNetwork }
    throw new Throttled(seconds, refused.consumedPoints === bucket.points + 1, limit)
  }
}

/** One household or office counts as one: the /24 of an IPv4 address, the /56 of an IPv6 one. */
export function networkOf(ip: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+)\.\d+$/i.exec(ip)?.[1]
  if (mapped !== undefined) return mapped
  if (!isIPv6(ip)) return ip.split('.').slice(0, 3).join('.')
  const [head = '', tail] = ip.split('%')[0]?.split('::') ?? []
  const groups = (text = ''): string[] => text.split(':').filter(Boolean)
  const gap = Math.max(0, 8 - groups(head).length - groups(tail).length)
  const all = [...groups(head), ...Array<string>(gap).fill('0'), ...groups(tail)]
  const [a, b, c, d] = all.map((group) => Number.parseInt(group, 16))
  return [a, b, c, (d ?? 0) >> 8].map((part) => (part ?? 0).toString(16)).join(':')
}
