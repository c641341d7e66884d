declare module 'knex/lib/dialects/postgres/index.js' {
  import { Knex } from 'knex'
  /** Knex' own PostgreSQL dialect, which its type declarations leave out. */
  export default class PostgresClient extends Knex.Client {
    _query(connection: unknown, query: { options?: object }): Promise<unknown>
  }
}
