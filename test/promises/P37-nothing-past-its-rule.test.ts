import pg from 'pg'
import { noteEntered } from '../../src/accounts/sign-in.ts'
import { rows } from '../../src/db.ts'
import { listKept } from '../../src/ops/mail.ts'
import { manifest } from '../../src/privacy/manifest.ts'
import { sweepRetention } from '../../src/privacy/retention.ts'
import { offsets, seedAt, sweeps } from '../support/ages.ts'
import { BACKENDS, startApp, type Running } from '../support/app.ts'
import type { Org } from '../support/org.ts'
import { chatflow } from '../support/product.ts'
import { talkWith } from '../support/program.ts'
import { goesAtItsSecond, goesByTheClock, goesInShortSteps } from '../support/swept.ts'
import { newId } from '../../src/ids.ts'

jest.setTimeout(60_000)

const NOW = new Date('2026-11-24T12:00:00Z')
const DAY = 86_400_000

describe('P37 — nothing is kept past its rule', () => {
  let app: Running
  let login: pg.Client
  let clock = NOW
  beforeEach(async () => {
    clock = NOW
    app = await startApp({ workers: false, now: () => clock })
    login = new pg.Client({ connectionString: app.on.config.DATABASE_URL })
    await login.connect()
  })
  afterEach(async () => {
    await login.end()
    await app.stop()
  })

  test('each rule that counts days has a table or a store that ends by it', () => {
    const swept = new Set(manifest.tables.flatMap((table) => table.sweeps.map(({ rule }) => rule)))
    const stores = new Set(manifest.stores.map(({ retention }) => retention))
    const counting = Object.entries(manifest.retention).filter(([, rule]) => 'days' in rule)
    expect(counting.length).toBeGreaterThan(20)
    expect(
      counting.map(([rule]) => rule).filter((rule) => !swept.has(rule) && !stores.has(rule)),
    ).toEqual([])
    // What the dated rows below do not show: two tables and the jobs have tests of their own here, files of exports and
    // backups those of P51 and P43, the log one in test/log.test.ts; the rest ends with a browser's cookie or a process.
    const dated = new Set(sweeps.map(({ sweep }) => sweep.rule))
    expect(
      counting
        .map(([rule]) => rule)
        .filter((rule) => !dated.has(rule))
        .toSorted(),
    ).toEqual([
      'audit',
      'backup',
      'cookie',
      'export_file',
      'factor_step',
      'job',
      'known_browser',
      'log',
      'request',
      'usage_daily',
    ])
    const bare = manifest.tables.flatMap(({ table, columns, sweeps: own }) =>
      Object.values(columns)
        .filter(({ retention: rule }) => 'days' in (manifest.retention[rule] ?? {}))
        .filter(({ retention: rule }) => !own.some((sweep) => sweep.rule === rule))
        .map(({ retention: rule }) => `${table}: ${rule}`),
    )
    expect([...new Set(bare)]).toEqual([])
  })

  test('takes what is older than its rule by a millisecond, and leaves what is exactly as old', async () => {
    for (const ms of [-1, 0, 1]) await seedAt({ login, now: NOW }, ms)
    const swept = await sweepRetention(app.on, NOW)
    for (const { table, sweep } of sweeps) {
      const left = (await offsets({ login, now: NOW }, table, sweep)).filter(
        (ms) => Math.abs(ms) <= 1,
      )
      expect([table, left]).toEqual([table, [0, 1]])
    }
    // Answers to API calls go with their key, which is as old here.
    const counted = sweeps.map(({ table }) => table).filter((table) => table !== 'idempotency_keys')
    expect(swept.purged.toSorted()).toEqual(counted.toSorted())
    expect(counted.filter((table) => swept.counts[table] !== 1)).toEqual([])
    expect(swept.overdue).toEqual([])
  })

  test('takes entries of the audit log and days of counts at the second they are due, and not one before', async () => {
    await expect(goesAtItsSecond(app, login)).resolves.toBeUndefined()
  })

  test('takes twenty thousand rows in short steps and flat memory, and waits for nobody', async () => {
    await expect(goesInShortSteps(app, login, NOW)).resolves.toBeUndefined()
  })

  test('removes nothing the second time, nor with an earlier moment', async () => {
    await seedAt({ login, now: NOW }, -1)
    await sweepRetention(app.on, NOW)
    for (const now of [NOW, new Date(NOW.getTime() - DAY)]) {
      const again = await sweepRetention(app.on, now)
      expect(again.purged).toEqual([])
      expect(Object.values(again.counts).reduce((sum, n) => sum + n, 0)).toBe(0)
    }
  })

  /** 3,500 feed entries that are due: more than three batches. */
  async function manyBatches(): Promise<void> {
    const org = await app.org()
    await login.query(
      `insert into app.feed (org_id, seq, kind, ref_id, at)
       select $1, n, 'message.updated', $1, $2::timestamptz - interval '40 days' from generate_series(1, 3500) n`,
      [org.id, NOW],
    )
  }

  test('broken off at any transaction and begun again it ends like one that ran through', async () => {
    await seedAt({ login, now: NOW }, -1)
    await manyBatches()
    const { withTenant, withSystem } = app.on.db
    let removed = 0
    let opened = 0
    for (let at = 1; at < 400; at = Math.ceil(at * 1.4)) {
      const stop = new AbortController()
      const count = (): void => void (++opened === at && stop.abort())
      app.on.db.withTenant = (...args) => (count(), withTenant(...args))
      app.on.db.withSystem = (...args) => (count(), withSystem(...args))
      opened = 0
      removed += (await sweepRetention(app.on, NOW, stop.signal)).counts['feed'] ?? 0
    }
    Object.assign(app.on.db, { withTenant, withSystem })
    expect(removed).toBe(3_501)
    for (const { table, sweep } of sweeps)
      expect([
        table,
        (await offsets({ login, now: NOW }, table, sweep)).filter((ms) => ms === -1),
      ]).toEqual([table, []])
    expect((await sweepRetention(app.on, NOW)).purged).toEqual([])
  })

  test('a dry run counts what a sweep then removes, and removes nothing', async () => {
    for (const ms of [-1, 0]) await seedAt({ login, now: NOW }, ms)
    await manyBatches()
    // The moment may lie ahead: nothing happens.
    const { code, result } = await chatflow(
      ['retention', 'sweep', '--now', NOW.toISOString(), '--dry-run'],
      {
        DATABASE_URL: app.on.config.DATABASE_URL,
        CHATFLOW_MASTER_KEY: `test:${Buffer.alloc(32, 'key of a test ').toString('base64')}`,
        LOG_LEVEL: 'silent',
        NODE_ENV: 'production',
      },
    )
    expect(code).toBe(0)
    const { counts } = result as { counts: Record<string, number> }
    const swept = await sweepRetention(app.on, NOW)
    // Answers to API calls go with their key, which is as old here.
    const { idempotency_keys: alone, ...others } = counts
    expect(alone).toBe(1)
    expect(swept.counts).toMatchObject(others)
    expect(counts['feed']).toBe(3_501)
    expect(Object.values(others).filter((n) => n > 0).length).toBeGreaterThan(15)
  })

  test('the environment sets how long, and the next sweep and what people read go by it', async () => {
    const short = await startApp({ workers: false, env: { USAGE_RAW_DAYS: '30' } })
    const org = await short.org()
    await short.on.db.withTenant(org.id, async (tx) => {
      for (const ms of [-1, 0])
        await rows(
          tx,
          `insert into usage_events (org_id, id, page, at, ref) values (?, ?, '/inbox', ?, ?)`,
          [org.id, newId(), new Date(NOW.getTime() - 30 * DAY + ms), newId()],
        )
    })
    expect((await sweepRetention(short.on, NOW)).counts['usage_events']).toBe(1)
    expect(manifest.retention['usage']?.says).toContain('30 days')
    await short.stop()
  })

  describe('an organization that nobody uses', () => {
    /** Kept here: a mail goes after 30 days, by its own rule. */
    const letters = new Map<string, { to: string; said: string }>()
    const day = (text: string): Date => new Date(`${text}T03:00:00Z`)
    const sweepOn = async (text: string): Promise<void> => {
      clock = day(text)
      await sweepRetention(app.on, clock)
      for (const { id, to, kind, created_at: at, subject } of await listKept(app.on))
        if (kind === 'deletion')
          letters.set(id, { to, said: `${at.toISOString().slice(0, 10)} ${subject}` })
    }
    const lastUsed = (org: Org, text: string) =>
      login.query('update app.organizations set active_at = $1 where org_id = $2', [
        day(text),
        org.id,
      ])
    const mails = (org: Org): string[] =>
      [...letters.values()].filter(({ to }) => to === org.owner.email).map(({ said }) => said)
    const closing = async (org: Org): Promise<{ state: string; road: string }[]> =>
      app.on.db.withSystem((tx) =>
        rows(tx, 'select state, road from deletions where subject_id = ?', [org.id]),
      )
    const WORDS = 'Your organization in ChatFlow will be closed on 2026-11-24'

    test('for 24 months is closed after three notices, 60, 30 and 7 days before', async () => {
      const org = await app.org()
      await lastUsed(org, '2024-11-24')
      for (const at of [
        '2026-09-24',
        '2026-09-25',
        '2026-09-26',
        '2026-10-24',
        '2026-10-25',
        '2026-10-26',
      ])
        await sweepOn(at)
      for (const at of ['2026-11-16', '2026-11-17', '2026-11-18', '2026-11-23']) await sweepOn(at)
      expect(mails(org)).toEqual([
        `2026-09-25 ${WORDS}`,
        `2026-10-25 ${WORDS}`,
        `2026-11-17 ${WORDS}`,
      ])
      expect(await closing(org)).toEqual([])
      await sweepOn('2026-11-24')
      expect(await closing(org)).toEqual([{ state: 'grace', road: 'dormant' }])
      await sweepOn('2026-11-25')
      expect(await closing(org)).toHaveLength(1)
    })

    test('is never closed unwarned: where no sweep ran in time the day moves on', async () => {
      const org = await app.org()
      await lastUsed(org, '2020-01-01')
      await sweepOn('2026-11-24')
      expect(mails(org)).toEqual([
        '2026-11-24 Your organization in ChatFlow will be closed on 2027-01-23',
      ])
      for (const at of ['2027-01-22', '2027-01-23']) await sweepOn(at)
      expect(mails(org)).toEqual([
        '2026-11-24 Your organization in ChatFlow will be closed on 2027-01-23',
        '2027-01-22 Your organization in ChatFlow will be closed on 2027-02-21',
      ])
      for (const at of ['2027-02-14', '2027-02-20']) await sweepOn(at)
      expect([mails(org).length, await closing(org)]).toEqual([3, []])
      await sweepOn('2027-02-21')
      expect(await closing(org)).toHaveLength(1)
    })

    test('stays when somebody signs in, before it is closed and after', async () => {
      const org = await app.org()
      await lastUsed(org, '2024-11-24')
      await sweepOn('2026-09-25')
      await noteEntered(app.on, { org: org.id, user: org.owner.id })
      for (const at of ['2026-11-23', '2026-11-24']) await sweepOn(at)
      expect(await closing(org)).toEqual([])
      expect(mails(org)).toHaveLength(1)

      await lastUsed(org, '2024-11-25')
      for (const at of ['2026-11-25', '2026-12-25', '2027-01-17', '2027-01-24']) await sweepOn(at)
      expect(await closing(org)).toEqual([{ state: 'grace', road: 'dormant' }])
      await noteEntered(app.on, { org: org.id, user: org.owner.id })
      expect(await closing(org)).toEqual([{ state: 'cancelled', road: 'dormant' }])
      await sweepOn('2027-03-01')
      expect(await closing(org)).toHaveLength(1)
    })

    test('is in use when a message passes, also one that its own rule removes early', async () => {
      const org = await app.org()
      const talk = await talkWith(app, org)
      await lastUsed(org, '2024-11-24')
      await app.on.db.withTenant(org.id, async (tx) => {
        await rows(
          tx,
          `insert into retention_settings (org_id, rule, days) values (?, 'messages', 30)`,
          [org.id],
        )
        await rows(
          tx,
          `insert into messages (org_id, id, conversation_id, direction, kind, status, created_at)
           values (?, ?, ?, 'in', 'text', 'received', ?)`,
          [org.id, newId(), talk.conversation, day('2026-08-01')],
        )
      })
      await sweepOn('2026-09-25')
      await sweepOn('2026-11-24')
      expect([mails(org), await closing(org)]).toEqual([[], []])
    })
  })
})

describe('P37 — jobs that ended, and what was told of them', () => {
  test('go by the clock from a queue where nothing more happens, on every back end', async () => {
    await expect(Promise.all(BACKENDS.map(goesByTheClock))).resolves.toHaveLength(BACKENDS.length)
  })
})
