import { AsyncLocalStorage } from 'node:async_hooks'
import knex, { type Knex } from 'knex'
import PostgresClient from 'knex/lib/dialects/postgres/index.js'
import pg from 'pg'
import { isId } from './ids.ts'

export type Tx = Knex.Transaction

/** The two doors everything goes through; outside them a pooled connection is `cf_idle` and may do nothing. */
export type Ways = {
  /** One transaction as `cf_app`, seeing the rows of one organization only. No network call inside. */
  withTenant<T>(org: string, run: (tx: Tx) => Promise<T>): Promise<T>
  /** One transaction as `cf_system`: sign-in, sessions, routing, sweeps, mail; no message, no contact. */
  withSystem<T>(run: (tx: Tx) => Promise<T>): Promise<T>
}

export type Db = Ways & {
  /**
   * The doors as ways into one transaction that only reads and sees the database as it was at the first of them,
   * whatever is written meanwhile: one door at a time. It keeps a connection and holds back the database's cleaning, so
   * nobody else is waited for inside; more than 20 seconds between two statements end it.
   */
  snapshot<T>(run: (ways: Ways) => Promise<T>): Promise<T>
  /** As `withTenant` on a connection of its own, also inside a door: for what must stand whatever becomes of the rest. */
  apart<T>(org: string, run: (tx: Tx) => Promise<T>): Promise<T>
  /** Connections of this process: in use, idle, and how many wait for one. */
  pool(): { used: number; idle: number; waiting: number }
  /** Answers when the database does; throws otherwise. */
  ping(): Promise<void>
  /** Whether pages and workers are let in: not while a backup is restored, nor before the database was migrated. */
  isOpen(): Promise<boolean>
  close(): Promise<void>
}

/**
 * A query without bound values goes by the simple protocol, which takes several statements at once;
 * the extended protocol refuses a second one, so an injected `; set role …` fails.
 */
class StrictClient extends PostgresClient {
  override _query(connection: unknown, query: { options?: object }): Promise<unknown> {
    return super._query(connection, {
      ...query,
      options: { ...query.options, queryMode: 'extended' },
    })
  }
}

const INT8 = 20
const types = {
  getTypeParser: (oid: number, format?: string): unknown =>
    oid === INT8 ? Number : (pg.types.getTypeParser(oid, format as 'text') as unknown),
} as NonNullable<Knex.PgConnectionConfig['types']>

const NOBODY = 'cf_idle'
/** The settings every connection of ours begins with: no right at all until a door is opened. */
export const IDLE = `-c role=${NOBODY} -c search_path=app,public`

const inside = new AsyncLocalStorage<string>()

/** True inside a door: the egress client refuses to wait on the network while a connection is held. */
export const insideTransaction = (): boolean => inside.getStore() !== undefined

let doorsOpen = 0

/** While no door is open nobody needs to be told apart, and every promise of the process is spared the tracking. */
async function within<T>(door: string, run: () => Promise<T>): Promise<T> {
  doorsOpen += 1
  try {
    return await inside.run(door, run)
  } finally {
    doorsOpen -= 1
    if (doorsOpen === 0) inside.disable()
  }
}

/** knex prints errors with their texts, which quote values; whoever called hears of them anyway. */
export const SILENT: Knex.Logger = {
  debug: () => undefined,
  deprecate: () => undefined,
  error: () => undefined,
  warn: () => undefined,
}

/** Who the doors lead to: a restore has a way in of its own while the usual one is shut. */
export type Doors = { tenant: string; system: string }
export const DOORS: Doors = { tenant: 'cf_app', system: 'cf_system' }
export const RESTORE_DOORS: Doors = { tenant: 'cf_restore_app', system: 'cf_restore_system' }

/** The database is being restored: nobody is let in before what was deleted is deleted again. */
export class Shut extends Error {
  /** PostgreSQL's own word for "not now": whoever meets it tries again later. */
  readonly code = '57P03'
  constructor() {
    super('a backup is being restored')
  }
}

/** A schema without a way in: its tables are denied by their full name, and not found by their short one. */
const SHUT = /^(42501|42P01|42883|3F000)$/

/** What knex' pool tells of itself. */
type Held = { numUsed(): number; numFree(): number; numPendingAcquires(): number }

function heldBy({ client }: Knex): ReturnType<Db['pool']> {
  const { pool } = client as { pool: Held }
  return { used: pool.numUsed(), idle: pool.numFree(), waiting: pool.numPendingAcquires() }
}

