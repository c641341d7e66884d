import { OPERATOR } from '../../src/audit/audit.ts'
import { listAudit } from '../../src/audit/log.ts'
import { ConfigError } from '../../src/config.ts'
import { changeSecrets } from '../../src/connections/changes.ts'
import { rows, type Tx } from '../../src/db.ts'
import { openFor, sealFor } from '../../src/keys.ts'
import { previewDataKeys, rotateDataKey } from '../../src/ops/data-key.ts'
import { tendKeys } from '../../src/ops/due-keys.ts'
import { previewMasterKey, rotateMasterKey } from '../../src/ops/master-key.ts'
import { checkMasterKeys } from '../../src/ops/master-probe.ts'
import { listSealed } from '../../src/ops/sealed-columns.ts'
import { requestExport } from '../../src/privacy/exports.ts'
import { manifest } from '../../src/privacy/manifest.ts'
import { sweepRetention } from '../../src/privacy/retention.ts'
import { openResources, type Resources } from '../../src/resources.ts'
import type { SealingKey } from '../../src/vault.ts'
import { BACKENDS, startApp, type Running } from '../support/app.ts'
import { sealedBody } from '../support/inbound.ts'
import { messageOf, messagesBody, newCustomer } from '../support/meta.ts'
import type { Org } from '../support/org.ts'
import { run } from '../support/product.ts'
import { talkOf } from '../support/exports.ts'
import { fillInstance, fillSealed, sealedOf, writtenDuring } from '../support/sealed.ts'
import { secretsKnown } from '../support/known.ts'

jest.setTimeout(60_000)

const DAY = 86_400_000
let app: Running
const others: Resources[] = []
beforeAll(async () => {
  app = await startApp({ workers: false, backend: BACKENDS.at(-1) ?? 'postgres' })
})
afterAll(async () => {
  for (const other of others) await other.close()
  await app.stop()
})

const as = <T>(org: Org, work: (tx: Tx) => Promise<T>): Promise<T> =>
  app.on.db.withTenant(org.id, work)
const later = (days: number): Date => new Date(Date.now() + days * DAY)
const rotate = (org: Org, now = new Date()) => rotateDataKey(app.on, org.id, { by: OPERATOR, now })
const kids = async (org: Org): Promise<string[]> =>
  (await as(org, (tx) => app.on.keys.of(tx, org.id))).map(({ id }) => id)
/** A second process on the same database, with these master keys. */
async function processWith(masterKeys: SealingKey[]): Promise<Resources> {
  const on = await openResources(
    { ...app.on.config, masterKeys },
    { log: app.on.log, queuePrefix: app.queuePrefix },
  )
  others.push(on)
  return on
}

