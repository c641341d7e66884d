import { newId } from '../../src/ids.ts'
import { foldUsage } from '../../src/usage/days.ts'
import { startApp, type Running } from '../support/app.ts'
import { rows } from '../../src/db.ts'
import { signInAs } from '../support/sign-in.ts'
import { visit } from '../support/visitor.ts'
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

  test('a person reads every event about them, and nobody else’s', async () => {
    const org = await app.org()
    const own = await org.person('agent')
    const ref = newId()
    await app.on.db.withTenant(org.id, async (tx) => {
      await tx.raw(`insert into usage_refs (org_id, user_id, ref, since) values (?, ?, ?, now())`, [
        org.id,
        own.id,
        ref,
      ])
      await tx.raw(
        `insert into usage_events (org_id, id, page, at, ref)
         select ?, gen_random_uuid(), '/mine', ?::timestamptz - n / 3 * interval '1 minute', ? from generate_series(1, 250) n`,
        [org.id, lastWeek, ref],
      )
    })
    await app.on.db.withTenant(org.id, async (tx) => {
      const other = newId()
      await tx.raw(`insert into usage_refs (org_id, user_id, ref, since) values (?, ?, ?, now())`, [
        org.id,
        org.owner.id,
        other,
      ])
      await tx.raw(
        `insert into usage_events (org_id, id, page, at, ref) values (?, gen_random_uuid(), '/theirs', ?, ?)`,
        [org.id, lastWeek, other],
      )
    })
    const agent = visit(app, { cookie: await signInAs(app.on, org, own) })
    let shown = 0
    let next: string | undefined = '/settings/usage'
    for (let pages = 0; next !== undefined && pages < 9; pages++) {
      const { text } = await agent.get(next)
      expect(text).not.toContain('/theirs')
      shown += text.split('<code>/mine</code>').length - 1
      next = /id="usage-older" href="([^"]+)"/.exec(text)?.[1]
    }
    expect(shown).toBe(250)
  })

  test('operators read counts of all organizations together, none of fewer than five people, and no sum over them', async () => {
    const orgs = [await app.org(), await app.org()]
    for (const org of orgs) {
      await seen(org, '/by-four-together', 2)
      await seen(org, '/by-six-together', 3)
      await foldUsage(app.on, org.id, new Date('2026-11-24T10:00:00Z'))
    }
    const first = await app.on.db.withSystem((tx) =>
      rows<{ id: string; org: string }>(
        tx,
        `select u.id, m.org_id as org from users u, user_orgs(u.id) m order by u.id limit 1`,
      ),
    )
    const { id = '', org: home = '' } = first[0] ?? {}
    const cookie = await signInAs(app.on, { id: home }, { id })
    const { status, text } = await visit(app, { cookie }).get('/ops')
    expect(status).toBe(200)
    expect(text).not.toContain('/by-four-together')
    const row = /<tr><td><code>\/by-six-together[^]*?<\/tr>/.exec(text)?.[0] ?? ''
    expect(row.match(/\d+ or more/g)).toEqual(['5 or more', '5 or more'])
    for (const each of orgs) expect(text).not.toContain(each.id)
  })

  test('who leaves in the middle of a week changes no count', async () => {
    const org = await app.org()
    await seen(org, '/by-five', 5)
    const admin = await member(app, org, 'admin')
    const row = async (): Promise<string | undefined> =>
      /<tr>(?:(?!<\/tr>)[^])*\/by-five[^]*?<\/tr>/.exec(
        await (await admin.get('/settings/usage')).text(),
      )?.[0]
    const before = await row()
    expect(before).toBeDefined()
    await app.on.db.withTenant(org.id, (tx) =>
      tx.raw(`delete from memberships where org_id = ? and role = 'agent'`, [org.id]),
    )
    expect(await row()).toBe(before)
  })
})
