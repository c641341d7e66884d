import { randomBytes } from 'node:crypto'
import { parseMasterKeys } from '../src/config.ts'
import { open, openVault, seal, SealError, type Place, type SealingKey } from '../src/vault.ts'

const key: SealingKey = { id: 'k_test1', key: randomBytes(32) }
const place: Place = { purpose: 'connections|access_token', org: 'org_1', row: 'row_1' }
const SECRET = 'EAAB-canary-token-0001'
const envelope = seal(key, place, SECRET)
const text = (sealed: string, keys = [key], at = place): string =>
  open(keys, at, sealed).toString('utf8')

/** An envelope from raw bytes, as an attacker who has the database would write it. */
const envelopeOf = (bytes: Buffer, kid = key.id): string =>
  `v1.${kid}.${bytes.toString('base64url')}`
const bytesOf = (sealed: string): Buffer => Buffer.from(sealed.split('.')[2] ?? '', 'base64url')

test.each(['', 'a', SECRET, 'ünïcödé 🔑', 'x'.repeat(65_536)])(
  'a sealed value opens to what it was (%#)',
  (plain) => {
    expect(text(seal(key, place, plain))).toBe(plain)
  },
)

test('bytes come back as they were, also those that are no text', () => {
  const bytes = randomBytes(1_000)
  expect(open([key], place, seal(key, place, bytes)).equals(bytes)).toBe(true)
})

test('the format is the published one: a vector made elsewhere opens', () => {
  const vector = {
    key: { id: 'k_test1', key: Buffer.from([...Array(32).keys()]) },
    place: { purpose: 'whatsapp_accounts|access_token', org: 'org_1', row: 'wa_1' },
    sealed: 'v1.k_test1.AAECAwQFBgcICQoLAkOXWeiGo3XsM-6mxYYTCO37twTASmha_taeNON-k7sxUmayrRU',
  }
  expect(open([vector.key], vector.place, vector.sealed).toString()).toBe(SECRET)
})

test.each([
  ['another organization', { ...place, org: 'org_2' }],
  ['another row', { ...place, row: 'row_2' }],
  ['another column', { ...place, purpose: 'connections|app_secret' }],
  ['another table', { ...place, purpose: 'templates|access_token' }],
  ['no column', { ...place, purpose: 'connections' }],
])('a value moved to %s does not open', (_where, moved) => {
  expect(() => text(envelope, [key], moved)).toThrow(SealError)
})

test('a flipped bit at any position does not open', () => {
  const bytes = bytesOf(envelope)
  for (let at = 0; at < bytes.length; at++) {
    const flipped = Buffer.from(bytes)
    flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 8))
    expect(() => text(envelopeOf(flipped))).toThrow(SealError)
  }
})

test('an altered character at any position of the envelope does not open', () => {
  for (let at = 0; at < envelope.length; at++) {
    const other = envelope[at] === 'A' ? 'B' : 'A'
    const altered = envelope.slice(0, at) + other + envelope.slice(at + 1)
    expect(() => text(altered)).toThrow(SealError)
  }
})

test.each([15, 12, 8, 4, 0])('a tag cut to %i bytes does not open', (bytes) => {
  const whole = bytesOf(envelope)
  const cut = whole.subarray(0, whole.length - 16 + bytes)
  expect(() => text(envelopeOf(cut))).toThrow(SealError)
})

test.each([
  ['nothing', ''],
  ['plain text', SECRET],
  ['an unknown version', envelope.replace('v1.', 'v2.')],
  ['a fourth part', `${envelope}.x`],
  ['no body', 'v1.k_test1.'],
  ['only a nonce and a tag cut short', envelopeOf(Buffer.alloc(27))],
  ['bytes in another spelling', `${envelope}==`],
  ['bytes with something that is skipped', envelope.replace(/.$/, '!$&')],
])('%s does not open', (_what, sealed) => {
  expect(() => text(sealed)).toThrow(SealError)
})

test('a key id nobody knows does not open, whatever other keys there are', () => {
  const other = { id: 'k_other', key: randomBytes(32) }
  expect(() => text(envelope, [other])).toThrow(SealError)
  expect(() => text(envelope, [])).toThrow(SealError)
})

test('the right id with another key behind it does not open', () => {
  expect(() => text(envelope, [{ ...key, key: randomBytes(32) }])).toThrow(SealError)
})

test('a retired key still opens beside the one that seals', () => {
  const next = { id: 'k_test2', key: randomBytes(32) }
  expect(text(envelope, [next, key])).toBe(SECRET)
})

test.each([
  { ...place, org: 'a|b' },
  { ...place, row: 'a.b' },
  { ...place, purpose: 'a|b|c' },
  { ...place, row: '' },
  { ...place, org: 'org 1' },
])('a place that could be read as another is refused before sealing (%#)', (bad) => {
  expect(() => seal(key, bad, SECRET)).toThrow(SealError)
})

test('the same text sealed twice looks different, and no nonce comes twice', () => {
  const nonces = new Set(
    Array.from({ length: 5_000 }, () => bytesOf(seal(key, place, 'x')).toString('hex', 0, 12)),
  )
  expect(nonces.size).toBe(5_000)
})

test('an error says nothing of the value', () => {
  const error = (() => {
    try {
      return text(envelope.slice(0, -4))
    } catch (thrown) {
      return thrown as Error
    }
  })()
  expect(error).toBeInstanceOf(SealError)
  expect(`${String(error)} ${JSON.stringify(error)}`).not.toContain(envelope.slice(20, 30))
})

const masterKey = (id: string, fill: string): string =>
  `${id}:${Buffer.alloc(32, fill).toString('base64')}`
const vaultOf = (keys: string): ReturnType<typeof openVault> => openVault(parseMasterKeys(keys))

test('a data key is random, wrapped under the first master key, and bound to its organization', () => {
  const vault = vaultOf(`${masterKey('m2', 'second ')},${masterKey('m1', 'first ')}`)
  const one = vault.newDataKey('org_1')
  const two = vault.newDataKey('org_1')
  expect(one.key.key.equals(two.key.key)).toBe(false)
  expect(one.wrappedBy).toBe('m2')
  expect(vault.unwrap('org_1', one.key.id, one.wrapped)).toEqual(one.key)
  expect(() => vault.unwrap('org_2', one.key.id, one.wrapped)).toThrow(SealError)
  expect(() => vault.unwrap('org_1', two.key.id, one.wrapped)).toThrow(SealError)
})

test('after a change of the master key old data keys open while the old one is listed, and not after', () => {
  const { key: dataKey, wrapped } = vaultOf(masterKey('m1', 'first ')).newDataKey('org_1')
  const both = vaultOf(`${masterKey('m2', 'second ')},${masterKey('m1', 'first ')}`)
  expect(both.unwrap('org_1', dataKey.id, wrapped)).toEqual(dataKey)
  const after = vaultOf(masterKey('m2', 'second '))
  expect(() => after.unwrap('org_1', dataKey.id, wrapped)).toThrow(SealError)
})

test('derived keys differ by purpose and are never the master key', () => {
  const vault = vaultOf(masterKey('m1', 'first '))
  const session = vault.derive('session')
  expect(session).toHaveLength(32)
  expect(session.equals(vault.derive('session'))).toBe(true)
  expect(session.equals(vault.derive('throttle'))).toBe(false)
  expect(vault.instance.some((master) => master.key.equals(session))).toBe(false)
})
