import { Readable } from 'node:stream'
import pg from 'pg'
import { runCommand } from '../src/cli/run.ts'
import { LIMITS } from '../src/privacy/limits.ts'
import { sweepRetention, sweepWhenDue } from '../src/privacy/retention.ts'
import { readSchedule } from '../src/privacy/sweep-runs.ts'
import { seedAt } from './support/ages.ts'
import { startApp, type Running } from './support/app.ts'
import { chatflow, run } from './support/product.ts'
import { until } from './support/until.ts'

jest.setTimeout(60_000)

const NOW = new Date('2026-11-24T12:00:00Z')
const DAY = 86_400_000
const later = (ms: number, from = NOW): Date => new Date(from.getTime() + ms)

let app: Running
let login: pg.Client
let clock = NOW
const open = async (): Promise<void> => {
  clock = NOW
  app = await startApp({ workers: false, now: () => clock })
  login = new pg.Client({ connectionString: app.on.config.DATABASE_URL })
  await login.connect()
}
const close = async (): Promise<void> => {
  await login.end()
  await app.stop()
}
beforeEach(open)
afterEach(close)

const seed = (ms: number): Promise<void> => seedAt({ login, now: NOW }, ms)

const countOf = async (table: string): Promise<number> => {
  const { rows } = await login.query<{ n: number }>(`select count(*)::int as n from app.${table}`)
  return rows[0]?.n ?? 0
}

describe('a sweep', () => {
  test('keeps its counts, and its log names tables and numbers only', async () => {
    await seed(-1)
    await sweepRetention(app.on, NOW)
    const { last, next } = await readSchedule(app.on)
    expect(last).toMatchObject({ now_arg: NOW, finished_at: NOW, overdue: [] })
    expect(last?.counts).toMatchObject({ feed: 1, drafts: 1, user_sessions: 1 })
    expect(next).toEqual(new Date('2026-11-25T03:00:00Z'))
    expect(app.lines.some((line) => line.includes('retention sweep'))).toBe(true)
  })

  test('is the only one: a second one is refused while the first runs', async () => {
    await login.query('select pg_advisory_lock(1128679002)')
    await seed(-1)
    await expect(sweepRetention(app.on, NOW)).rejects.toMatchObject({ code: 'sweep_running' })
    await sweepWhenDue(app.on)
    expect(await countOf('feed')).toBe(1)
    await login.query('select pg_advisory_unlock(1128679002)')
    await sweepWhenDue(app.on)
    expect(await countOf('feed')).toBe(0)
  })

  test('that cannot empty one table empties the others, and says which is overdue', async () => {
    await seed(-1)
    await login.query('revoke delete on app.feed from cf_app')
    const swept = await sweepRetention(app.on, NOW)
    expect(swept.overdue).toEqual(['feed'])
    expect([await countOf('feed'), await countOf('drafts')]).toEqual([1, 0])

    const alarm = await chatflow(['retention', 'sweep', '--now', NOW.toISOString()], envOf(app))
    expect(alarm).toMatchObject({
      code: 3,
      result: {
        now: NOW.toISOString(),
        purged: [],
        overdue: ['feed'],
        counts: { feed: 0, drafts: 0 },
      },
    })
    await login.query('grant delete on app.feed to cf_app')
    expect(await sweepRetention(app.on, NOW)).toMatchObject({ purged: ['feed'], overdue: [] })
  })

  test('told to stop ends between two batches, counts as not finished, and is taken up again', async () => {
    await seed(-1)
    expect((await sweepRetention(app.on, NOW, AbortSignal.abort())).purged).toEqual([])
    expect((await readSchedule(app.on)).last?.finished_at).toBeNull()
    clock = later(600_000)
    await sweepWhenDue(app.on)
    expect(await countOf('feed')).toBe(0)
    expect((await readSchedule(app.on)).last?.finished_at).toEqual(clock)
  })

  test('does not look at an organization that is being purged: its deletion does', async () => {
    await seed(-1)
    await login.query(`update app.organizations set status = 'purging'`)
    expect((await sweepRetention(app.on, NOW)).overdue).toEqual([])
    expect(await countOf('feed')).toBe(1)
  })
})

