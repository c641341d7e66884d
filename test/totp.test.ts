import { codeOf, stepOfCode } from '../src/accounts/totp.ts'

describe('the code', () => {
  // RFC 6238, appendix B, SHA-1, its last six digits.
  test.each([
    [59, '287082'],
    [1_111_111_109, '081804'],
    [1_111_111_111, '050471'],
    [1_234_567_890, '005924'],
    [2_000_000_000, '279037'],
    [20_000_000_000, '353130'],
  ])('at second %d is the published one', (seconds, code) => {
    const secret = Buffer.from('12345678901234567890')
    expect(codeOf(secret, Math.floor(seconds / 30))).toBe(code)
    expect(stepOfCode(secret, code, new Date(seconds * 1_000))).toBe(Math.floor(seconds / 30))
  })

  test('may come from a clock half a minute off, not from one that is more', () => {
    const secret = Buffer.from('12345678901234567890')
    const at = new Date(1_111_111_110_000)
    const fits = [-2, -1, 0, 1, 2].map((off) =>
      stepOfCode(secret, codeOf(secret, 37_037_037 + off), at),
    )
    expect(fits).toEqual([undefined, 37_037_036, 37_037_037, 37_037_038, undefined])
    for (const wrong of ['', '12345', '1234567', 'abcdef'])
      expect(stepOfCode(secret, wrong, at)).toBeUndefined()
  })
})
