import pg from 'pg'
import { ZodError } from 'zod'
import { audit, SYSTEM } from '../src/audit/audit.ts'
import { verifyAudit, type Verdict } from '../src/audit/verify.ts'
import { openDb, rows, type Db } from '../src/db.ts'
import { newId } from '../src/ids.ts'
import { cloneDatabase, type TestDatabase } from './support/database.ts'

let database: TestDatabase
let login: pg.Client
let db: Db

beforeAll(async () => {
  database = await cloneDatabase()
  login = new pg.Client({ connectionString: database.url })
  await login.connect()
  db = openDb(database.url, 4)
})
afterAll(async () => {
  await login.end()
  await db.close()
  await database.drop()
})

/** An organization with `count` entries. */
async function newOrg(count = 0): Promise<string> {
  const org = newId()
  await login.query('insert into app.organizations (org_id, name) values ($1, $2)', [org, 'Shop'])
  for (let n = 0; n < count; n++) await write(org)
  return org
}
const write = (org: string): Promise<void> =>
  db.withTenant(org, (tx) => audit(tx, org, { actor: SYSTEM, action: 'organization.renamed' }))
const verdictOf = (org: string): Promise<Verdict> =>
  db.withTenant(org, (tx) => verifyAudit(tx, org))

/** What somebody does who holds the database itself. */
async function forge(sql: string, values: unknown[]): Promise<void> {
  await login.query('alter table app.audit_log disable trigger user')
  try {
    await login.query(sql, values)
  } finally {
    await login.query('alter table app.audit_log enable trigger user')
  }
}

test('the chain of an organization is whole, and so is one of nothing', async () => {
  expect(await verdictOf(await newOrg())).toEqual({ valid: true, first: 0, last: 0, hash: '' })
  const verdict = await verdictOf(await newOrg(3))
  expect(verdict).toMatchObject({ valid: true, first: 1, last: 3 })
  expect('hash' in verdict && verdict.hash).toMatch(/^[0-9a-f]{64}$/)
})

test('many writers at once make one chain without a gap', async () => {
  const org = await newOrg()
  await Promise.all(Array.from({ length: 20 }, () => write(org)))
  expect(await verdictOf(org)).toMatchObject({ valid: true, last: 20 })
})

test('place, time and hash are the chain’s own, whatever a writer claims', async () => {
  const org = await newOrg(1)
  await db.withTenant(org, (tx) =>
    rows(
      tx,
      `insert into audit_log (org_id, actor_kind, action, seq, at, prev_hash, hash)
       values (?, 'system', 'organization.renamed', 99, '2001-01-01', 'x', 'y')`,
      [org],
    ),
  )
  const [last] = await db.withTenant(org, (tx) =>
    rows<{ seq: number; old: boolean }>(
      tx,
      `select seq, at < now() - interval '1 day' as old from audit_log where org_id = ? order by seq desc`,
      [org],
    ),
  )
  expect(last).toEqual({ seq: 2, old: false })
  expect(await verdictOf(org)).toMatchObject({ valid: true, last: 2 })
})

test('a transaction that is rolled back leaves no gap', async () => {
  const org = await newOrg(1)
  const failed = db.withTenant(org, async (tx) => {
    await audit(tx, org, { actor: SYSTEM, action: 'organization.renamed' })
    throw new Error('after all not')
  })
  await expect(failed).rejects.toThrow('after all not')
  await write(org)
  expect(await verdictOf(org)).toMatchObject({ valid: true, last: 2 })
})

describe('a forged log is found, and the first bad entry named', () => {
  test.each([
    [
      'an altered word',
      `update app.audit_log set action = 'sign_in.ok' where org_id = $1 and seq = 4`,
      4,
    ],
    [
      'an altered time',
      `update app.audit_log set at = at - interval '1 second' where org_id = $1 and seq = 1`,
      1,
    ],
    [
      'another actor',
      `update app.audit_log set actor_id = org_id where org_id = $1 and seq = 6`,
      6,
    ],
    [
      'a network put in',
      `update app.audit_log set ip = '10.0.0.0/8' where org_id = $1 and seq = 2`,
      2,
    ],
    ['an entry taken out', `delete from app.audit_log where org_id = $1 and seq = 3`, 3],
    ['the first taken out', `delete from app.audit_log where org_id = $1 and seq = 1`, 1],
    ['the last taken out', `delete from app.audit_log where org_id = $1 and seq = 6`, 6],
    ['all taken out', `delete from app.audit_log where org_id = $1`, 1],
    [
      'one moved to another place',
      `update app.audit_log set seq = 30 where org_id = $1 and seq = 2`,
      2,
    ],
    [
      'one put behind the end',
      `insert into app.audit_log select org_id, 7, at, actor_kind, actor_id, action, target_kind, target_id, ip,
         request_id, detail, prev_hash, hash from app.audit_log where org_id = $1 and seq = 6`,
      7,
    ],
  ])('%s', async (_what, sql, bad) => {
    const org = await newOrg(6)
    await forge(sql, [org])
    expect(await verdictOf(org)).toEqual({ valid: false, first_bad: bad })
  })

  test('also when its own hash was computed again', async () => {
    const org = await newOrg(4)
    await forge(`update app.audit_log set action = 'sign_in.ok' where org_id = $1 and seq = 2`, [
      org,
    ])
    await forge(
      `update app.audit_log l set hash = app.audit_digest(l) where org_id = $1 and seq = 2`,
      [org],
    )
    expect(await verdictOf(org)).toEqual({ valid: false, first_bad: 3 })
  })
})

