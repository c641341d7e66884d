import { createPostgresBackend } from 'bullmq'
import type pg from 'pg'

/** What the library's back end keeps to itself and does not get over. */
type Insides = {
  readyPromise?: Promise<void>
  connection: { pool: pg.Pool; readyPromise?: Promise<void>; waitUntilReady(): Promise<void> }
  query(text: string, params?: unknown[]): Promise<unknown>
}

/** Classes of SQLSTATE: connection exception, insufficient resources, operator intervention. */
const AWAY = /^(08|53|57)/
const SQLSTATE = /^[0-9A-Z]{5}$/

/**
 * The library's PostgreSQL back end, which gets over a store that is away. By itself it remembers a first look that
 * failed for as long as the process lives, and so fails every call after it; and it knows a refused connection only by
 * that one word: a worker that is told anything else asks again without a pause.
 */
export const recoveringBackend: typeof createPostgresBackend = (...given) => {
  const backend = createPostgresBackend(...given)
  const insides = backend as unknown as Insides
  const { connection } = insides
  const look = connection.waitUntilReady.bind(connection)
  connection.waitUntilReady = () =>
    look().catch((error: unknown) => {
      delete connection.readyPromise
      delete insides.readyPromise
      throw error
    })
  // Cut while the library looks at the schema, a connection would end the process: nobody listens to it then. Its
  // query fails all the same.
  connection.pool.on('connect', (client) => client.on('error', () => undefined))
  const query = insides.query.bind(backend)
  insides.query = (...asked) =>
    query(...asked).catch((error: unknown) => {
      throw isAway(error) ? new StoreAway(error) : error
    })
  return backend
}

/** With the code that the library takes for a refused connection. */
class StoreAway extends Error {
  readonly code = 'ECONNREFUSED'
  constructor(cause: unknown) {
    super('the store of the queues is away', { cause })
  }
}

/** PostgreSQL says why with a code of five characters; whatever has none comes from the connection. */
function isAway(error: unknown): boolean {
  const { code } = error as { code?: unknown }
  return typeof code !== 'string' || !SQLSTATE.test(code) || AWAY.test(code)
}
