import { rows } from '../../src/db.ts'
import { startApp } from '../support/app.ts'
import { member } from '../support/member.ts'
import {
  asUs,
  crossingKeys,
  failures,
  insertAsThem,
  openNeighbours,
  pointAtTheirs,
  stateOf,
  tenantTables,
  type Neighbours,
} from '../support/neighbours.ts'
import { talkWith } from '../support/program.ts'

describe('P12 — one organization never sees another', () => {
  let at: Neighbours
  beforeAll(async () => {
    at = await openNeighbours()
  })
  afterAll(() => at.stop())

  test('no table shows, changes or takes a row of theirs', async () => {
    const before = await stateOf(at, at.theirs.org)
    const read = (table: string) =>
      asUs(at, `select * from app.${table} where org_id <> ?`, [at.ours.org])
    const remove = (table: string) =>
      asUs(at, `delete from app.${table} where org_id = ?`, [at.theirs.org])
    const insert = (table: string) => insertAsThem(at, table)
    expect(await failures(tenantTables(at), read, /^0 rows$/)).toEqual({})
    expect(await failures(tenantTables(at), remove, /^0 rows$|permission denied/)).toEqual({})
    expect(await failures(tenantTables(at), insert, /^42501: /)).toEqual({})
    expect(await stateOf(at, at.theirs.org)).toBe(before)
  })

  test('no foreign key reaches over', async () => {
    const refusals: unknown[] = []
    for (const key of crossingKeys(at))
      refusals.push(await pointAtTheirs(at, key).catch(({ code }: { code?: string }) => code))
    expect(new Set(refusals)).toEqual(new Set(['23503']))
  })

  test('each policy guards reading and writing, and binds the owner too', async () => {
    const { rows: open } = await at.login.query<{ name: string }>(
      `select c.relname as name from pg_class c
        where c.relnamespace = 'app'::regnamespace and c.relname = any ($1)
          and not (c.relrowsecurity and c.relforcerowsecurity and exists (
            select from pg_policy p where p.polrelid = c.oid and p.polqual is not null and p.polwithcheck is not null))`,
      [tenantTables(at)],
    )
    expect(open).toEqual([])
  })

  test('a connection forgets the organization, after an error as well', async () => {
    const failed = at.db.withTenant(at.ours.org, (tx) => tx.raw('select 1 / 0'))
    await expect(failed).rejects.toThrow(/division by zero/)
    await at.db.withTenant(at.ours.org, (tx) => tx.raw('select 1'))
    const [left] = await at.db.withSystem((tx) =>
      rows<{ org: string | null }>(tx, `select current_setting('app.org_id', true) as org`),
    )
    expect(left?.org ?? '').toBe('')
  })

  test('joins and counts over everything end at our own rows', async () => {
    for (const table of tenantTables(at)) {
      const [seen] = await at.db.withTenant(at.ours.org, (tx) =>
        rows<{ others: number }>(
          tx,
          `select count(*) filter (where t.org_id <> ?)::int as others from app."${table}" t
             left join app.organizations o on o.org_id = t.org_id`,
          [at.ours.org],
        ),
      )
      expect([table, seen?.others]).toEqual([table, 0])
    }
  })

  test('ON CONFLICT over a key of theirs takes nothing of it and changes nothing', async () => {
    const before = await stateOf(at, at.theirs.org)
    const overwrite = async (table: string): Promise<string> => {
      const own = at.columns.filter((c) => c.table === table && !c.generated)
      const names = own.map(({ column }) => `"${column}"`)
      const { rows: found } = await at.login.query<Record<string, unknown>>(
        `select ${names.map((name) => `quote_nullable(${name}::text) as ${name}`).join(', ')} from app.${table} where org_id = $1`,
        [at.theirs.org],
      )
      const values = own.map(({ column, type }) =>
        column === 'org_id' ? '?' : `${String(found[0]?.[column])}::${type}`,
      )
      return asUs(
        at,
        `insert into app.${table} (${names.join(', ')}) values (${values.join(', ')}) on conflict do nothing`,
        [at.ours.org],
      )
    }
    // Either the key is one of ours alone, and the row is ours, or the database refuses; theirs stays in any case.
    const outcomes = await failures(
      tenantTables(at),
      overwrite,
      /^[01] rows$|^(42501|23\d{3}|P0001): /,
    )
    expect(outcomes).toEqual({})
    expect(await stateOf(at, at.theirs.org)).toBe(before)
  })

  test('their ids are unknown here, as ids that never were', async () => {
    const app = await startApp({ workers: false })
    const [ours, theirs] = [await app.org(), await app.org()]
    const talk = await talkWith(app, theirs)
    const owner = await member(app, ours, 'owner')
    for (const address of [
      `/contacts/${talk.contact}`,
      `/contacts/${talk.contact}/edit`,
      `/contacts/${talk.contact}/data`,
      `/inbox/${talk.conversation}`,
      `/settings/members/${theirs.owner.id}`,
      `/settings/connections/${theirs.connection.id}/secrets`,
    ])
      expect([address, (await owner.get(address)).status]).toEqual([address, 404])
    await app.stop()
  })
})
