import pg from 'pg'
import type { Config } from '../config.ts'
import { openDb } from '../db.ts'
import { pendingMigrations } from '../migrate.ts'
import { openVault } from '../vault.ts'
import { fail, ok, warn, type Check } from './check.ts'
import { keyStatus } from './key-status.ts'

type Facts = {
  version: number
  login: string
  superuser: boolean
  bypassrls: boolean
  unsafe: string[]
  skewMs: number
}

const VERSION = 15
/** For a new database: an existing one belongs to the login that made it. Tried on PostgreSQL 15. */
const NARROW = [
  `create role chatflow login noinherit password '…'`,
  'grant cf_owner, cf_app, cf_system, cf_search, cf_lookup, cf_idle, cf_queue, cf_backup, cf_restore_app, cf_restore_system to chatflow with admin option',
  'create database chatflow owner chatflow',
  'in it: grant create, usage on schema public to chatflow',
].join('; ')

/** PostgreSQL itself, the login, its settings and clock, the schema, and whether the data keys open. */
export async function checkDatabase(at: { config: Config; isEmbedded: boolean }): Promise<Check[]> {
  const { DATABASE_URL } = at.config
  const facts = await ask(DATABASE_URL)
  if (typeof facts === 'string')
    return [
      fail(
        'database',
        `PostgreSQL does not let us in (${facts})`,
        'start it or correct DATABASE_URL',
      ),
    ]
  const pending = await pendingMigrations(DATABASE_URL)
  const checks = [
    checkVersion(facts),
    checkLogin(facts, at.isEmbedded),
    checkDurability(facts),
    checkClock(facts),
    pending.length === 0
      ? ok('migrations', 'the schema is up to date')
      : fail('migrations', `waiting: ${pending.join(', ')}`, 'run migrate, or start the product'),
  ]
  return pending.length === 0 ? [...checks, await checkKeys(at.config)] : checks
}

function checkVersion({ version }: Facts): Check {
  const detail = `PostgreSQL ${version}`
  if (version >= VERSION) return ok('database', detail)
  return fail('database', detail, `install PostgreSQL ${VERSION} or later`)
}

function checkLogin({ login, superuser, bypassrls }: Facts, isEmbedded: boolean): Check {
  const powers = [superuser && 'superuser', bypassrls && 'bypassrls'].filter(Boolean).join(', ')
  if (!powers) return ok('login', `${login} has no power over row security`)
  if (isEmbedded) return ok('login', `${login} steps down to a role without rights at connecting`)
  return warn(
    'login',
    `${login} is ${powers}; each connection steps down, a narrow login could not step up again`,
    `when you set up a new database: ${NARROW}`,
  )
}

const checkDurability = ({ unsafe }: Facts): Check =>
  unsafe.length === 0
    ? ok('durability', 'commits reach the disk')
    : fail(
        'durability',
        `${unsafe.join(', ')} is off`,
        'set it to on: a crash loses or breaks data',
      )

/** Leases and schedules compare times of several machines. */
const checkClock = ({ skewMs }: Facts): Check =>
  Math.abs(skewMs) < 2_000
    ? ok('clock', `${Math.round(skewMs)} ms from the database's`)
    : fail(
        'clock',
        `${Math.round(skewMs)} ms from the database's`,
        'run a time service (NTP) on both',
      )

async function checkKeys(config: Config): Promise<Check> {
  const db = openDb(config.DATABASE_URL, 2)
  try {
    const status = await keyStatus({ config, db, vault: openVault(config.masterKeys) })
    const { active, retired } = status.data_keys
    const detail = `${active + retired} data keys under ${status.master_keys.join(', ')}`
    const broken = status.unreadable.length
    if (broken === 0) return ok('keys', detail)
    return fail(
      'keys',
      `${detail}; those of ${broken} organizations do not open`,
      'add the master key that wrapped them to CHATFLOW_MASTER_KEY, behind the first',
    )
  } finally {
    await db.close()
  }
}

async function ask(url: string): Promise<Facts | string> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 3_000 })
  client.on('error', () => undefined)
  try {
    await client.connect()
    const before = Date.now()
    const answer = await client.query<Omit<Facts, 'skewMs'> & { at: Date }>(
      `select current_setting('server_version_num')::int / 10000 as version, session_user as login,
              rolsuper as superuser, rolbypassrls as bypassrls,
              clock_timestamp() as at,
              array(select name from pg_settings where setting = 'off'
                     and name in ('fsync', 'full_page_writes', 'synchronous_commit'))::text[] as unsafe
         from pg_roles where rolname = session_user`,
    )
    const [row] = answer.rows
    if (!row) return 'no role'
    const middle = (before + Date.now()) / 2
    return { ...row, skewMs: row.at.getTime() - middle }
  } catch (error) {
    return (error as { code?: string }).code ?? 'unknown error'
  } finally {
    await client.end().catch(() => undefined)
  }
}
