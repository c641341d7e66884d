import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Secret } from '../secret.ts'

const HEADER = /^sha256=([0-9a-f]{64})$/

/**
 * Stands in for the secret of a connection that does not exist, so that an unknown connection
 * costs the same time as a known one with a wrong signature.
 */
const NOBODY = 'no connection has this secret'

/**
 * True when `header` is the HMAC-SHA256 of exactly these bytes under one of `secrets`.
 *
 * Lower-case hex only; without a secret, or with an empty one, nothing is right.
 * Source: WhatsApp Cloud API, webhooks, `X-Hub-Signature-256` over the raw body.
 */
export function isSigned(bytes: Buffer, header: string | undefined, secrets: Secret[]): boolean {
  const [, hex] = HEADER.exec(header ?? '') ?? []
  const given = Buffer.from(hex ?? '00'.repeat(32), 'hex')
  const texts = secrets.map((secret) => secret.reveal('check_signature'))
  const usable = texts.filter((secret) => secret !== '')
  let matches = 0
  for (const secret of usable.length > 0 ? usable : [NOBODY]) {
    const right = createHmac('sha256', secret).update(bytes).digest()
    if (timingSafeEqual(right, given)) matches += 1
  }
  return matches > 0 && hex !== undefined && usable.length > 0
}

/** False for a header that no secret could make right, so that no look-up is spent on it. */
export const isSignatureShaped = (header: string | undefined): boolean => HEADER.test(header ?? '')
