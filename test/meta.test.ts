import { createHmac } from 'node:crypto'
import { isSignedWith, readSigned, splitSigned } from '../src/meta/signed-request.ts'
import { Secret } from '../src/secret.ts'

const SECRET = 'test-app-secret'
const VECTOR =
  'YWPTuI5txzyoxlMs2k7kuluMCWhy7RWzL3qkdxhiRR0.eyJ1c2VyX2lkIjoiMjE4NDcxIiwiYWxnb3JpdGhtIjoiSE1BQy1TSEEyNTYiLCJpc3N1ZWRfYXQiOjE3NzMwMDAwMDB9'
const AT = 1_773_000_000
const now = (seconds = 0): Date => new Date((AT + seconds) * 1_000)
const [SIGNATURE = '', PAYLOAD = ''] = VECTOR.split('.')

const signed = (content: unknown): string => {
  const payload = Buffer.from(JSON.stringify(content)).toString('base64url')
  return `${createHmac('sha256', SECRET).update(payload).digest('base64url')}.${payload}`
}
const secretOf = (text: string): Secret => new Secret(text, 'check_signature')
const who = (given: unknown, at = now()): string | undefined => {
  const parts = splitSigned(given)
  return parts && isSignedWith(parts, secretOf(SECRET)) ? readSigned(parts, at)?.user : undefined
}
const GOOD = { user_id: '218471', algorithm: 'HMAC-SHA256', issued_at: AT }

describe('a signed request of Meta', () => {
  test('is read when its app signed it, with or without padding', () => {
    expect(who(VECTOR)).toBe('218471')
    expect(who(`${SIGNATURE}=.${PAYLOAD}=`)).toBe('218471')
    expect(who(signed(GOOD))).toBe('218471')
  })

  test.each([
    ['another payload', `${SIGNATURE}.${PAYLOAD.replace('e', 'f')}`],
    ['no dot', SIGNATURE + PAYLOAD],
    ['one dot more', `${VECTOR}.`],
    ['an empty signature', `.${PAYLOAD}`],
    ['a letter that a decoder skips', `${SIGNATURE}.${PAYLOAD} `],
    ['a signature of another length', `${SIGNATURE.slice(0, 40)}.${PAYLOAD}`],
    ['a list', [VECTOR]],
    ['a huge one', `${SIGNATURE}.${PAYLOAD.repeat(200)}`],
    ['nothing', undefined],
    ['another algorithm', signed({ ...GOOD, algorithm: 'HMAC-SHA1' })],
    ['no algorithm', signed({ user_id: '218471', issued_at: AT })],
    ['an id that is none', signed({ ...GOOD, user_id: '1 or 1' })],
  ])('is refused with %s', (_what, given) => {
    expect(who(given)).toBeUndefined()
  })

  test('is refused under another secret, and none is a secret', () => {
    const parts = splitSigned(VECTOR)
    expect(parts && isSignedWith(parts, secretOf('another'))).toBe(false)
    const empty = `${createHmac('sha256', '').update(PAYLOAD).digest('base64url')}.${PAYLOAD}`
    const bare = splitSigned(empty)
    expect(bare && isSignedWith(bare, secretOf(''))).toBe(false)
  })

  test('is good for a day and five minutes ahead', () => {
    expect(who(VECTOR, now(86_400))).toBe('218471')
    expect(who(VECTOR, now(86_401))).toBeUndefined()
    expect(who(VECTOR, now(-300))).toBe('218471')
    expect(who(VECTOR, now(-301))).toBeUndefined()
  })
})
