import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { decipher, encipher } from '../../src/aead.ts'
import { rows } from '../../src/db.ts'
import { accessTokenOf, createConnection } from '../../src/connections/connections.ts'
import { countUnsealed, unsealedCount } from '../../src/ops/unsealed.ts'
import { manifest } from '../../src/privacy/manifest.ts'
import { sweepRetention } from '../../src/privacy/retention.ts'
import { ROOT } from '../../src/root.ts'
import { open, seal, SealError, type Place, type SealingKey } from '../../src/vault.ts'
import { startApp, type Running } from '../support/app.ts'
import { newCanary, searchDump, type Dump } from '../support/canaries.ts'
import { fillSealed } from '../support/sealed.ts'

const hex = (text: string): Buffer => Buffer.from(text, 'hex')

/** Test cases 13 to 16 of "The Galois/Counter Mode of Operation" by McGrew and Viega, those with keys of 256 bits. */
const PUBLISHED = [
  {
    key: '00'.repeat(32),
    nonce: '00'.repeat(12),
    aad: '',
    plain: '',
    sealed: '530f8afbc74536b9a963b4f1c4cb738b',
  },
  {
    key: '00'.repeat(32),
    nonce: '00'.repeat(12),
    aad: '',
    plain: '00'.repeat(16),
    sealed: 'cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919',
  },
  {
    key: 'feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308',
    nonce: 'cafebabefacedbaddecaf888',
    aad: '',
    plain:
      'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255',
    sealed:
      '522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015adb094dac5d93471bdec1a502270e3cc6c',
  },
  {
    key: 'feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308',
    nonce: 'cafebabefacedbaddecaf888',
    aad: 'feedfacedeadbeeffeedfacedeadbeefabaddad2',
    plain:
      'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39',
    sealed:
      '522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b',
  },
]

describe('P25 — a credential is sealed with AES-256-GCM and bound to its place', () => {
  test.each(PUBLISHED)('the published vectors come out (%#)', ({ plain, sealed, ...given }) => {
    const by = { key: hex(given.key), nonce: hex(given.nonce), aad: hex(given.aad) }
    expect(encipher(by, hex(plain)).toString('hex')).toBe(sealed)
    expect(decipher(by, hex(sealed)).toString('hex')).toBe(plain)
  })

  test('an envelope is made of these and of nothing else, letter by letter', () => {
    const vector = {
      key: Buffer.from([...Array(32).keys()]),
      nonce: hex('000102030405060708090a0b'),
      aad: Buffer.from('whatsapp_accounts|access_token|org_1|wa_1|k_test1'),
    }
    const body = Buffer.concat([vector.nonce, encipher(vector, 'EAAB-canary-token-0001')])
    const envelope = `v1.k_test1.${body.toString('base64url')}`
    expect(envelope).toBe(
      'v1.k_test1.AAECAwQFBgcICQoLAkOXWeiGo3XsM-6mxYYTCO37twTASmha_taeNON-k7sxUmayrRU',
    )
    const at = { purpose: 'whatsapp_accounts|access_token', org: 'org_1', row: 'wa_1' }
    expect(open([{ id: 'k_test1', key: vector.key }], at, envelope).toString()).toBe(
      'EAAB-canary-token-0001',
    )
  })

  test('a nonce can be chosen by nobody but the vault', () => {
    const users = readdirSync(path.join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .filter((file) =>
        /aead\.ts'|createCipheriv/.test(readFileSync(path.join(ROOT, 'src', file), 'utf8')),
      )
    expect(users.toSorted()).toEqual(['aead.ts', 'privacy/spool.ts', 'vault.ts'])
  })

  const key: SealingKey = { id: 'k1', key: randomBytes(32) }
  const place: Place = { purpose: 'connections|access_token', org: 'org_1', row: 'row_1' }
  const sealed = seal(key, place, 'canary-token')
  const bytes = Buffer.from(sealed.split('.')[2] ?? '', 'base64url')
  const opened = (body: Buffer, at = place, kid = 'k1'): string =>
    open([key, { ...key, id: 'k3' }], at, `v1.${kid}.${body.toString('base64url')}`).toString()

  test('it opens in its place, and not in another row, column, table or organization', () => {
    expect(opened(bytes)).toBe('canary-token')
    for (const moved of [
      { ...place, row: 'row_2' },
      { ...place, org: 'org_2' },
      { ...place, purpose: 'connections|app_secret' },
      { ...place, purpose: 'templates|access_token' },
    ])
      expect(() => opened(bytes, moved)).toThrow(SealError)
    // The name of the key is part of the place, also where the same bytes have another name.
    expect(() => opened(bytes, place, 'k3')).toThrow(SealError)
  })

  test('each single bit of nonce, ciphertext and tag counts', () => {
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = Buffer.from(bytes)
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      expect(() => opened(flipped)).toThrow(SealError)
    }
  })

  test.each([15, 12, 8, 4, 0])('a tag cut to %i bytes does not open', (length) => {
    expect(() => opened(bytes.subarray(0, bytes.length - 16 + length))).toThrow(SealError)
  })

  test('a true tag that is only shorter is none', () => {
    const [{ sealed: tag, ...given } = { sealed: '', key: '', nonce: '', aad: '' }] = PUBLISHED
    const by = { key: hex(given.key), nonce: hex(given.nonce), aad: hex(given.aad) }
    expect(decipher(by, hex(tag))).toHaveLength(0)
    for (const length of [12, 8, 4])
      expect(() => decipher(by, hex(tag).subarray(0, length))).toThrow('tag')
  })

  test('what opens is authentic before a byte of it is shown', () => {
    const broken = Buffer.from(bytes)
    broken[broken.length - 1] = (broken.at(-1) ?? 0) ^ 1
    const seen = (() => {
      try {
        return opened(broken)
      } catch (error) {
        return JSON.stringify(error) + (error as Error).message
      }
    })()
    expect(seen).not.toContain('canary')
  })

  test.each(['a|b', 'a.b', '', 'ä'])('a part such as “%s” is refused before sealing', (part) => {
    expect(() => seal(key, { ...place, row: part }, 'x')).toThrow(SealError)
  })
})

