import { createHmac, randomBytes } from 'node:crypto'
import { sameSecret } from '../ids.ts'

const STEP_MS = 30_000
const DIGITS = 6
const SECRET_BYTES = 20
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** A secret for an authenticator app: 160 random bits, as RFC 4226 §4 recommends. */
export const newTotpSecret = (): Buffer => randomBytes(SECRET_BYTES)

/** The number of the 30-second step a moment lies in (RFC 6238 §4.2). */
export const stepOf = (at: Date): number => Math.floor(at.getTime() / STEP_MS)

/** The six digits for one step: HMAC-SHA-1 over the counter, truncated (RFC 4226 §5.3). */
export function codeOf(secret: Buffer, step: number): string {
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(step))
  const mac = createHmac('sha1', secret).update(counter).digest()
  const offset = (mac.at(-1) ?? 0) & 15
  const number = mac.readUInt32BE(offset) & 0x7f_ff_ff_ff
  return String(number % 10 ** DIGITS).padStart(DIGITS, '0')
}

/** The step a code was made for: this one, the one before or the one after; undefined when it fits none. */
export function stepOfCode(secret: Buffer, code: string, now: Date): number | undefined {
  const here = stepOf(now)
  const steps = [here - 1, here, here + 1].filter((step) => step >= 0)
  // All are compared, so that the time it takes says nothing.
  const fits = steps.filter((step) => sameSecret(codeOf(secret, step), code))
  return fits.at(-1)
}

/** What an authenticator app reads from the square. */
export function totpAddress(secret: Buffer, { issuer, account }: Record<string, string>): string {
  const label = encodeURIComponent(`${issuer}:${account}`)
  const query = `secret=${base32(secret)}&issuer=${encodeURIComponent(issuer ?? '')}`
  return `otpauth://totp/${label}?${query}&algorithm=SHA1&digits=${DIGITS}&period=${STEP_MS / 1_000}`
}

/** RFC 4648 §6, without padding: letters and digits that nobody confuses. */
export function base32(bytes: Buffer): string {
  const bits = Array.from(bytes, (byte) => byte.toString(2).padStart(8, '0')).join('')
  const groups = bits.match(/.{1,5}/g) ?? []
  return groups.map((five) => ALPHABET[Number.parseInt(five.padEnd(5, '0'), 2)] ?? '').join('')
}
