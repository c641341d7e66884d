import crypto, { randomBytes } from 'node:crypto'
import { rows } from '../../src/db.ts'
import { openMeter, SEAL_LIMITS, type SealLimits } from '../../src/key-usage.ts'
import { sealFor } from '../../src/keys.ts'
import { openLog } from '../../src/log.ts'
import { replaceOverused } from '../../src/ops/due-keys.ts'
import { keyUsage } from '../../src/ops/key-status.ts'
import { openChunks, sealChunks } from '../../src/privacy/sealed-file.ts'
import { openResources, type Resources } from '../../src/resources.ts'
import { keyIdOf, KeySpent, seal, SealError } from '../../src/vault.ts'
import { startApp, type Running } from '../support/app.ts'
import { newZip } from '../support/exports.ts'
import type { Org } from '../support/org.ts'
import { readFile, writeFile } from 'node:fs/promises'

const place = { purpose: 'connections|access_token', org: 'org_1', row: 'row_1' }
const key = { id: 'k1', key: randomBytes(32) }
const nonceOf = (envelope: string): Buffer =>
  Buffer.from(envelope.split('.')[2] ?? '', 'base64url').subarray(0, 12)

describe('P26 — no nonce comes twice, and none can be foretold', () => {
  const SEALS = 1_000_000

  test('a million seals of one text have a million nonces of 96 bits, each bit as often 1 as 0', () => {
    const seen = new Set<string>()
    const ones = new Float64Array(96)
    for (let n = 0; n < SEALS; n++) {
      const body = Buffer.from(seal(key, place, 'x').slice('v1.k1.'.length), 'base64url')
      if (body.length !== 12 + 1 + 16) throw new Error(`${body.length} bytes`)
      seen.add(body.toString('latin1', 0, 12))
      if (n % 16 === 0)
        for (let bit = 0; bit < 96; bit++)
          ones[bit] = (ones[bit] ?? 0) + (((body[bit >> 3] ?? 0) >> (bit & 7)) & 1)
    }
    expect(seen.size).toBe(SEALS)
    // Twenty standard deviations: a counter or a clock leaves its high bits still.
    const looked = SEALS / 16
    expect([...ones].filter((count) => Math.abs(count / looked - 0.5) > 0.04)).toEqual([])
  }, 60_000)

  test('each is taken from the system’s generator, and when that fails nothing is sealed', () => {
    const drawn: Buffer[] = []
    const fill = jest.spyOn(crypto, 'randomFillSync').mockImplementation(((bytes: Buffer) => {
      randomBytes(bytes.length).copy(bytes)
      drawn.push(Buffer.from(bytes))
      return bytes
    }) as typeof crypto.randomFillSync)
    const nonces = Array.from({ length: 600 }, () => nonceOf(seal(key, place, 'x')))
    const all = Buffer.concat(drawn).toString('latin1')
    expect(drawn.length).toBeGreaterThan(1)
    expect(nonces.slice(-256).filter((one) => !all.includes(one.toString('latin1')))).toEqual([])
    fill.mockImplementation(() => {
      throw new Error('no entropy')
    })
    const sealAll = (): void => {
      for (let n = 0; n < 300; n++) seal(key, place, 'x')
    }
    expect(sealAll).toThrow('no entropy')
    expect(sealAll).toThrow('no entropy')
    fill.mockRestore()
  })

  test('the same text twice is two envelopes, and no purpose shares its key with another', async () => {
    expect(seal(key, place, 'x')).not.toBe(seal(key, place, 'x'))
    const app = await startApp({ workers: false })
    const names = [
      'session',
      'throttle',
      'suppressions',
      'certificates',
      'meta_codes',
      'dead_letters',
    ]
    const keys = names.map((name) => app.on.vault.derive(name).toString('hex'))
    const sealing = app.on.vault.instance.map((one) => one.key.toString('hex'))
    expect(new Set([...keys, ...sealing]).size).toBe(names.length + sealing.length)
    await app.stop()
  })

  test('a long file is sealed in pieces of a MiB, each with a nonce of its own, in their order and to the end', async () => {
    const file = newZip()
    const lines: string[] = []
    const chunks = sealChunks(key, place, (bytes) =>
      Promise.resolve(void lines.push(String(bytes))),
    )
    await chunks.write(randomBytes(2_500_000))
    await chunks.end()
    expect(lines).toHaveLength(3)
    expect(new Set(lines.map((line) => nonceOf(line).toString('hex'))).size).toBe(3)
    const opened = async (order: string[]): Promise<number> => {
      await writeFile(file, order.join(''))
      let bytes = 0
      for await (const part of openChunks([key], place, file)) bytes += part.length
      return bytes
    }
    const [a = '', b = '', c = ''] = lines
    expect(await opened([a, b, c])).toBe(2_500_000)
    for (const wrong of [
      [b, a, c],
      [a, c],
      [a, b],
      [a, a, b, c],
    ])
      await expect(opened(wrong)).rejects.toThrow(SealError)
    expect((await readFile(file)).length).toBeGreaterThan(0)
  })
})