describe('nobody changes what is written', () => {
  const refusals = (role: string) => async (sql: string) => {
    await login.query('begin')
    await login.query(`set local role ${role}`)
    const refused = await login.query(sql).then(
      (done) => `${done.rowCount} rows`,
      (error: Error & { code?: string }) => error.code,
    )
    await login.query('rollback')
    return refused
  }
  test.each(['cf_app', 'cf_system', 'cf_owner', 'none'])('as %s', async (role) => {
    await newOrg(2)
    for (const sql of [
      `update app.audit_log set action = 'x'`,
      'delete from app.audit_log',
      'truncate app.audit_log',
    ])
      expect([sql, await refusals(role)(sql)]).toEqual([sql, '42501'])
  })

  test('and the pages cannot move the head', async () => {
    const org = await newOrg(2)
    const change = db.withTenant(org, (tx) =>
      rows(tx, `update audit_head set seq = 1 where org_id = ?`, [org]),
    )
    await expect(change).rejects.toThrow(/permission denied/)
  })

  test('nor does the system door read what it writes', async () => {
    const org = await newOrg()
    await db.withSystem((tx) => audit(tx, org, { actor: SYSTEM, action: 'sign_in.blocked' }))
    const read = db.withSystem((tx) => rows(tx, 'select * from audit_log where org_id = ?', [org]))
    await expect(read).rejects.toThrow(/permission denied/)
    expect(await verdictOf(org)).toMatchObject({ valid: true, last: 1 })
  })
})

test('a detail that its action does not declare is refused, a text that a person typed among them', async () => {
  const org = await newOrg()
  const wrong = [{ note: 'called me at home' }, { role: 'Maya' }, {}]
  for (const detail of wrong) {
    const entry = { actor: SYSTEM, action: 'member.added', detail } as never
    await expect(db.withTenant(org, (tx) => audit(tx, org, entry))).rejects.toThrow(ZodError)
  }
  expect(await verdictOf(org)).toMatchObject({ last: 0 })
})

describe('the end of entries', () => {
  const trim = (org: string, before: Date, limit = 1_000): Promise<{ n: number }[]> =>
    db.withSystem((tx) => rows(tx, `select audit_trim(?, ?, ?) as n`, [org, before, limit]))
  const later = (): Date => new Date(Date.now() + 60_000)

  test('by retention takes the oldest in parts, and the rest is a whole chain that goes on', async () => {
    const org = await newOrg(5)
    expect(await trim(org, new Date(Date.now() - 60_000))).toEqual([{ n: 0 }])
    expect(await trim(org, later(), 3)).toEqual([{ n: 3 }])
    expect(await verdictOf(org)).toMatchObject({ valid: true, first: 4, last: 5 })
    await write(org)
    expect(await verdictOf(org)).toMatchObject({ valid: true, first: 4, last: 6 })
    expect(await trim(org, later())).toEqual([{ n: 3 }])
    await write(org)
    expect(await verdictOf(org)).toMatchObject({ valid: true, first: 7, last: 7 })
    await forge('delete from app.audit_log where org_id = $1', [org])
    expect(await verdictOf(org)).toEqual({ valid: false, first_bad: 7 })
  })

  test('by a purge takes all and keeps the last hash; without a purge it is refused', async () => {
    const org = await newOrg(3)
    const verdict = await verdictOf(org)
    const forget = () => db.withSystem((tx) => rows(tx, `select audit_forget(?)`, [org]))
    await expect(forget()).rejects.toThrow(/no purge is running/)
    await login.query(`update app.organizations set status = 'purging' where org_id = $1`, [org])
    await expect(write(org)).rejects.toThrow(/gone or being erased/)
    await forget()
    const left = await login.query<{ n: number }>(
      `select (select count(*) from app.audit_log where org_id = $1)::int +
              (select count(*) from app.audit_head where org_id = $1)::int as n`,
      [org],
    )
    expect(left.rows).toEqual([{ n: 0 }])
    const stones = await db.withSystem((tx) =>
      rows<{ hash: string }>(
        tx,
        `select encode(hash, 'hex') as hash from audit_tombstones where org_ref = sha256(uuid_send(?::uuid))`,
        [org],
      ),
    )
    expect(stones).toEqual([{ hash: 'hash' in verdict ? verdict.hash : '' }])
  })
})
