import { AsyncLocalStorage } from 'node:async_hooks'
import knex, { type Knex } from 'knex'
import PostgresClient from 'knex/lib/dialects/postgres/index.js'
import pg from 'pg'
import { isId } from './ids.ts'

export type Tx = Knex.Transaction

/** The three doors of the database; outside them a pooled connection is `cf_idle` and may do nothing. */
export type Db = {
  /** One transaction as `cf_app`, seeing the rows of one organization only. No network call inside. */
  withTenant<T>(org: string, run: (tx: Tx) => Promise<T>): Promise<T>
  /** One transaction as `cf_system`: sign-in, sessions, routing, sweeps, mail; no message, no contact. */
  withSystem<T>(run: (tx: Tx) => Promise<T>): Promise<T>
  /** Answers when the database does; throws otherwise. */
  ping(): Promise<void>
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

/** The settings every connection of ours begins with: no right at all until a door is opened. */
export const IDLE = '-c role=cf_idle -c search_path=app,public'

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

export function openDb(url: string, max = 10): Db {
  const pool = knex({
    client: StrictClient as unknown as typeof Knex.Client,
    connection: { connectionString: url, options: IDLE, types, application_name: 'chatflow' },
    pool: { min: 0, max },
    acquireConnectionTimeout: 10_000,
    log: SILENT,
  })
  const enter = async <T>(role: string, org: string, run: (tx: Tx) => Promise<T>): Promise<T> => {
    const door = `${role}:${org}`
    const outer = inside.getStore()
    if (outer !== undefined)
      throw new Error(`a transaction is open already (${outer.split(':')[0]})`)
    return within(door, () =>
      pool.transaction(async (tx) => {
        await tx.raw(
          `select set_config('app.org_id', ?, true), set_config('statement_timeout', '15s', true),
                  set_config('idle_in_transaction_session_timeout', '20s', true), set_config('role', ?, true)`,
          [org, role],
        )
        return run(tx)
      }),
    )
  }
  return {
    withTenant(org, run) {
      if (!isId(org)) return Promise.reject(new Error('withTenant needs an organization id'))
      return enter('cf_app', org, run)
    },
    withSystem: (run) => enter('cf_system', '', run),
    async ping() {
      await pool.raw('select 1')
    },
    close: () => pool.destroy(),
  }
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