const envOf = ({ on }: Running): Record<string, string> => ({
  DATABASE_URL: on.config.DATABASE_URL,
  CHATFLOW_MASTER_KEY: `test:${Buffer.alloc(32, 'key of a test ').toString('base64')}`,
  LOG_LEVEL: 'silent',
})

/** 2,500 feed entries that are due; a sweep stops in its second batch until lock 42 is given back. */
async function holdSecondBatch(): Promise<void> {
  const { id } = await app.org()
  await login.query(
    `insert into app.feed (org_id, seq, kind, ref_id, at)
     select $1, n, 'message.updated', $1, $2::timestamptz - interval '40 days' from generate_series(1, 2500) n`,
    [id, NOW],
  )
  await login.query(`
    create function app.hold() returns trigger language plpgsql as $$
      begin if old.seq = 1500 then perform pg_advisory_xact_lock(42); end if; return old; end $$;
    grant execute on function app.hold() to cf_app;
    create trigger hold before delete on app.feed for each row execute function app.hold();
    select pg_advisory_lock(42);`)
}

const isHeld = async (): Promise<boolean> => {
  const { rowCount } = await login.query(
    `select from pg_locks where locktype = 'advisory' and not granted
        and database = (select oid from pg_database where datname = current_database())`,
  )
  return rowCount === 1
}

test('killed in the middle of a batch it leaves whole batches, and the next run ends the same', async () => {
  await holdSecondBatch()
  const command = run('cli.ts', ['retention', 'sweep', '--now', NOW.toISOString()], {
    env: envOf(app),
  })
  await until(isHeld, 30_000)
  await expect(sweepRetention(app.on, NOW)).rejects.toMatchObject({ code: 'sweep_running' })
  command.child.kill('SIGKILL')
  await command.ended
  await login.query('select pg_advisory_unlock(42)')
  const isOver = async (): Promise<boolean> =>
    (
      await login.query(`select from pg_stat_activity where query ~ 'delete from app.feed' and pid <> pg_backend_pid()
       and datname = current_database() and state <> 'idle'`)
    ).rowCount === 0
  await until(isOver)

  expect(await countOf('feed')).toBe(1_500)
  const swept = await sweepRetention(app.on, NOW)
  expect([await countOf('feed'), swept.counts['feed']]).toEqual([0, 1_500])
})

test('a lock that breaks in the middle stops neither the sweep nor the process', async () => {
  await holdSecondBatch()
  const sweeping = sweepRetention(app.on, NOW)
  await until(isHeld)
  await login.query(
    `select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and objid = 1128679002
        and database = (select oid from pg_database where datname = current_database())`,
  )
  await login.query('select pg_advisory_unlock(42)')
  expect((await sweeping).counts['feed']).toBe(2_500)
  expect((await sweepRetention(app.on, NOW)).purged).toEqual([])
})

test('a moment in the future is refused in production, and one that is none is wrong usage', async () => {
  const args = ['retention', 'sweep', '--now']
  const tomorrow = new Date(Date.now() + DAY).toISOString()
  const future = await chatflow([...args, tomorrow], { ...envOf(app), NODE_ENV: 'production' })
  expect([future.code, future.result]).toMatchObject([1, { error: { code: 'future' } }])
  const nowhere = { write: () => true }
  const streams = { stdin: Readable.from([]), stdout: nowhere, stderr: nowhere }
  expect(await runCommand([...args, 'tomorrow'], streams)).toBe(2)
})

test('every default lies inside its bounds', () => {
  for (const [name, { is, least, most }] of Object.entries(LIMITS))
    expect([name, is >= least && is <= most]).toEqual([name, true])
})
