import { openDb, rows, type Tx } from '../src/db.ts'
import { newId } from '../src/ids.ts'
import {
  allTables,
  asUs,
  crossingKeys,
  failures,
  insertAsThem,
  openNeighbours,
  otherTables,
  outside,
  pointAtTheirs,
  stateOf,
  tenantTables,
  type Neighbours,
} from './support/neighbours.ts'
import { newIds, seededTables, seedRows } from './support/rows.ts'

let at: Neighbours
beforeAll(async () => {
  at = await openNeighbours()
})
afterAll(() => at.stop())

/** Errors of knex begin with the statement. */
const DENIED = /^42501: (.+ - )?permission denied for (table|schema)/
const REFUSED = /^42501: /

test('every table has a seeded row for each of two organizations, so that nothing below passes vacuously', async () => {
  expect(seededTables().toSorted()).toEqual(allTables(at).toSorted())
  expect(tenantTables(at).length).toBeGreaterThan(15)
  for (const table of tenantTables(at)) {
    const { rows: found } = await at.login.query<{ n: number }>(
      `select count(distinct org_id)::int as n from app.${table}`,
    )
    expect([table, found[0]?.n]).toEqual([table, 2])
  }
})

describe('a query that forgot the door', () => {
  test('is denied for every table as the role each pooled connection begins as', async () => {
    const read = (table: string) => outside(at, `select * from app.${table}`, 'cf_idle')
    expect(await failures(allTables(at), read, DENIED)).toEqual({})
  })

  test('is denied after a transaction through a door ended on the same connection', async () => {
    const single = openDb(at.url, 1)
    await single.withTenant(at.ours.org, (tx) => rows(tx, 'select 1 from messages'))
    const left = await single.withSystem((tx) =>
      rows<{ org: string }>(tx, `select current_setting('app.org_id', true) as org`),
    )
    expect(left).toEqual([{ org: '' }])
    await single.close()
  })

  test('raises for every table of organizations as cf_app while no organization is set', async () => {
    const read = (table: string) => outside(at, `select * from app.${table}`, 'cf_app')
    expect(await failures(tenantTables(at), read, /^42501: tenant context missing/)).toEqual({})
  })

  test('does not open a door for something that is no organization id', async () => {
    for (const org of ['', 'null', "' or true", '00000000'])
      await expect(at.db.withTenant(org, () => Promise.resolve())).rejects.toThrow(
        /organization id/,
      )
  })
})

describe('inside our door the other organization', () => {
  test('has no row to read, whether we ask for all or for theirs', async () => {
    const readAll = (table: string) =>
      asUs(at, `select org_id from app.${table} where org_id <> ?`, [at.ours.org])
    const readTheirs = (table: string) =>
      asUs(at, `select * from app.${table} where org_id = ?`, [at.theirs.org])
    const readOurs = (table: string) =>
      asUs(at, `select * from app.${table} where org_id = ?`, [at.ours.org])
    expect(await failures(tenantTables(at), readAll, /^0 rows$/)).toEqual({})
    expect(await failures(tenantTables(at), readTheirs, /^0 rows$/)).toEqual({})
    expect(await failures(tenantTables(at), readOurs, /^1 rows$/)).toEqual({})
  })

  test('loses nothing and changes nothing, whatever we update or delete', async () => {
    const before = await stateOf(at, at.theirs.org)
    const change = (table: string) =>
      asUs(at, `update app.${table} set org_id = org_id where org_id = ?`, [at.theirs.org])
    const remove = (table: string) =>
      asUs(at, `delete from app.${table} where org_id = ?`, [at.theirs.org])
    expect(
      await failures(tenantTables(at), change, /^0 rows$|^42501: .+ - permission denied/),
    ).toEqual({})
    expect(
      await failures(tenantTables(at), remove, /^0 rows$|^42501: .+ - permission denied/),
    ).toEqual({})
    expect(await stateOf(at, at.theirs.org)).toBe(before)
  })

  test('gets no row from us, neither a new one nor one of ours that is moved', async () => {
    const before = await stateOf(at, at.theirs.org)
    const insert = (table: string) => insertAsThem(at, table)
    const move = (table: string) =>
      asUs(at, `update app.${table} set org_id = ? where org_id = ?`, [at.theirs.org, at.ours.org])
    expect(await failures(tenantTables(at), insert, REFUSED)).toEqual({})
    expect(await failures(tenantTables(at), move, REFUSED)).toEqual({})
    expect(await stateOf(at, at.theirs.org)).toBe(before)
  })

  test('cannot be pointed at: every foreign key between us refuses their row', async () => {
    const found: Record<string, string> = {}
    for (const key of crossingKeys(at)) {
      const outcome = await pointAtTheirs(at, key).catch((error: Error & { code?: string }) =>
        String(error.code),
      )
      if (outcome !== '23503') found[`${key.from}(${key.columns.join()})`] = outcome
    }
    expect(crossingKeys(at).length).toBeGreaterThan(8)
    expect(found).toEqual({})
  })

  test('keeps its rows when we try to empty the table', async () => {
    const empty = (table: string) => asUs(at, `truncate app.${table} cascade`)
    expect(await failures(allTables(at), empty, DENIED)).toEqual({})
  })
})

