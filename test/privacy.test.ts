import pg from 'pg'
import { openDb, type Db } from '../src/db.ts'
import { findDrift } from '../src/privacy/inventory.ts'
import { manifest, manifestHash } from '../src/privacy/manifest.ts'
import type { Entry, Table } from '../src/privacy/manifest/vocabulary.ts'
import { cloneDatabase, type TestDatabase } from './support/database.ts'
import { columnsOf, foreignKeysOf, type ForeignKey, type LiveColumn } from './support/schema.ts'

let database: TestDatabase
let login: pg.Client
let db: Db
let live: LiveColumn[]
let keys: ForeignKey[]

beforeAll(async () => {
  database = await cloneDatabase()
  login = new pg.Client({ connectionString: database.url })
  await login.connect()
  db = openDb(database.url, 2)
  live = await columnsOf(login)
  keys = await foreignKeysOf(login)
})
afterAll(async () => {
  await login.end()
  await db.close()
  await database.drop()
})

const drift = (tables?: readonly Table[]) => db.withSystem((tx) => findDrift(tx, tables))

const columns = manifest.tables.flatMap(({ table, columns: declared }) =>
  Object.entries(declared).map(([column, entry]) => ({
    name: `${table}.${column}`,
    table,
    column,
    entry,
  })),
)
/** The entries that break a rule, by name: an empty list is what each rule wants. */
const breaking = (broken: (entry: Entry, column: LiveColumn) => boolean): string[] =>
  columns
    .filter(({ table, column, entry }) => {
      const found = live.find((c) => c.table === table && c.column === column)
      return found === undefined || broken(entry, found)
    })
    .map(({ name }) => name)
const everyEntry = [
  ...columns.map(({ name, entry }) => ({ name, entry })),
  ...manifest.stores.map((entry) => ({ name: entry.store, entry: entry as Entry })),
]
const isPersonal = ({ subject }: Entry): boolean =>
  subject === 'account_user' || subject === 'contact'

describe('the manifest and the live schema', () => {
  test('name the same columns', async () => {
    expect(live.length).toBeGreaterThan(150)
    expect(await drift()).toEqual([])
  })

  test('no table lies outside the schemas that are accounted for', async () => {
    const { rows } = await login.query<{ name: string }>(
      `select n.nspname || '.' || c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where c.relkind in ('r', 'p', 'm', 'f') and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'app', 'jobs')`,
    )
    expect(rows.map(({ name }) => name).toSorted()).toEqual([
      'public.knex_migrations',
      'public.knex_migrations_lock',
    ])
  })

  test('a new column, a new table and a column that is gone are each named', async () => {
    await login.query(`
      alter table app.contacts add column birthday date;
      create table app.diaries (id uuid primary key);
      alter table app.drafts drop column updated_at;`)
    const findings = await drift()
    await login.query(`
      alter table app.contacts drop column birthday;
      drop table app.diaries;
      alter table app.drafts add column updated_at timestamptz not null default now();`)
    expect(findings).toEqual([
      { table: 'contacts', column: 'birthday', what: 'undeclared' },
      { table: 'diaries', column: 'id', what: 'undeclared' },
      { table: 'drafts', column: 'updated_at', what: 'gone' },
    ])
  })

  test('an entry that is taken out is missed', async () => {
    const [first, ...rest] = manifest.tables
    expect(await drift(rest)).toContainEqual({
      table: first?.table,
      column: 'name',
      what: 'undeclared',
    })
  })

  test('no column is declared twice', () => {
    expect(new Set(manifest.tables.map(({ table }) => table)).size).toBe(manifest.tables.length)
  })
})