describe('P25 — in a live database', () => {
  let app: Running
  let login: pg.Client
  beforeAll(async () => {
    app = await startApp({ workers: false })
    login = new pg.Client({ connectionString: app.on.config.DATABASE_URL })
    await login.connect()
  })
  afterAll(async () => {
    await login.end()
    await app.stop()
  })

  /** Every row of every table, as text. */
  async function everything(): Promise<Dump> {
    const dump: Dump = new Map()
    const { rows: tables } = await login.query<{ name: string }>(
      `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname in ('app', 'jobs')`,
    )
    for (const { name } of tables) {
      const { rows: found } = await login.query<{ text: string }>(
        `select t::text as text from ${name} t`,
      )
      dump.set(name, Buffer.from(found.map(({ text }) => text).join('\n')))
    }
    return dump
  }

  test('every value that has to be sealed is an envelope, and what it says is nowhere else', async () => {
    const org = await app.org()
    await fillSealed(app, org)
    const [accessToken, appSecret, verifyToken] = [newCanary(), newCanary(), newCanary()]
    const made = { accessToken, appSecret, verifyToken, phoneNumberId: '4711', wabaId: '4712' }
    const { id } = await createConnection(app.on, org.id, made)
    const counts = await countUnsealed(app.on, org.id)
    const secret = manifest.tables.flatMap(({ table, columns }) =>
      Object.entries(columns).flatMap(([column, { sealed }]) =>
        sealed === 'gcm_org' ? [`${table}.${column}`] : [],
      ),
    )
    expect(Object.keys(counts).toSorted()).toEqual(secret.toSorted())
    for (const [name, { values, unsealed }] of Object.entries(counts))
      expect([name, values > 0, unsealed]).toEqual([name, true, 0])
    expect(await unsealedCount(app.on)).toMatchObject({ unsealed: 0 })
    const secrets = [accessToken, appSecret, verifyToken]
    expect(searchDump(await everything(), secrets)).toEqual([])
    const token = await app.on.db.withTenant(org.id, (tx) => accessTokenOf(app.on, tx, org.id, id))
    expect(token.reveal('call_graph')).toBe(accessToken)
  })

  test('a secret that somebody put there in clear is counted, and the sweep says so', async () => {
    const org = await app.org()
    await app.on.db.withTenant(org.id, (tx) =>
      rows(tx, `update connections set app_secret = ? where org_id = ?`, [newCanary(), org.id]),
    )
    expect((await countUnsealed(app.on, org.id))['connections.app_secret']).toEqual({
      values: 1,
      unsealed: 1,
    })
    const { overdue } = await sweepRetention(app.on, new Date())
    expect(overdue).toContain('sealed')
    expect(app.lines.join('')).toMatch(/connections\.app_secret.+values that are not sealed/)
  })
})