describe('P27 — a data key is changed while people work', () => {
  test('a key that is a year old is changed by the sweep of the night, a younger one is not', async () => {
    const org = await app.org()
    const [old] = await kids(org)
    await tendKeys(app.on, org.id, later(364))
    expect((await kids(org))[0]).toBe(old)
    await sweepRetention(app.on, later(366))
    expect((await kids(org))[0]).not.toBe(old)
  })

  test('every sealed column there is comes along, and the old key goes once nothing needs it', async () => {
    const org = await app.org()
    await fillSealed(app, org)
    const before = await sealedOf(app.on, org.id)
    const declared = manifest.tables.flatMap(({ table, columns }) =>
      Object.entries(columns)
        .filter(([, { sealed }]) => sealed === 'gcm_org')
        .map(([column]) => `${table}.${column}`),
    )
    expect([...new Set(before.map(({ column }) => column))].toSorted()).toEqual(declared.toSorted())
    const [old = ''] = await kids(org)
    const place = { purpose: 'probe', org: org.id, row: 'kept' }
    const copy = await as(org, (tx) => sealFor(app.on, tx, place, 'a copy'))

    const done = await rotate(org)
    expect([done.left, done.retired, done.destroyed]).toEqual([{}, [old], []])
    const after = await sealedOf(app.on, org.id)
    expect(after.filter(({ kid, opens }) => kid !== done.data_key || !opens)).toEqual([])
    expect(after).toHaveLength(before.length)

    // A day later nobody can have used it without our knowing.
    await tendKeys(app.on, org.id, later(1.01))
    expect(await kids(org)).toEqual([done.data_key])
    await expect(as(org, (tx) => openFor(app.on, tx, place, copy))).rejects.toThrow('does not open')
    const acts = await as(org, (tx) => listAudit(tx, org.id, { limit: 50 }))
    expect(acts.map(({ action }) => action)).toEqual(
      expect.arrayContaining(['keys.destroyed', 'keys.rotated']),
    )
  })

  test('nothing that is written meanwhile is lost, and all of it is under the new key in the end', async () => {
    const org = await app.org()
    const other = await processWith(app.on.config.masterKeys)
    await talkOf(app, org, 1)
    const [row] = await as(org, (tx) =>
      rows<{ id: string }>(tx, 'select id from messages where org_id = ?', [org.id]),
    )
    const place = { purpose: 'messages|raw', org: org.id, row: row?.id ?? '' }
    const day = { isOver: false }
    const work = async (write: (text: string) => Promise<void>): Promise<string> => {
      let n = 0
      for (; !day.isOver || n === 0; n++) await write(`text_${n}`)
      return `text_${n - 1}`
    }
    const written = [
      work((text) =>
        as(org, async (tx) => {
          const raw = await sealFor(app.on, tx, place, text)
          await rows(tx, 'update messages set raw = ? where org_id = ? and id = ?', [
            raw,
            org.id,
            place.row,
          ])
        }),
      ),
      work((verifyToken) => changeSecrets(other, org.id, org.connection.id, { verifyToken })),
    ]
    for (let n = 0; n < 3; n++) await rotate(org)
    day.isOver = true
    const [raw = '', token = ''] = await Promise.all(written)
    await tendKeys(app.on, org.id, later(1.01))
    const [active] = await kids(org)
    const values = await sealedOf(app.on, org.id)
    expect(values.filter(({ kid, opens }) => kid !== active || !opens)).toEqual([])
    expect(await kids(org)).toEqual([active])
    await other.directory.refresh()
    expect(secretsKnown({ on: other }, org.connection.id)[1]).toBe(token)
    const [kept] = await as(org, (tx) =>
      rows<{ raw: string }>(tx, 'select raw from messages where org_id = ?', [org.id]),
    )
    const text = await as(org, (tx) => openFor(app.on, tx, place, kept?.raw ?? ''))
    expect(text.toString()).toBe(raw)
  })

  test('a value that is written at the very moment it is sealed anew stays what its writer made it', async () => {
    const org = await app.org()
    await talkOf(app, org, 1)
    expect(await writtenDuring(app, org, () => rotate(org))).toBe('the newer text')
  })

  test('what waits in the queue and in files holds the old key back until it is gone', async () => {
    const org = await app.org()
    const ana = newCustomer()
    const body = messagesBody(org.connection, ana, messageOf(ana, 'waits'))
    await app.on.queues.addInbound([sealedBody(app.on, org.connection, body)])
    const [old = ''] = await kids(org)
    await requestExport(app.on, { kind: 'org', org: org.id }, org.owner.id)
    const done = await rotate(org, later(2))
    expect([done.left, done.retired]).toEqual([{ queues: 1, files: 1 }, [old]])
    await app.on.queues.forget(org.id)
    await app.on.db.withSystem((tx) =>
      rows(tx, `update exports set state = 'expired' where org_id = ?`, [org.id]),
    )
    await tendKeys(app.on, org.id, later(2))
    expect(await kids(org)).toEqual([done.data_key])
  })

  test('killed anywhere, the next run ends where it would have ended', async () => {
    const org = await app.org()
    await fillSealed(app, org)
    const { withTenant, withSystem } = app.on.db
    let points = 0
    for (let isWhole = false; !isWhole; points += 1 + (points >> 1)) {
      let calls = 0
      // Others go on in the background; the process that dies is the one that changes the key.
      const orDie = (): (() => void) => {
        const isOurs = /\/src\/(ops|privacy\/export-plan)/.test(new Error().stack ?? '')
        return () => {
          if (isOurs && calls++ === points) throw new Error('killed')
        }
      }
      app.on.db.withTenant = async (id, work) => withTenant(id, work).finally(orDie())
      app.on.db.withSystem = async (work) => withSystem(work).finally(orDie())
      isWhole = await rotate(org).then(
        () => true,
        (error: Error) => {
          if (error.message !== 'killed') throw error
          return false
        },
      )
      Object.assign(app.on.db, { withTenant, withSystem })
      app.on.keys.forget(org.id)
    }
    expect(points).toBeGreaterThan(15)
    await tendKeys(app.on, org.id, later(2))
    const [active, ...more] = await kids(org)
    expect(more).toEqual([])
    const values = await sealedOf(app.on, org.id)
    expect(values.length).toBeGreaterThan(7)
    expect(values.filter(({ kid, opens }) => kid !== active || !opens)).toEqual([])
  })

  test('two at once: one waits for the other', async () => {
    const org = await app.org()
    const lines = app.lines.length
    const [a, b] = await Promise.all([rotate(org), rotate(org)])
    expect(a.data_key).not.toBe(b.data_key)
    expect(app.lines.slice(lines).join('')).toContain('waiting for another change of keys')
    expect(new Set((await sealedOf(app.on, org.id)).map(({ kid }) => kid)).size).toBe(1)
  })

  test('a dry run counts and changes nothing', async () => {
    const org = await app.org()
    await fillSealed(app, org)
    const before = [await sealedOf(app.on, org.id), await kids(org)]
    const { would_reseal } = await previewDataKeys(app.on, org.id)
    expect(would_reseal).toMatchObject({ 'connections.access_token': 1, 'dead_letters.body': 1 })
    const next = { id: 'm9', key: Buffer.alloc(32, 'another master ') }
    const preview = await previewMasterKey(await processWith([next, ...app.on.config.masterKeys]))
    expect(preview.rewrapped).toBeGreaterThan(0)
    expect([await sealedOf(app.on, org.id), await kids(org)]).toEqual(before)
  })
})