describe('every entry', () => {
  test('about a person says how the person is found, along foreign keys or by value', () => {
    const broken = columns.filter(
      ({ table, entry }) => entry.subject !== 'none' && !leadsToSubject(table, entry),
    )
    expect(broken.map(({ name, entry }) => `${name}: ${entry.link}`)).toEqual([])
  })

  test('about a customer is held on the organization’s instruction only', () => {
    const broken = everyEntry.filter(
      ({ entry }) => entry.subject === 'contact' && entry.lawfulBasis !== 'processor_instruction',
    )
    expect(broken.map(({ name }) => name)).toEqual([])
  })

  test('has a purpose of the policy, and a balance where it rests on an interest of ours', () => {
    const purposes = new Set(['provide', 'route', 'personalise', 'communicate', 'protect'])
    const broken = everyEntry.filter(
      ({ entry }) =>
        entry.purpose.length === 0 ||
        !entry.purpose.every((purpose) => purposes.has(purpose)) ||
        (entry.lawfulBasis === 'legitimate_interest' && isPersonal(entry) && !entry.balance) ||
        entry.lawfulBasis === 'consent',
    )
    expect(broken.map(({ name }) => name)).toEqual([])
  })

  test('stays by a rule that has an end', () => {
    expect(everyEntry.filter(({ entry }) => !(entry.retention in manifest.retention))).toEqual([])
    for (const rule of Object.values(manifest.retention))
      expect('days' in rule ? rule.days >= 0 : rule.until.length > 10).toBe(true)
  })

  test('every rule is used by somebody', () => {
    const used = new Set(everyEntry.map(({ entry }) => entry.retention))
    expect(Object.keys(manifest.retention).filter((rule) => !used.has(rule))).toEqual([])
  })

  test('that is a secret is sealed and never exported', () => {
    const broken = everyEntry.filter(
      ({ name, entry }) =>
        (entry.category === 'secret' || entry.category === 'credential') &&
        name !== 'keys' &&
        (entry.sealed === 'none' || entry.export === 'include'),
    )
    expect(broken.map(({ name }) => name)).toEqual([])
  })

  test('that keeps something of a person after an erasure says why and until when', () => {
    const broken = everyEntry.filter(
      ({ entry: { erase } }) => typeof erase === 'object' && (!erase.keep || !erase.until),
    )
    expect(broken.map(({ name }) => name)).toEqual([])
    const kept = columns.filter(({ entry }) => typeof entry.erase === 'object')
    expect([...new Set(kept.map(({ table }) => table))]).toEqual([
      'deletions',
      'deletion_events',
      'suppressions',
    ])
    expect(kept.filter(({ entry }) => isPersonal(entry))).toEqual([])
  })
})

describe('what the live column is', () => {
  test('free text and JSON are about somebody, or say why not', () => {
    const isFree = ({ type, closed }: LiveColumn): boolean =>
      ['json', 'jsonb', 'text[]'].includes(type) || (type === 'text' && !closed)
    expect(
      breaking((entry, column) => isFree(column) && entry.subject === 'none' && !entry.why),
    ).toEqual([])
  })

  test('JSON declares its paths, and nothing else does', () => {
    expect(
      breaking((entry, { type }) => type.startsWith('json') !== (entry.paths !== undefined)),
    ).toEqual([])
  })

  test('null is only an erasure where null may stand', () => {
    expect(breaking((entry, { nullable }) => entry.erase === 'null' && !nullable)).toEqual([])
  })

  test('a unique value is not rewritten to a constant', () => {
    expect(breaking((entry, { unique }) => entry.erase === 'pseudonymise' && unique)).toEqual([])
  })

  test('digests are bytes or text, sealed values are text', () => {
    expect(
      breaking(
        ({ sealed }, { type }) =>
          (sealed.startsWith('gcm') && type !== 'text') ||
          (sealed === 'hash' && !['bytea', 'text'].includes(type)),
      ),
    ).toEqual([])
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

  test('a person found by no link is gone before any deletion would be due', () => {
    const broken = everyEntry.filter(({ entry }) => {
      const rule = manifest.retention[entry.retention]
      return entry.link === 'expires' && !(rule && 'days' in rule && rule.days <= 14)
    })
    expect(broken.map(({ name }) => name)).toEqual([])
  })
})

test('the hash names the content: the same content, the same hash', () => {
  expect(manifestHash()).toMatch(/^[0-9a-f]{64}$/)
  expect(manifestHash()).toBe(manifestHash())
})

const filled = (due: string): string =>
  due.replaceAll(':now', `'2026-01-01'`).replaceAll(':days', '7')

const HOME = { account_user: 'users', contact: 'contacts', org: 'organizations', none: '' }

/** Follows `column->table` along foreign keys and `column~>table` by value; the end must be the subject's own table. */
function leadsToSubject(table: string, { link, subject }: Entry): boolean {
  if (link === 'expires') return true
  if (link === 'self') return table === HOME[subject]
  const hops = [...(link ?? '').matchAll(/(\w+)(->|~>)(\w+)/g)]
  const end = hops.reduce<string | undefined>((at, [, column = '', kind, to = '']) => {
    const isThere = live.some((c) => c.table === at && c.column === column)
    const isKey = keys.some((k) => k.from === at && k.to === to && k.columns.includes(column))
    return isThere && (kind === '~>' || isKey) ? to : undefined
  }, table)
  return hops.length > 0 && end === HOME[subject]
}
