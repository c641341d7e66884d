import pg from 'pg'
import { openDb, type Db } from '../src/db.ts'
import { findDrift } from '../src/privacy/inventory.ts'
import { manifest, manifestHash } from '../src/privacy/manifest.ts'
import { covers } from '../src/privacy/patterns.ts'
import { cloneDatabase, type TestDatabase } from './support/database.ts'
import { brokenRules } from './support/manifest-rules.ts'
import { columnsOf, foreignKeysOf } from './support/schema.ts'

let database: TestDatabase
let login: pg.Client
let db: Db

beforeAll(async () => {
  database = await cloneDatabase()
  login = new pg.Client({ connectionString: database.url })
  await login.connect()
  db = openDb(database.url, 2)
})
afterAll(async () => {
  await login.end()
  await db.close()
  await database.drop()
})

describe('the manifest and the live schema', () => {
  test('name the same columns, in every schema', async () => {
    expect((await columnsOf(login)).length).toBeGreaterThan(150)
    expect(await db.withSystem((tx) => findDrift(tx))).toEqual([])
  })

  test('an entry that is taken out is missed', async () => {
    const [first, ...rest] = manifest.tables
    const found = await db.withSystem((tx) => findDrift(tx, rest))
    expect(found).toContainEqual({
      kind: 'column',
      name: `${first?.table}.name`,
      what: 'undeclared',
    })
  })

  test('no column and no place is declared twice', () => {
    expect(new Set(manifest.tables.map(({ table }) => table)).size).toBe(manifest.tables.length)
    expect(new Set(manifest.stores.map(({ store }) => store)).size).toBe(manifest.stores.length)
  })

  test('every entry keeps every rule', async () => {
    const schema = { live: await columnsOf(login), keys: await foreignKeysOf(login) }
    expect(brokenRules(manifest, schema)).toEqual([])
  })

  test('every rule of retention is used by somebody', () => {
    const entries = [
      ...manifest.tables.flatMap(({ columns }) => Object.values(columns)),
      ...manifest.stores,
    ]
    const used = new Set(entries.map(({ retention }) => retention))
    expect(Object.keys(manifest.retention).filter((rule) => !used.has(rule))).toEqual([])
  })

  test('only proof and digests stay after an erasure', () => {
    const kept = manifest.tables.filter(({ columns }) =>
      Object.values(columns).some(({ erase }) => typeof erase === 'object'),
    )
    expect(kept.map(({ table }) => table)).toEqual([
      'deletions',
      'deletion_events',
      'suppressions',
      'deletion_ledger',
    ])
  })

  test('every place of files says which they are', () => {
    const silent = manifest.stores.filter(
      ({ kind, files }) => (kind === 'files') !== Boolean(files),
    )
    expect(silent.map(({ store }) => store)).toEqual([])
  })
})

describe('retention', () => {
  const timed = manifest.tables.filter(({ columns: declared }) =>
    Object.values(declared).some(
      ({ retention }) => 'days' in (manifest.retention[retention] ?? {}),
    ),
  )

  test.each(timed.map((table) => [table.table, table] as const))(
    '%s has a sweep for each rule with a number of days',
    (_name, { columns: declared, sweeps }) => {
      const rules = new Set(Object.values(declared).map(({ retention }) => retention))
      const swept = sweeps.map(({ rule }) => rule)
      const timedRules = [...rules].filter((rule) => 'days' in (manifest.retention[rule] ?? {}))
      expect(swept.toSorted()).toEqual(timedRules.toSorted())
    },
  )

  test('every sweep is a condition the database understands', async () => {
    const statements = manifest.tables.flatMap(({ table, sweeps }) =>
      sweeps.map(({ due }) => `explain delete from app.${table} where ${filled(due)}`),
    )
    expect(statements.length).toBeGreaterThan(8)
    for (const statement of statements) await login.query(statement)
  })
})

test.each([
  ['a.b', 'a.b', true],
  ['a.b', 'a', false],
  ['a', 'a.b', false],
  ['*.b', 'x.b', true],
  ['*.b', 'x.y.b', false],
  ['a.**', 'a.b.c', true],
  ['a.**', 'a', false],
  ['**', 'x', true],
  ['lock-*', 'lock-7', true],
  ['a*a', 'a', false],
  ['a*b*c', 'axbyc', true],
  ['a*b*c', 'axc', false],
])('the pattern %s covers %s: %s', (pattern, path, isCovered) => {
  expect(covers(pattern.split('.'), path.split('.'))).toBe(isCovered)
})

test('the hash names the content: the same content, the same hash', () => {
  expect(manifestHash()).toMatch(/^[0-9a-f]{64}$/)
  expect(manifestHash()).toBe(manifestHash())
})

const filled = (due: string): string =>
  due.replaceAll(':now', `'2026-01-01'`).replaceAll(':days', '7')