describe('P27 — the master key', () => {
  const last = () => app.on.config.masterKeys

  test('leaves what it sealed to a new one, wherever that lies', async () => {
    const columns = new Set(
      (await listSealed(app.on, null)).map(({ table, column }) => `${table}.${column}`),
    )
    const declared = manifest.tables.flatMap(({ table, columns: all }) =>
      Object.entries(all).flatMap(([column, { sealed }]) =>
        sealed === 'gcm_instance' ? [`${table}.${column}`] : [],
      ),
    )
    expect(declared.filter((name) => !columns.has(name))).toEqual([
      'org_keys.wrapped',
      'master_keys.probe',
    ])
    const filled = await fillInstance(app)
    const next = { id: 'm2', key: Buffer.alloc(32, 'the next master ') }
    const both = await processWith([next, ...last()])
    await checkMasterKeys(both)
    const done = await rotateMasterKey(both, OPERATOR)
    expect(done.left).toEqual({ data_keys: 0 })
    expect(Object.keys(done.resealed).toSorted()).toEqual(filled.toSorted())
    await checkMasterKeys(await processWith([next]))
    await rotateMasterKey(await processWith([...last(), next]), OPERATOR)
  })

  test('is known again: another one of its name, and a list that lacks it, stop the start', async () => {
    await app.org()
    await checkMasterKeys(app.on)
    const [{ id } = { id: '' }] = last()
    const wrong = { id, key: Buffer.alloc(32, 'not the master ') }
    const refused = async (keys: SealingKey[]): Promise<string> =>
      checkMasterKeys(await processWith(keys)).then(
        () => '',
        (error: Error) =>
          error instanceof ConfigError ? error.message : `surprise: ${error.message}`,
      )
    expect(await refused([wrong])).toMatch(/^CHATFLOW_MASTER_KEY: test is not the key of this name/)
    const newcomer = { id: 'm7', key: Buffer.alloc(32, 'newcomer ') }
    expect(await refused([newcomer])).toMatch(
      /^CHATFLOW_MASTER_KEY lacks test, which still wraps \d+/,
    )
    expect(await refused([newcomer, ...last()])).toBe('')
    expect(await refused([{ ...newcomer, key: Buffer.alloc(32, 'other ') }, ...last()])).toMatch(
      /m7 is not the key of this name/,
    )
  })

  test('that is wrong ends the process before it serves anything', async () => {
    await app.org()
    const product = run('worker.ts', [], {
      env: {
        DATABASE_URL: app.on.config.DATABASE_URL,
        CHATFLOW_MASTER_KEY: `test:${Buffer.alloc(32, 'not the master ').toString('base64')}`,
        WORKER_QUEUES: 'mail',
      },
    })
    expect(await product.ended).toBe(1)
    const [line = '', ...more] = product.stderr().trim().split('\n')
    expect(line).toMatch(/CHATFLOW_MASTER_KEY: test is not the key/)
    expect(more).toEqual([])
    expect(product.stdout()).not.toContain('ready')
  })

  test('an organization that is being purged keeps what the purge will destroy', async () => {
    const org = await app.org()
    await as(org, (tx) =>
      rows(tx, `update organizations set status = 'purging' where org_id = ?`, [org.id]),
    )
    await expect(rotate(org)).rejects.toMatchObject({ status: 404 })
  })
})
