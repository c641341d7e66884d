import { createHmac, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import type { Secret } from '../secret.ts'

/** The two parts of a `signed_request`, as text: the signature is over the payload's very letters. */
export type Signed = { signature: Buffer; payload: string }

const PART = /^[A-Za-z0-9_-]+$/
const LONGEST = 8_192
const FUTURE_S = 5 * 60
const PAST_S = 24 * 60 * 60

const Payload = z.object({
  algorithm: z.literal('HMAC-SHA256'),
  issued_at: z.number().int().nonnegative(),
  user_id: z.string().regex(/^\d{1,32}$/),
})

/**
 * Takes a `signed_request` apart, or answers undefined for what cannot be one: the letters are looked at first, because
 * a decoder skips foreign ones in silence. Padding at the end is tolerated.
 * Source: Meta, data deletion callback; promise P41.
 */
export function splitSigned(given: unknown): Signed | undefined {
  if (typeof given !== 'string' || given.length > LONGEST) return undefined
  const parts = given.split('.').map((part) => part.replace(/={1,2}$/, ''))
  const [sig = '', payload = ''] = parts
  if (parts.length !== 2 || !PART.test(sig) || !PART.test(payload)) return undefined
  const signature = Buffer.from(sig, 'base64url')
  return signature.length === 32 ? { signature, payload } : undefined
}

/** True when the app with this secret signed it; an empty secret, or none, signs nothing. */
export function isSignedWith({ signature, payload }: Signed, given: Secret | undefined): boolean {
  const secret = given?.reveal('check_signature') ?? ''
  const right = createHmac('sha256', secret).update(payload).digest()
  return timingSafeEqual(right, signature) && secret !== ''
}

/**
 * Whom a request is about and when Meta issued it (Unix seconds), or undefined for another algorithm, an id that is
 * none, or a time more than 5 minutes ahead or a day ago. Worth nothing without `isSignedWith`.
 */
export function readSigned(
  { payload }: Signed,
  now: Date,
): { user: string; issued: number } | undefined {
  const read = Payload.safeParse(parse(payload))
  if (!read.success) return undefined
  const { user_id: user, issued_at: issued } = read.data
  const age = now.getTime() / 1_000 - issued
  return age > PAST_S || age < -FUTURE_S ? undefined : { user, issued }
}

function parse(payload: string): unknown {
  try {
    return JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'))
  } catch {
    return undefined
  }
}
