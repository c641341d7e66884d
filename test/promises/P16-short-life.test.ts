import { audit } from '../../src/audit/audit.ts'
import { rows } from '../../src/db.ts'
import { LIMITS } from '../../src/privacy/limits.ts'
import { sweepRetention } from '../../src/privacy/retention.ts'
import { startApp, type Running } from '../support/app.ts'

// What is proven here is the end of raw events and that no address is stored; there are no daily counts yet.
describe('P16 — raw usage data and IP addresses have a short life', () => {
  let app: Running
  beforeAll(async () => {
    app = await startApp({ workers: false })
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
})
