import { randomBytes } from 'node:crypto'
import { open, seal, SealError, type Place, type SealingKey } from '../../src/vault.ts'

describe('P25 — a credential is sealed with AES-256-GCM and bound to its place', () => {
  const key: SealingKey = { id: 'k1', key: randomBytes(32) }
  const place: Place = { purpose: 'connections|access_token', org: 'org_1', row: 'row_1' }
  const sealed = seal(key, place, 'canary-token')
  const bytes = Buffer.from(sealed.split('.')[2] ?? '', 'base64url')
  const opened = (body: Buffer, at = place): string =>
    open([key], at, `v1.k1.${body.toString('base64url')}`).toString()

  test('it opens in its place, and not in another row, column, table or organization', () => {
    expect(opened(bytes)).toBe('canary-token')
    for (const moved of [
      { ...place, row: 'row_2' },
      { ...place, org: 'org_2' },
      { ...place, purpose: 'connections|app_secret' },
      { ...place, purpose: 'templates|access_token' },
    ])
      expect(() => opened(bytes, moved)).toThrow(SealError)
  })

  test('each single bit of nonce, ciphertext and tag counts', () => {
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = Buffer.from(bytes)
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      expect(() => opened(flipped)).toThrow(SealError)
    }
  })

  test.each([12, 8, 4])('a tag cut to %i bytes does not open', (length) => {
    expect(() => opened(bytes.subarray(0, bytes.length - 16 + length))).toThrow(SealError)
  })

  test.each(['a|b', 'a.b'])('a part such as %s is refused before sealing', (part) => {
    expect(() => seal(key, { ...place, row: part }, 'x')).toThrow(SealError)
  })
})
