import { randomBytes } from 'node:crypto'
import { rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import pg from 'pg'
import { SYSTEM } from '../../src/audit/audit.ts'
import { advanceDue } from '../../src/deletions/advance.ts'
import { findDeletion } from '../../src/deletions/deletion.ts'
import { requestDeletion } from '../../src/deletions/request.ts'
import { startServer, type Server } from '../../src/embedded/cluster.ts'
import { migrate } from '../../src/migrate.ts'
import { manifest } from '../../src/privacy/manifest.ts'
import { BACKENDS, startApp, type Running } from '../support/app.ts'
import { dumpAll, searchDump, type Dump } from '../support/canaries.ts'
import { plant, settle, type Place } from '../support/planting.ts'
import type { Ids } from '../support/rows.ts'

jest.setTimeout(180_000)

/**
 * The whole installation in one folder, as `npm start` has it: the files of its own PostgreSQL, its log and its write-ahead log lie
 * in DATA_DIR. What is searched is every byte of that folder, a copy of every table, every key of Redis and every line of the log.
 */
describe('an organization is deleted, and every byte is looked at afterwards', () => {
  const folder = path.join(os.tmpdir(), `chatflow-drill-${randomBytes(6).toString('hex')}`)
  const opened: Place[] = []
  let server: Server
  beforeAll(async () => {
    const logFile = path.join(folder, 'postgres.log')
    server = await startServer({ folder, password: 'drill', durable: false, logFile })
    await asAdmin('create database drill')
    await migrate(`${server.url}/drill`)
  })
  afterAll(async () => {
    for (const { app, login } of opened) {
      await login.end()
      await app.stop()
    }
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  })

  const asAdmin = async (sql: string): Promise<void> => {
    const admin = new pg.Client({ connectionString: `${server.url}/postgres` })
    await admin.connect()
    await admin.query(sql).finally(() => admin.end())
  }

  async function openPlace(backend: (typeof BACKENDS)[number]): Promise<Place> {
    const url = `${server.url}/drill_${backend}`
    await asAdmin(`create database drill_${backend} template drill`)
    const database = { url, drop: () => Promise.resolve() }
    const app = await startApp({
      backend,
      workers: false,
      database,
      env: { DATA_DIR: folder, DELETION_GRACE_DAYS: '0' },
    })
    const login = new pg.Client({ connectionString: url })
    await login.connect()
    opened.push({ app, login })
    return { app, login }
  }

  const dumped = async ({ app, login }: Place): Promise<Dump> => {
    await login.query('checkpoint')
    return dumpAll(app, login, app.queuePrefix)
  }

  async function purge(app: Running, { org }: Ids): Promise<void> {
    const asked = { kind: 'org' as const, subject: org, road: 'self' as const, by: SYSTEM }
    const { code } = await requestDeletion(app.on, asked)
    expect((await advanceDue(app.on, { now: app.on.now() })).failed).toEqual([])
    expect((await findDeletion(app.on, code))?.state).toBe('purged')
  }

  test.each(BACKENDS)('nothing is left, queues in %s', async (backend) => {
    const place = await openPlace(backend)
    const neighbour = await settle(place)
    const ours = await settle(place)
    const canaries = [...(await plant(place, ours)).keys()]
    await place.login.query('analyze')
    const before = searchDump(await dumped(place), canaries)
    const seen = new Set(before.map(({ canary }) => canary))
    expect(canaries.filter((canary) => !seen.has(canary))).toEqual([])
    // The premise: the database's own files hold them too, in tables and in the write-ahead log.
    const places = before.map((found) => found.place)
    for (const kind of [/^table app\./, /^file pg\/base\//, /^file pg\/pg_wal\//, /^file media\//])
      expect(places).toContainEqual(expect.stringMatching(kind))

    await purge(place.app, ours)
    expect(searchDump(await dumped(place), canaries)).toEqual([])
    const { rows } = await place.login.query('select from app.contacts where org_id = $1', [
      neighbour.org,
    ])
    expect(rows).toHaveLength(1)
  })

  test('a rule of erasure that is left out is caught', async () => {
    const [place] = opened
    if (!place) throw new Error('no place')
    const ours = await settle(place)
    const canaries = [...(await plant(place, ours)).keys()]
    await without('egress_log', () => purge(place.app, ours))
    const left = searchDump(await dumped(place), canaries).map((found) => found.place)
    expect(left).toContain('table app.egress_log')
  })

  /** The eraser forgets one table, and so does the purge's own count of what is left. */
  async function without(table: string, run: () => Promise<void>): Promise<void> {
    const tables = manifest.tables as unknown as { table: string }[]
    const at = tables.findIndex((one) => one.table === table)
    const [rule] = tables.splice(at, 1)
    await run().finally(() => rule && tables.splice(at, 0, rule))
  }
})
