import pg from 'pg'
import { SYSTEM } from '../../src/audit/audit.ts'
import { advanceDue } from '../../src/deletions/advance.ts'
import { findDeletion } from '../../src/deletions/deletion.ts'
import { requestDeletion } from '../../src/deletions/request.ts'
import { BACKENDS, startApp, type Running } from '../support/app.ts'
import { dumpAll, newCanary, plantInRows, searchDump } from '../support/canaries.ts'
import { plant, READ, settle, type Place } from '../support/planting.ts'
import type { Ids } from '../support/rows.ts'
import { columnsOf } from '../support/schema.ts'

describe.each(BACKENDS)('P40 — removed everywhere, queues in %s', (backend) => {
  let app: Running
  let login: pg.Client
  let place: Place
  let now = new Date('2026-11-20T10:00:00Z')
  beforeAll(async () => {
    app = await startApp({ backend, workers: false, now: () => now })
    login = new pg.Client({ connectionString: app.on.config.DATABASE_URL })
    await login.connect()
    place = { app, login }
  })
  afterAll(async () => {
    await login.end()
    await app.stop()
  })

  test('a canary in every column, job, file, mail and statistic is gone, and the neighbour is as it was', async () => {
    const [ours, theirs] = [await settle(place), await settle(place)]
    // Of a table that becomes empty the planner keeps samples of what was in it.
    await login.query('delete from app.dead_letters where org_id <> $1', [ours.org])
    await login.query(
      `insert into app.dead_letters select (jsonb_populate_record(d, jsonb_build_object('id', gen_random_uuid()))).*
         from app.dead_letters d where org_id = $1`,
      [ours.org],
    )
    const canaries = await plant(place, ours)
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
    const ours = await settle(place)
    const canary = newCanary()
    await login.query('update app.contacts set name = $1 where org_id = $2', [canary, ours.org])
    expect(searchDump(await dump(), [canary]).map((found) => found.place)).toContain(
      'table app.contacts',
    )
    for (const form of ['hex', 'base64', 'utf16le'] as const) {
      const text = Buffer.from(canary).toString(form === 'utf16le' ? 'latin1' : form)
      const bytes = form === 'utf16le' ? Buffer.from(canary, 'utf16le') : Buffer.from(text)
      expect(searchDump(new Map([['place', bytes]]), [canary])).toHaveLength(1)
    }
  })

  const dump = () => dumpAll(app, login, app.queuePrefix)

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
