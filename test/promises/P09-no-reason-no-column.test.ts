import pg from 'pg'
import { openDb, type Db } from '../../src/db.ts'
import { findDrift, type Finding } from '../../src/privacy/inventory.ts'
import { cloneDatabase, type TestDatabase } from '../support/database.ts'

describe('P9 — no column without a reason', () => {
  let database: TestDatabase
  let login: pg.Client
  let db: Db
  beforeAll(async () => {
    database = await cloneDatabase()
    login = new pg.Client({ connectionString: database.url })
    await login.connect()
    db = openDb(database.url, 1)
  })
  afterAll(async () => {
    await login.end()
    await db.close()
    await database.drop()
  })
  const drift = (): Promise<Finding[]> => db.withSystem((tx) => findDrift(tx))

  test('the migrated schema and the manifest agree', async () => {
    expect(await drift()).toEqual([])
  })

  test('a new column, table or view is named', async () => {
    await login.query(`
      alter table app.contacts add column birthday date;
      create table app.moods (mood text);
      create view app.names as select name from app.contacts`)
    expect(await drift()).toEqual([
      { table: 'contacts', column: 'birthday', what: 'undeclared' },
      { table: 'moods', column: 'mood', what: 'undeclared' },
      { table: 'names', column: 'name', what: 'undeclared' },
    ])
    await login.query(`
      drop view app.names; drop table app.moods; alter table app.contacts drop column birthday`)
  })

  test('a column that was renamed is named twice: the new one and the stale entry', async () => {
    await login.query('alter table app.drafts rename column updated_at to touched_at')
    expect(await drift()).toEqual([
      { table: 'drafts', column: 'touched_at', what: 'undeclared' },
      { table: 'drafts', column: 'updated_at', what: 'gone' },
    ])
  })
})