const NO_ID = 'this is no organization id'

/** Runs something in a transaction: one of its own, or the one of a snapshot. */
type Begin = <T>(run: (tx: Tx) => Promise<T>) => Promise<T>

/** What holds from a door to the end of its transaction. */
const SETTINGS = `select set_config('app.org_id', ?, true), set_config('statement_timeout', '15s', true),
  set_config('idle_in_transaction_session_timeout', '20s', true), set_config('role', ?, true)`

/** Behind each door of a snapshot the connection is nobody again: only nobody may choose an organization. */
function doorsWithin(tx: Tx): Begin {
  let isBusy = false
  return async (run) => {
    if (isBusy) throw new Error('a snapshot has one door open at a time')
    isBusy = true
    try {
      await tx.raw(`set local role ${NOBODY}`)
      return await run(tx)
    } finally {
      isBusy = false
    }
  }
}

export function openDb(url: string, max = 10, doors = DOORS): Db {
  const pool = knex({
    client: StrictClient as unknown as typeof Knex.Client,
    connection: { connectionString: url, options: IDLE, types, application_name: 'chatflow' },
    pool: { min: 0, max },
    acquireConnectionTimeout: 10_000,
    log: SILENT,
  })
  const usual = waysInto(pool, doors, (run) => pool.transaction(run))
  return {
    ...usual,
    snapshot: (run) =>
      pool.transaction((tx) => run(waysInto(pool, doors, doorsWithin(tx))), {
        isolationLevel: 'repeatable read',
        readOnly: true,
      }),
    apart: (org, run) => inside.exit(() => usual.withTenant(org, run)),
    pool: () => heldBy(pool),
    async ping() {
      await pool.raw('select 1')
    },
    isOpen: () => isOpen(pool),
    close: () => pool.destroy(),
  }
}

function waysInto(pool: Knex, doors: Doors, begin: Begin): Ways {
  const enter = async <T>(role: string, org: string, run: (tx: Tx) => Promise<T>): Promise<T> => {
    const outer = inside.getStore()
    if (outer !== undefined)
      throw new Error(`a transaction is open already (${outer.split(':')[0]})`)
    return within(`${role}:${org}`, () =>
      begin(async (tx) => {
        await tx.raw(SETTINGS, [org, role])
        return run(tx)
      }),
    ).catch(async (error: Error & { code?: unknown }) => {
      const isSuspect = SHUT.test(String(error.code)) && doors === DOORS
      if (isSuspect && !(await isOpen(pool).catch(() => true))) throw new Shut()
      throw error
    })
  }
  return {
    withTenant: (org, run) =>
      isId(org) ? enter(doors.tenant, org, run) : Promise.reject(new Error(NO_ID)),
    withSystem: (run) => enter(doors.system, '', run),
  }
}

async function isOpen(pool: Knex): Promise<boolean> {
  const answer: unknown = await pool.raw(
    `select coalesce(bool_and(has_schema_privilege(r, to_regnamespace('app')::oid, 'usage')), false) as open
       from unnest(array['cf_app', 'cf_system']) r`,
  )
  return (answer as { rows: { open: boolean }[] }).rows[0]?.open === true
}

/** Rows of a raw statement, typed by the caller, who wrote the statement. */
export async function rows<T>(
  tx: Tx,
  sql: string,
  values: Knex.RawBinding[] | Knex.ValueDict = [],
): Promise<T[]> {
  const result: unknown = await tx.raw(sql, values as Knex.ValueDict)
  return (result as { rows: T[] }).rows
}

const RETRIABLE =
  /^(08|53|57P0)|^(40001|40P01|55P03|25006)$|^(ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN)/

/** Nobody's data is at fault: the same statement may succeed on another try. */
export function isRetriable(error: unknown): boolean {
  const { code, name, message } = error as { code?: string; name?: string; message?: string }
  return (
    (typeof code === 'string' && RETRIABLE.test(code)) ||
    name === 'KnexTimeoutError' ||
    /Connection terminated|Unable to acquire a connection/.test(message ?? '')
  )
}

/** The unique, foreign or check constraint an error names, or undefined. */
export const constraintOf = (error: unknown): string | undefined => {
  const { code, constraint } = error as { code?: string; constraint?: string }
  return code?.startsWith('23') ? constraint : undefined
}
