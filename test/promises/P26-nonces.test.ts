import { randomBytes } from 'node:crypto'
import { seal } from '../../src/vault.ts'

describe('P26 — no nonce comes twice, and none can be foretold', () => {
  const place = { purpose: 'connections|access_token', org: 'org_1', row: 'row_1' }
  const key = { id: 'k1', key: randomBytes(32) }
  const SEALS = 1_000_000

  test('a million seals of one text have a million nonces of 96 bits, each bit as often 1 as 0', () => {
    const seen = new Set<string>()
    const ones = new Float64Array(96)
    for (let n = 0; n < SEALS; n++) {
      const body = Buffer.from(seal(key, place, 'x').slice('v1.k1.'.length), 'base64url')
      if (body.length !== 12 + 1 + 16) throw new Error(`${body.length} bytes`)
      seen.add(body.toString('latin1', 0, 12))
      for (let bit = 0; bit < 96; bit++)
        ones[bit] = (ones[bit] ?? 0) + (((body[bit >> 3] ?? 0) >> (bit & 7)) & 1)
    }
    expect(seen.size).toBe(SEALS)
    // Twenty standard deviations: a counter or a clock leaves its high bits still.
    expect([...ones].filter((count) => Math.abs(count / SEALS - 0.5) > 0.01)).toEqual([])
  }, 60_000)
})
