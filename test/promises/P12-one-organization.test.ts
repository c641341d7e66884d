import { rows } from '../../src/db.ts'
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
          and not (c.relrowsecurity and c.relforcerowsecurity)`,
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
})
