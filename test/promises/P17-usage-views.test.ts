import { startApp, type Running } from '../support/app.ts'
import { member } from '../support/member.ts'
import type { Org } from '../support/org.ts'

describe('P17 — who may look at usage', () => {
  const lastWeek = new Date('2026-11-18T10:00:00Z')
  let app: Running
  beforeAll(async () => {
    app = await startApp({ workers: false, now: () => new Date('2026-11-24T10:00:00Z') })
  })
  afterAll(() => app.stop())

  const seen = (org: Org, page: string, people: number): Promise<unknown> =>
    app.on.db.withTenant(org.id, (tx) =>
      tx.raw(
        `insert into usage_events (org_id, id, page, at, ref)
         select ?, gen_random_uuid(), ?, ?, gen_random_uuid() from generate_series(1, ?::int)`,
        [org.id, page, lastWeek, people],
      ),
    )

  test('an admin reads nothing of four people, and the same of five as of nine', async () => {
    const org = await app.org()
    await seen(org, '/by-four', 4)
    await seen(org, '/by-five', 5)
    await seen(org, '/by-nine', 9)
    const page = await (await (await member(app, org, 'admin')).get('/settings/usage')).text()
    expect(page).not.toContain('/by-four')
    const rowOf = (name: string): string =>
      (new RegExp(`<tr[^>]*>(?:(?!</tr>)[^])*${name}[^]*?</tr>`).exec(page)?.[0] ?? '').replace(
        name,
        '',
      )
    expect(rowOf('/by-five')).not.toBe('')
    expect(rowOf('/by-nine')).toBe(rowOf('/by-five'))
  })

  test('an agent reads no counts, and there is no list of one person’s use', async () => {
    const org = await app.org()
    await seen(org, '/by-five', 5)
    const agent = await member(app, org, 'agent')
    expect(await (await agent.get('/settings/usage')).text()).not.toContain('/by-five')
    const admin = await member(app, org, 'admin')
    for (const path of [`/settings/usage/${org.owner.id}`, '/settings/usage/raw'])
      expect((await admin.get(path)).status).toBe(404)
  })
})
