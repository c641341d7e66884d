import { checkPassword } from '../src/accounts/password-rules.ts'
import { hashPassword, openPasswords, verifyPassword } from '../src/accounts/passwords.ts'
import type { Refusal } from '../src/refusal.ts'
import type { Resources } from '../src/resources.ts'

/** Hashing needs nothing of the resources but their identity: each has a lane of its own. */
const lane = (): Resources => ({}) as Resources
const OWNER = { email: 'maya.okafor@firstfashion.example', organization: 'First Fashion' }

const refusalOf = (password: string): string | undefined => {
  try {
    checkPassword(password, OWNER)
    return undefined
  } catch (error) {
    return (error as Refusal).fields['password']
  }
}

test('a hash is a PHC string with the parameters asked for and a salt of its own', async () => {
  const on = lane()
  const [one, two] = [
    await hashPassword(on, 'quiet harbour lantern'),
    await hashPassword(on, 'quiet harbour lantern'),
  ]
  expect(one).toMatch(/^\$scrypt\$ln=16,r=8,p=2\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
  expect(two).not.toBe(one)
  expect(await verifyPassword(on, 'quiet harbour lantern', one)).toBe(true)
  expect(await verifyPassword(on, 'quiet harbour Lantern', one)).toBe(false)
})

test('scrypt is the published one', async () => {
  // RFC 7914 §12, second vector: "password", "NaCl", N=1024, r=8, p=16, shortened to 32 bytes.
  const key = 'fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162'
  const stored = `$scrypt$ln=10,r=8,p=16$${Buffer.from('NaCl').toString('base64').replaceAll('=', '')}$${Buffer.from(key, 'hex').toString('base64').replaceAll('=', '')}`
  expect(await verifyPassword(lane(), 'password', stored)).toBe(true)
})

test('the same password typed with composed or decomposed letters fits', async () => {
  const on = lane()
  openPasswords(on, { ln: 4, r: 8, p: 1 })
  const stored = await hashPassword(on, 'cafe\u0301 au lait doux')
  expect(await verifyPassword(on, 'caf\u00e9 au lait doux', stored)).toBe(true)
})

test.each([null, undefined, '', 'x', '$scrypt$ln=4,r=8,p=1$$', '$2b$10$abcdefghijklmnopqrstuv'])(
  'nothing fits the stored value %j',
  async (stored) => {
    const on = lane()
    openPasswords(on, { ln: 4, r: 8, p: 1 })
    expect(await verifyPassword(on, '', stored)).toBe(false)
    expect(await verifyPassword(on, 'anything at all', stored)).toBe(false)
  },
)

test('four hash at once, twenty wait, the rest are told to come again', async () => {
  const on = lane()
  openPasswords(on, { ln: 10, r: 8, p: 1 })
  const results = await Promise.allSettled(
    Array.from({ length: 40 }, () => hashPassword(on, 'quiet harbour lantern')),
  )
  const refused = results.flatMap((result) =>
    result.status === 'rejected' ? [result.reason as Refusal] : [],
  )
  expect(results.length - refused.length).toBe(24)
  expect(new Set(refused.map(({ status, code }) => `${status} ${code}`))).toEqual(
    new Set(['503 busy']),
  )
  expect(await hashPassword(on, 'there is room again')).toMatch(/^\$scrypt/)
})

test.each([
  ['quiet harbour lantern'],
  ['пароль из леса'],
  ['漢字漢字仮名交文章例文書中'],
  ['!@#$%^&*()_+{}'],
  ['maya wrote 17 odd sonnets'],
  ['x'.repeat(40) + 'lantern of the north'],
])('%s is good', (password) => {
  expect(refusalOf(password)).toBeUndefined()
})

test.each([
  ['elevenchars', /at least 12/],
  ['👩‍👩‍👧', /at least 12/],
  [`a1${'b2c3d4e5f6'.repeat(13)}`, /at most 128/],
  ['鬱'.repeat(60) + '漢字仮名交文章例文書中'.repeat(12), /at most 128/],
  ['password1234', /tried first/],
  ['PassWord1234', /tried first/],
  ['1q2w3e4r5t6y', /tried first/],
  ['aaaaaaaaaaaaaaa', /tried first/],
  ['abcabcabcabcabc', /tried first/],
  ['123412341234', /tried first/],
  ['chatflow-2026!', /too close/],
  ['firstfashion2026', /too close/],
  ['Maya.Okafor.99', /too close/],
  ['WhatsApp-CRM-1!', /too close/],
])('%s is refused', (password, why) => {
  expect(refusalOf(password)).toMatch(why)
})
