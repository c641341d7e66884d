import type { Redis } from 'ioredis'
import pg from 'pg'
import { audit, SYSTEM } from '../../src/audit/audit.ts'
import { LIMITS } from '../../src/privacy/limits.ts'
import { manifest } from '../../src/privacy/manifest.ts'
import { sweepRetention } from '../../src/privacy/retention.ts'
import { startApp, type Backend, type Running } from './app.ts'
import { until } from './until.ts'

const DAY = 86_400_000

const daysOf = (rule: string): number => {
  const found = manifest.retention[rule]
  return found && 'days' in found ? found.days : Number.NaN
}

/** What a function of the database removes, and what is dated by days, goes at its second and not one before. */
export async function goesAtItsSecond(app: Running, login: pg.Client): Promise<void> {
  const org = await app.org()
  const daily = `insert into app.usage_daily (org_id, day, page, events, people) values ($1, '2024-03-01', '/inbox', 9, 9)`
  await login.query(daily, [org.id])
  const days = await login.query<{ end: Date }>(
    `select (day + $1::int + 1)::timestamp at time zone 'UTC' as end from app.usage_daily where org_id = $2`,
    [daysOf('usage_daily'), org.id],
  )
  await app.on.db.withTenant(org.id, (tx) =>
    audit(tx, org.id, { actor: SYSTEM, action: 'organization.renamed' }),
  )
  const entries = await login.query<{ at: Date }>(
    'select max(at) as at from app.audit_log where org_id = $1',
    [org.id],
  )
  const left = async (table: string, now: number): Promise<number> => {
    await sweepRetention(app.on, new Date(now))
    const { rows: found } = await login.query(
      `select 1 from app.${table} where org_id = $1 ${table === 'audit_log' ? `and action = 'organization.renamed'` : ''}`,
      [org.id],
    )
    return found.length
  }
  const due = Number(days.rows[0]?.end)
  expect([await left('usage_daily', due - 1_000), await left('usage_daily', due + 1_000)]).toEqual([
    1, 0,
  ])
  const old = Number(entries.rows[0]?.at) + LIMITS.AUDIT_DAYS.is * DAY
  expect([await left('audit_log', old - 1_000), await left('audit_log', old + 1_000)]).toEqual([
    1, 0,
  ])
}

/** Twenty thousand due rows go a batch at a time, while somebody works on one of them. */
export async function goesInShortSteps(app: Running, login: pg.Client, now: Date): Promise<void> {
  const org = await app.org()
  await login.query(
    `insert into app.feed (org_id, seq, kind, ref_id, at)
     select $1, n, 'message.updated', $1, $2::timestamptz - interval '40 days' from generate_series(1, 20000) n`,
    [org.id, now],
  )
  // Somebody works on one of them all the while.
  const other = new pg.Client({ connectionString: app.on.config.DATABASE_URL })
  await other.connect()
  await other.query('begin')
  await other.query('select from app.feed where org_id = $1 and seq = 7 for update', [org.id])
  const count = async (): Promise<number> => {
    const found = await login.query<{ n: number }>(
      'select count(*)::int as n from app.feed where org_id = $1 and seq <= 20000',
      [org.id],
    )
    return found.rows[0]?.n ?? 0
  }
  const { withTenant } = app.on.db
  const steps: number[] = []
  let [before, written] = [await count(), 0]
  app.on.db.withTenant = (async (at, run) => {
    const result = await withTenant(at, run)
    const after = await count()
    if (after < before) {
      steps.push(before - after)
      await login.query(
        `insert into app.feed (org_id, seq, kind, ref_id) values ($1, $2, 'message.updated', $1)`,
        [org.id, 30_000 + (written += 1)],
      )
    }
    before = after
    return result
  }) as typeof withTenant
  const rss = process.memoryUsage().rss
  const { overdue, counts } = await sweepRetention(app.on, now)
  app.on.db.withTenant = withTenant
  expect(process.memoryUsage().rss - rss).toBeLessThan(64 * 1_048_576)
  expect([overdue, counts['feed'], await count()]).toEqual([[], 19_999, 1])
  expect([steps.length, Math.max(...steps)]).toEqual([20, 1_000])
  await other.query('rollback')
  await other.end()
  expect((await sweepRetention(app.on, now)).counts['feed']).toBe(1)
}

/** How much the queue of mails still tells of its jobs from before this moment: its worker goes on telling. */
async function told(app: Running, before: number): Promise<number> {
  const queue = app.on.queues.bare().find(({ name }) => name === 'mail')
  if (app.on.queues.backend === 'redis') {
    const client = (await queue?.getBackend().client) as unknown as Redis
    return (await client.xrange(queue?.toKey('events') ?? '', '-', before - 1)).length
  }
  const login = new pg.Client({ connectionString: app.on.config.DATABASE_URL })
  await login.connect()
  const { rows: found } = await login.query(
    `select 1 from jobs.event where queue = 'mail' and created_at_ms < $1`,
    [before],
  )
  await login.end()
  return found.length
}

/** Jobs that ended, and what their queue told of them, go by their age although nothing more happens there. */
export async function goesByTheClock(backend: Backend): Promise<void> {
  const busy = await startApp({ backend, workers: false })
  let fails = false
  busy.on.queues.work('mail', () => {
    return fails ? Promise.reject(new Error('no')) : Promise.resolve()
  })
  const jobs = async () => (await busy.on.queues.depths()).mail
  await busy.on.queues.addMail('done')
  await until(async () => (await jobs())['completed'] === 1)
  fails = true
  await busy.on.queues.addMail('failed')
  await until(async () => (await jobs())['failed'] === 1)

  const ended = Date.now()
  const all = await told(busy, ended)
  const sweepAfter = async (ms: number) => {
    const { counts } = await sweepRetention(busy.on, new Date(Date.now() + ms))
    const { completed, failed } = await jobs()
    return { swept: counts['queue mail'], completed, failed, told: await told(busy, ended) }
  }
  const done = LIMITS.JOB_DONE_MINUTES.is * 60_000
  const failed = LIMITS.JOB_FAILED_DAYS.is * DAY
  expect(all).toBeGreaterThan(4)
  expect(await sweepAfter(done - 60_000)).toEqual({ swept: 0, completed: 1, failed: 1, told: all })
  expect(await sweepAfter(done + 1)).toEqual({ swept: 1, completed: 0, failed: 1, told: 0 })
  expect(await sweepAfter(failed - 60_000)).toMatchObject({ swept: 0, completed: 0, failed: 1 })
  expect(await sweepAfter(failed + 1)).toMatchObject({ swept: 1, completed: 0, failed: 0 })
  await busy.stop()
}