describe('P26 — no key is overused', () => {
  let app: Running
  const open: Resources[] = []
  beforeAll(async () => {
    app = await startApp({ workers: false })
  })
  afterAll(async () => {
    for (const on of open) await on.close()
    await app.stop()
  })

  /** Another process, in which a key may seal so often. */
  async function processWith(seals: SealLimits): Promise<Resources> {
    const given = { log: openLog('silent'), queuePrefix: app.queuePrefix, seals }
    const on = await openResources(app.on.config, given)
    open.push(on)
    return on
  }
  const sealIn = (on: Resources, org: Org): Promise<string> =>
    on.db.withTenant(org.id, (tx) => sealFor(on, tx, { ...place, org: org.id }, 'x')).then(keyIdOf)
  const usage = async (org: Org): Promise<Record<string, number>> => {
    const found = await app.on.db.withSystem((tx) =>
      rows<{ kid: string; seals: number }>(
        tx,
        'select kid, seals::int from key_usage where org_id = ? order by kid',
        [org.id],
      ),
    )
    return Object.fromEntries(found.map(({ kid, seals }) => [kid, seals]))
  }

  test('ten uses allowed: the eleventh seal has a new key, which is there when it is opened', async () => {
    const { org, fresh } = await freshOrg()
    const on = await processWith({ most: 10, block: 4 })
    const used: string[] = []
    for (let n = 0; n < 11; n++) used.push(await sealIn(on, org))
    expect(new Set(used.slice(0, 10))).toEqual(new Set([fresh]))
    expect(used[10]).not.toBe(fresh)
    const keys = await app.on.db.withTenant(org.id, (tx) => {
      app.on.keys.forget(org.id)
      return app.on.keys.of(tx, org.id)
    })
    expect(keys[0]?.id).toBe(used[10])
    expect(keys.map(({ id }) => id)).toContain(fresh)
  })

  /** An organization without a number, for which no process sets anything aside unasked, and its unused key. */
  async function freshOrg(): Promise<{ org: Org; fresh: string }> {
    const org = await app.org()
    await app.on.db.withTenant(org.id, (tx) =>
      rows(tx, 'delete from connections where org_id = ?', [org.id]),
    )
    await app.on.directory.refresh()
    await app.on.keys.replace(org.id, (await active(org)) ?? '')
    return { org, fresh: (await active(org)) ?? '' }
  }
  const active = async (org: Org): Promise<string | undefined> => {
    app.on.keys.forget(org.id)
    const keys = await app.on.db.withTenant(org.id, (tx) => app.on.keys.of(tx, org.id))
    return keys[0]?.id
  }

  test('processes side by side seal no more often with one key than it allows', async () => {
    const { org, fresh } = await freshOrg()
    const both = await Promise.all([1, 2].map(() => processWith({ most: 30, block: 4 })))
    const kids = (
      await Promise.all(
        both.map(async (on) => {
          const mine: string[] = []
          for (let n = 0; n < 25; n++) mine.push(await sealIn(on, org))
          return mine
        }),
      )
    ).flat()
    const count = (kid: string): number => kids.filter((one) => one === kid).length
    expect(kids).toHaveLength(50)
    expect(count(fresh)).toBeLessThanOrEqual(30)
    for (const [kid, seals] of Object.entries(await usage(org))) {
      expect(seals).toBeLessThanOrEqual(kid === fresh ? 30 : SEAL_LIMITS.most)
      expect(count(kid)).toBeLessThanOrEqual(seals)
    }
  })

  test('a process that dies loses what it set aside, and nobody gets it again', async () => {
    const { org, fresh } = await freshOrg()
    const first = await processWith({ most: 1_000, block: 100 })
    await sealIn(first, org)
    const before = (await usage(org))[fresh] ?? 0
    expect(before).toBe(100)
    const second = await processWith({ most: 1_000, block: 100 })
    await sealIn(second, org)
    expect((await usage(org))[fresh]).toBe(200)
  })

  test('nothing is sealed that was not set aside, whoever asks', async () => {
    const meter = openMeter(app.on.pool, openLog('silent'), { most: 100, block: 10 })
    const org = await app.org()
    const counted = { ...key, uses: meter.usesOf({ org: org.id, kid: 'k_new' }) }
    expect(() => seal(counted, place, 'x')).toThrow(KeySpent)
    expect(() => seal(counted, place, 'x')).toThrow(KeySpent)
    expect(await counted.uses.more()).toBe(true)
    for (let n = 0; n < 4; n++) seal(counted, place, 'x')
    expect((await usage(org))['k_new']).toBe(10)
  })

  test('three quarters used up, a new key is made without waiting for the last quarter', async () => {
    const { org, fresh } = await freshOrg()
    const on = await processWith({ most: 40, block: 10 })
    for (let n = 0; n < 24; n++) await sealIn(on, org)
    await on.keys.meter.provide([{ org: org.id, kid: fresh }])
    expect((await usage(org))[fresh]).toBeGreaterThanOrEqual(30)
    expect(await replaceOverused(on)).toBeGreaterThan(0)
    expect(await active(org)).not.toBe(fresh)
    expect(await sealIn(on, org)).not.toBe(fresh)
  })

  test('the limit is far below what the nonces allow, and how close anybody is can be asked', async () => {
    expect(SEAL_LIMITS.most).toBe(2 ** 28)
    const { seals, percent } = await keyUsage(app.on)
    expect(seals).toBeGreaterThan(0)
    expect(percent).toBeCloseTo((100 * seals) / 2 ** 28, 10)
  })
})
