import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import pg from 'pg'
import { SYSTEM } from '../../src/audit/audit.ts'
import { advanceDue } from '../../src/deletions/advance.ts'
import { findDeletion } from '../../src/deletions/deletion.ts'
import { requestDeletion } from '../../src/deletions/request.ts'
import { openQueues } from '../../src/queues.ts'
import { BACKENDS, startApp, type Running } from '../support/app.ts'
import { dumpAll, newCanary, plantInRows, searchDump, type Planted } from '../support/canaries.ts'
import { newIds, seedRows, type Ids } from '../support/rows.ts'
import { columnsOf } from '../support/schema.ts'
import { until } from '../support/until.ts'

/** What the purge has to read, or keeps as proof without anybody's data. */
const READ = [
  'org_keys',
  'audit_head',
  'audit_log',
  'deletions',
  'suppressions',
  'organizations.status',
  'exports.location',
]

describe.each(BACKENDS)('P40 — removed everywhere, queues in %s', (backend) => {
  let app: Running
  let login: pg.Client
  let now = new Date('2026-11-20T10:00:00Z')
  beforeAll(async () => {
    app = await startApp({ backend, workers: false, now: () => now })
    login = new pg.Client({ connectionString: app.on.config.DATABASE_URL })
    await login.connect()
  })
  afterAll(async () => {
    await login.end()
    await app.stop()
  })

  test('a canary in every column, job, file, mail and statistic is gone, and the neighbour is as it was', async () => {
    const [ours, theirs] = [await settle(), await settle()]
    // Of a table that becomes empty the planner keeps samples of what was in it.
    await login.query('delete from app.dead_letters where org_id <> $1', [ours.org])
    await login.query(
      `insert into app.dead_letters select (jsonb_populate_record(d, jsonb_build_object('id', gen_random_uuid()))).*
         from app.dead_letters d where org_id = $1`,
      [ours.org],
    )
    const canaries = await plant(ours)
    await plantInRows(login, theirs, READ)
    await login.query('analyze')
    const before = searchDump(await dump(), [...canaries.keys()])
    const places = new Set(before.map(({ canary }) => canary))
    // A canary that is nowhere before would prove nothing by being nowhere afterwards.
    expect([...canaries].filter(([canary]) => !places.has(canary))).toEqual([])
    expect(canaries.size).toBeGreaterThan(60)
    const neighbour = await picture(theirs)

    const asked = { kind: 'org' as const, subject: ours.org, road: 'self' as const, by: SYSTEM }
    const { code } = await requestDeletion(app.on, asked)
    now = new Date(now.getTime() + 8 * 86_400_000)
    const done = await advanceDue(app.on, { now })
    expect(done).toMatchObject({ failed: [], overdue: [] })
    expect((await findDeletion(app.on, code))?.state).toBe('purged')

    expect(searchDump(await dump(), [...canaries.keys()])).toEqual([])
    expect(await picture(theirs)).toBe(neighbour)
  })

  test('what an eraser forgets is found by this search, and by the purge’s own', async () => {
    const ours = await settle()
    const canary = newCanary()
    await login.query('update app.contacts set name = $1 where org_id = $2', [canary, ours.org])
    expect(searchDump(await dump(), [canary]).map(({ place }) => place)).toContain(
      'table app.contacts',
    )
    for (const form of ['hex', 'base64', 'utf16le'] as const) {
      const text = Buffer.from(canary).toString(form === 'utf16le' ? 'latin1' : form)
      const bytes = form === 'utf16le' ? Buffer.from(canary, 'utf16le') : Buffer.from(text)
      expect(searchDump(new Map([['place', bytes]]), [canary])).toHaveLength(1)
    }
  })

  const dump = () => dumpAll(app, login, app.queuePrefix)

  /** Rows in every table, an active key of its own, and a person to whom they belong. */
  async function settle(): Promise<Ids> {
    const ids = newIds()
    await seedRows(login, ids)
    const { wrapped, wrappedBy, key } = app.on.vault.newDataKey(ids.org)
    await login.query('delete from app.org_keys where org_id = $1', [ids.org])
    await login.query(
      'insert into app.org_keys (org_id, kid, wrapped, wrapped_by) values ($1, $2, $3, $4)',
      [ids.org, key.id, wrapped, wrappedBy],
    )
    await login.query(`delete from app.deletions where org_id = $1`, [ids.org])
    await app.on.directory.refresh()
    return ids
  }

  async function plant(ids: Ids): Promise<Planted> {
    const planted = await plantInRows(login, ids, READ)
    const file = newCanary()
    const { rows } = await login.query<{ id: string }>(
      `update app.exports set state = 'ready' where org_id = $1 returning id`,
      [ids.org],
    )
    const id = rows[0]?.id ?? ''
    await mkdir(path.join(app.on.config.DATA_DIR, 'exports'), { recursive: true })
    await writeFile(path.join(app.on.config.DATA_DIR, 'exports', `${id}.sealed`), file)
    planted.set(file, 'a file of an export')
    for (const [state, canary] of Object.entries(await plantJobs(ids.org)))
      planted.set(canary, `a ${state} job`)
    return planted
  }

  /** Jobs that wait, failed, are delayed and ended; a worker of their own is told how each of them ends. */
  async function plantJobs(org: string): Promise<Record<string, string>> {
    const said = {
      waiting: newCanary(),
      completed: newCanary(),
      delayed: newCanary(),
      shared: newCanary(),
    }
    const body = (text: string, of: string | null = org) => ({
      org: of,
      connection: null,
      at: 1,
      sealed: text,
    })
    const queues = openQueues(app.on.config, { ...app.on, prefix: app.queuePrefix })
    await queues.addInbound([body(said.completed)])
    await queues.addInbound([body(said.delayed)])
    queues.work('inbound', ({ data }) =>
      data.bodies.some(({ sealed }) => sealed === said.delayed)
        ? Promise.reject(new Error('not now'))
        : Promise.resolve(),
    )
    await until(async () => {
      const { inbound } = await app.on.queues.depths()
      return (inbound['completed'] ?? 0) > 0 && (inbound['delayed'] ?? 0) > 0
    })
    await queues.close()
    await app.on.queues.addInbound([body(said.waiting), body('theirs', null)])
    await app.on.queues.addUsage({
      org,
      events: [{ id: org, ref: org, page: said.shared, feature: null, at: 1 }],
    })
    return said
  }

  /** Every row of an organization, as one text. */
  async function picture({ org }: Ids): Promise<string> {
    const columns = await columnsOf(login)
    const tables = new Set(columns.filter((c) => c.column === 'org_id').map(({ table }) => table))
    const parts: string[] = []
    for (const table of tables) {
      const { rows } = await login.query<{ text: string }>(
        `select t::text as text from app."${table}" t where org_id = $1 order by 1`,
        [org],
      )
      parts.push(table, ...rows.map(({ text }) => text))
    }
    return parts.join('\n')
  }
})
