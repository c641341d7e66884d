import pg from 'pg'
import { audit } from '../../src/audit/audit.ts'
import { rows } from '../../src/db.ts'
import { LIMITS } from '../../src/privacy/limits.ts'
import { sweepRetention } from '../../src/privacy/retention.ts'
import { startApp, type Running } from '../support/app.ts'
import { visit } from '../support/visitor.ts'
import { foldUsage } from '../../src/usage/days.ts'
import type { Org } from '../support/org.ts'

describe('P16 — raw usage data and IP addresses have a short life', () => {
  let app: Running
  beforeAll(async () => {
    app = await startApp({ workers: false, env: { TRUST_PROXY: '1' } })
  })
  afterAll(() => app.stop())

  test('an event stays to its last second and goes one later; a second sweep finds nothing', async () => {
    const org = await app.org()
    const now = new Date('2026-11-24T10:00:00Z')
    const limit = now.getTime() - LIMITS.USAGE_RAW_DAYS.is * 86_400_000
    const pages = () =>
      app.on.db.withTenant(org.id, (tx) =>
        rows<{ page: string }>(tx, 'select page from usage_events where org_id = ? order by page', [
          org.id,
        ]),
      )
    await app.on.db.withTenant(org.id, async (tx) => {
      for (const [page, at] of [
        ['/older', limit - 1_000],
        ['/at', limit],
        ['/younger', limit + 1_000],
      ] as const)
        await tx.raw(
          `insert into usage_events (org_id, id, page, at, ref)
           values (?, gen_random_uuid(), ?, ?, gen_random_uuid())`,
          [org.id, page, new Date(at)],
        )
    })
    expect((await sweepRetention(app.on, now)).counts['usage_events']).toBe(1)
    expect(await pages()).toEqual([{ page: '/at' }, { page: '/younger' }])
    expect((await sweepRetention(app.on, now)).counts['usage_events']).toBe(0)
  })

  const DAY = 86_400_000
  const seen = (org: Org, at: Date, { people = 1, times = 1, page = '/inbox' } = {}) =>
    app.on.db.withTenant(org.id, (tx) =>
      rows(
        tx,
        `insert into usage_events (org_id, id, page, at, ref)
         select ?, gen_random_uuid(), ?, ?, p.ref
           from (select gen_random_uuid() as ref from generate_series(1, ?::int)) p, generate_series(1, ?::int)`,
        [org.id, page, at, people, times],
      ),
    )
  const days = (org: Org) =>
    app.on.db.withTenant(org.id, (tx) =>
      rows<{ day: string; page: string; events: number; people: number }>(
        tx,
        'select day::text, page, events, people from usage_daily where org_id = ? order by day, page',
        [org.id],
      ),
    )

  test('before they go, events become counts per day: as many as there were, without anybody in them', async () => {
    const org = await app.org()
    const now = new Date('2026-11-24T10:00:00Z')
    await seen(org, new Date('2026-08-25T23:59:59Z'), { people: 2, times: 3 })
    await seen(org, new Date('2026-08-26T00:00:00Z'), { people: 1, times: 2 })
    await seen(org, new Date('2026-11-23T23:59:59Z'), { people: 4 })
    await seen(org, new Date('2026-11-24T00:00:00Z'))
    const expected = [
      { day: '2026-08-25', page: '/inbox', events: 6, people: 2 },
      { day: '2026-08-26', page: '/inbox', events: 2, people: 1 },
      { day: '2026-11-23', page: '/inbox', events: 4, people: 4 },
    ]
    expect((await sweepRetention(app.on, now)).counts['usage_events']).toBe(8)
    expect(await days(org)).toEqual(expected)
    const columns = await app.on.db.withSystem((tx) =>
      rows<{ name: string }>(
        tx,
        `select attname as name from pg_catalog.pg_attribute
          where attrelid = 'app.usage_daily'::regclass and attnum > 0 order by attnum`,
      ),
    )
    expect(columns.map(({ name }) => name)).toEqual([
      'org_id',
      'day',
      'page',
      'feature',
      'events',
      'people',
    ])
  })

  test('a day is counted when it is over, once, also when a sweep broke off or events came late', async () => {
    const org = await app.org()
    const day = new Date('2026-11-20T09:00:00Z')
    await seen(org, day, { people: 3 })
    expect(await foldUsage(app.on, org.id, new Date('2026-11-20T23:59:59Z'))).toBe(0)
    expect(await foldUsage(app.on, org.id, new Date('2026-11-21T00:00:00Z'))).toBe(1)
    expect(await foldUsage(app.on, org.id, new Date('2026-11-21T00:00:01Z'))).toBe(0)
    await seen(org, day, { people: 1 })
    await foldUsage(app.on, org.id, new Date('2026-11-22T00:00:00Z'))
    await sweepRetention(app.on, new Date(day.getTime() + (LIMITS.USAGE_RAW_DAYS.is + 1) * DAY))
    await sweepRetention(app.on, new Date(day.getTime() + (LIMITS.USAGE_RAW_DAYS.is + 2) * DAY))
    expect(await days(org)).toEqual([{ day: '2026-11-20', page: '/inbox', events: 4, people: 4 }])
  })

  test('the counts end after 24 months, to the day', async () => {
    const org = await app.org()
    await app.on.db.withTenant(org.id, (tx) =>
      rows(
        tx,
        `insert into usage_daily (org_id, day, page, events, people)
         select ?, d::date, '/inbox', 9, 9 from unnest(array['2024-11-23', '2024-11-24', '2024-11-25']) d`,
        [org.id],
      ),
    )
    const now = new Date('2026-11-24T10:00:00Z')
    expect((await sweepRetention(app.on, now)).counts['usage_daily']).toBe(1)
    expect((await days(org)).map(({ day }) => day)).toEqual(['2024-11-24', '2024-11-25'])
    expect((await sweepRetention(app.on, now)).counts['usage_daily']).toBe(0)
  })

  test('no table and no line of the log holds an address that somebody came from', async () => {
    const org = await app.org()
    const came = ['203.0.113.177', '2001:db8:12:3456::abcd']
    for (const ip of came) {
      const stranger = visit(app, { ip })
      await stranger.get('/login')
      await stranger.post('/login', { email: org.owner.email, password: 'not the password' })
      await stranger.post('/signup', {
        name: 'Ana',
        email: `${ip.length}@example.test`,
        organization: 'Shop',
        password: 'a long and quiet evening',
      })
      await stranger.post('/reset', { email: org.owner.email })
    }
    const login = new pg.Client({ connectionString: app.on.config.DATABASE_URL })
    await login.connect()
    const { rows: tables } = await login.query<{ name: string }>(
      `select format('%I.%I', schemaname, tablename) as name from pg_tables
        where schemaname in ('app', 'jobs', 'public')`,
    )
    let read = 0
    const found: string[] = []
    for (const { name } of tables) {
      const { rows: texts } = await login.query<{ text: string }>(
        `select t::text as text from ${name} t`,
      )
      read += texts.length
      if (texts.some(({ text }) => came.some((ip) => text.includes(ip)))) found.push(name)
    }
    await login.end()
    expect(read).toBeGreaterThan(10)
    expect(found).toEqual([])
    expect(app.lines.filter((line) => came.some((ip) => line.includes(ip)))).toEqual([])
  })

  test('an address is cut before it is kept, in the only column there is for one', async () => {
    const columns = await app.on.db.withSystem((tx) =>
      rows(
        tx,
        `select c.relname || '.' || a.attname as name from pg_catalog.pg_attribute a
           join pg_catalog.pg_class c on c.oid = a.attrelid
          where c.relnamespace = 'app'::regnamespace and c.relkind in ('r', 'p')
            and a.atttypid in ('inet'::regtype, 'cidr'::regtype)`,
      ),
    )
    expect(columns).toEqual([{ name: 'audit_log.ip' }])
    const org = await app.org()
    const kept = await app.on.db.withTenant(org.id, async (tx) => {
      for (const ip of ['203.0.113.77', '::ffff:198.51.100.9', '2001:db8:12:3456::1%eth0'])
        await audit(tx, org.id, {
          actor: { kind: 'user', id: org.owner.id, ip, request: '' },
          action: 'sign_in.ok',
        })
      return rows<{ ip: string }>(
        tx,
        'select text(ip) as ip from audit_log where org_id = ? and ip is not null',
        [org.id],
      )
    })
    expect(kept.map(({ ip }) => ip).toSorted()).toEqual([
      '198.51.100.0/24',
      '2001:db8:12::/48',
      '203.0.113.0/24',
    ])
  })

  test('with IP_RETENTION_DAYS=0 not even a network is kept', async () => {
    const quiet = await startApp({ workers: false, env: { IP_RETENTION_DAYS: '0' } })
    const org = await quiet.org()
    const kept = await quiet.on.db.withTenant(org.id, async (tx) => {
      await audit(tx, org.id, {
        actor: { kind: 'user', id: org.owner.id, ip: '203.0.113.77', request: '' },
        action: 'sign_in.ok',
      })
      return rows(tx, 'select text(ip) as ip from audit_log where org_id = ?', [org.id])
    })
    expect(kept).toEqual([{ ip: null }])
    await quiet.stop()
  })
})