describe('tables of no organization', () => {
  test('are closed to the pages, but for the names of our own members', async () => {
    const read = (table: string) => asUs(at, `select * from app.${table}`)
    expect(otherTables(at).toSorted()).toEqual([
      'address_undos',
      'alarms',
      'announcement_reads',
      'announcements',
      'audit_tombstones',
      'backups',
      'canary_runs',
      'deletion_events',
      'deletion_ledger',
      'disclosures',
      'incidents',
      'letter_runs',
      'mail_refusals',
      'master_keys',
      'password_resets',
      'policy_acceptances',
      'processes',
      'processor_hosts',
      'processor_notices',
      'recovery_codes',
      'restores',
      'second_factors',
      'support_files',
      'support_messages',
      'sweep_runs',
      'tallies',
      'throttles',
      'user_sessions',
      'users',
    ])
    expect(await failures(otherTables(at), read, DENIED)).toEqual({})
    expect(await asUs(at, 'select id, name, email from app.users')).toBe('1 rows')
    expect(await asUs(at, 'select id from app.users where id = ?', [at.theirs.user])).toBe('0 rows')
    await expect(asUs(at, 'select password_hash from app.users')).rejects.toThrow(
      /permission denied/,
    )
  })

  test('are never written by the pages', async () => {
    const write = (table: string) => asUs(at, `delete from app.${table}`)
    expect(await failures(otherTables(at), write, DENIED)).toEqual({})
  })
})

test('the system door sees no message, no contact and no secret of a connection', async () => {
  const asSystem = (table: string) =>
    at.db.withSystem(async (tx) => `${(await rows(tx, `select * from app.${table}`)).length} rows`)
  const open = new Set([
    'organizations',
    'users',
    'user_sessions',
    'password_resets',
    'throttles',
    'dead_letters',
    'mail_outbox',
    'audit_tombstones',
    'sweep_runs',
    'processes',
    'tallies',
    'letter_runs',
    'exports',
    'deletions',
    'deletion_events',
    'suppressions',
    'alarms',
    'second_factors',
    'policy_acceptances',
    'recovery_codes',
    'egress_log',
    'processor_notices',
    'processor_hosts',
    'processor_objections',
    'key_usage',
    'master_keys',
    'incidents',
    'disclosures',
    'legal_holds',
    'incident_orgs',
    'support_tickets',
    'support_messages',
    'support_files',
    'support_access',
    'announcements',
    'announcement_reads',
    'mail_refusals',
    'user_preferences',
    'address_undos',
    'usage_daily',
    'abuse_findings',
    'privacy_requests',
    'privacy_request_texts',
    'backups',
    'canary_runs',
    'restores',
    'deletion_ledger',
  ])
  const closed = allTables(at).filter((table) => !open.has(table))
  expect(closed).toEqual(
    expect.arrayContaining(['messages', 'contacts', 'connections', 'org_keys']),
  )
  expect(await failures(closed, asSystem, DENIED)).toEqual({})
})

test('doors do not nest: a second organization inside the first is refused', async () => {
  const nested = at.db.withTenant(at.ours.org, () =>
    at.db.withTenant(at.theirs.org, () => Promise.resolve()),
  )
  await expect(nested).rejects.toThrow(/a transaction is open already/)
})

test('an organization that is being purged takes no new row and no change, and still lets go', async () => {
  const going = newIds()
  await seedRows(at.login, going)
  await at.login.query(`update app.organizations set status = 'purging' where org_id = $1`, [
    going.org,
  ])
  const inIt = (run: (tx: Tx) => Promise<unknown>) => at.db.withTenant(going.org, run)
  const [write, change] = [
    inIt((tx) => tx('contacts').insert({ org_id: going.org, id: newId(), name: 'late' })),
    inIt((tx) => tx('contacts').where({ org_id: going.org }).update({ name: 'late' })),
  ]
  await expect(write).rejects.toThrow(/gone or being erased/)
  await expect(change).rejects.toThrow(/gone or being erased/)
  expect(await inIt((tx) => tx('feed').where({ org_id: going.org }).delete())).toBe(1)
})
