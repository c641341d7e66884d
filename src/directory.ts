import { rows, type Db } from './db.ts'
import type { Events } from './events.ts'
import type { Meter } from './key-usage.ts'
import type { Log } from './log.ts'
import { Secret } from './secret.ts'
import { open, type SealingKey, type Vault } from './vault.ts'

/** What a webhook needs to know of a connection, with its secrets opened. */
export type Route = {
  org: string
  connection: string
  phoneNumberId: string
  wabaId: string
  state: string
  appSecret: Secret
  verifyToken: Secret
  key: SealingKey
}

/** The connections were not read yet: answer 503, not 401. */
export class NotLoaded extends Error {}

/** Connections and their keys in memory, so that webhooks go on while the database is away. */
export type Directory = {
  loaded(): boolean
  /** From memory alone; throws NotLoaded before the first read. */
  find(connection: string): Route | undefined
  /** Only where the number is proven: an organization cannot claim another one's number by typing it in. */
  byNumber(phoneNumberId: string): Route | undefined
  /** A connection of this WhatsApp business account, for events that name no number. */
  byAccount(wabaId: string): Route | undefined
  /** As `find`, with one query on a miss, at most one a second; misses are remembered for 10. Throws NotLoaded when it cannot know. */
  lookup(connection: string): Promise<Route | undefined>
  refresh(): Promise<void>
  close(): void
}

type Row = {
  org_id: string
  connection_id: string
  phone_number_id: string
  waba_id: string
  state: string
  app_secret: string | null
  verify_token: string | null
  proven: boolean
  /** The active one first. */
  keys: { kid: string; wrapped: string }[]
}

const REFRESH_MS = 30_000
const MISS_MS = 10_000
/** Ids cost a stranger nothing, and a reading opens every connection's secrets. */
const PAUSE_MS = 1_000
const MISSES_KEPT = 10_000

type Needs = { db: Db; vault: Vault; meter: Meter; events: Events; log: Log }

export function openDirectory(on: Needs): Directory {
  const { events, log } = on
  const book = openBook(on)
  const quietly = (): void =>
    void book.refresh().catch((error: unknown) => log.warn({ err: error }, 'connections not read'))
  const timer = setInterval(quietly, REFRESH_MS).unref()
  const leave = events.subscribe((event) => {
    if (event.kind === 'connections') quietly()
  })
  const misses = new Map<string, number>()
  let asked = Number.NEGATIVE_INFINITY
  return {
    ...book,
    async lookup(connection) {
      const isMiss = (misses.get(connection) ?? 0) > Date.now()
      const route = book.loaded() ? book.find(connection) : undefined
      if (route || isMiss || (book.loaded() && performance.now() - asked < PAUSE_MS)) return route
      asked = performance.now()
      await book.refresh().catch(() => {
        throw new NotLoaded()
      })
      const found = book.find(connection)
      if (misses.size >= MISSES_KEPT) misses.clear()
      if (!found) misses.set(connection, Date.now() + MISS_MS)
      return found
    },
    close() {
      clearInterval(timer)
      leave()
    },
  }
}

/** The connections as they were last read; several readers at once share one query. */
function openBook({ db, vault, meter, log }: Needs): Omit<Directory, 'lookup' | 'close'> {
  let known: Map<string, Route> | undefined
  let numbers = new Map<string, Route>()
  let accounts = new Map<string, Route>()
  let reading: Promise<void> | undefined
  let next: Promise<void> | undefined
  const read = async (): Promise<void> => {
    const found = await db.withSystem((tx) => rows<Row>(tx, 'select * from route_connections()'))
    const routes = found.flatMap((row) => openRoute(row, vault, log))
    known = new Map(routes.map((route) => [route.connection, route]))
    const proven = new Set(found.flatMap((row) => (row.proven ? row.connection_id : [])))
    const claimed = routes.filter((route) => proven.has(route.connection)).toReversed()
    numbers = new Map(claimed.map((route) => [route.phoneNumberId, route]))
    accounts = new Map(claimed.map((route) => [route.wabaId, route]))
    // A webhook has no time to wait for uses of its key, and is not to need the database.
    await meter
      .provide(routes.map(({ org, key }) => ({ org, kid: key.id })))
      .catch((error: unknown) => log.warn({ err: error }, 'no uses of keys set aside'))
  }
  const start = (): Promise<void> => {
    reading = read().finally(() => {
      reading = undefined
    })
    return reading
  }
  const loadedOnly = <T>(value: (routes: Map<string, Route>) => T): T => {
    if (!known) throw new NotLoaded()
    return value(known)
  }
  return {
    loaded: () => known !== undefined,
    find: (connection) => loadedOnly((routes) => routes.get(connection)),
    byNumber: (phoneNumberId) => loadedOnly(() => numbers.get(phoneNumberId)),
    byAccount: (wabaId) => loadedOnly(() => accounts.get(wabaId)),
    refresh() {
      if (!reading) return start()
      // The read under way may have begun before the caller's commit: all who ask meanwhile share the next one.
      next ??= reading
        .catch(() => undefined)
        .then(() => {
          next = undefined
          return start()
        })
      return next
    },
  }
}

/** A connection whose secrets do not open is left out and named in the log: its webhooks get 401 and are sent again. */
function openRoute(row: Row, vault: Vault, log: Log): Route[] {
  const { org_id: org, connection_id: connection, app_secret, verify_token } = row
  if (!app_secret || !verify_token) return []
  try {
    const keys = row.keys.map(({ kid, wrapped }) => vault.unwrap(org, kid, wrapped))
    const [key] = keys
    if (!key) return []
    const secret = (column: string, value: string): string =>
      open(keys, { purpose: `connections|${column}`, org, row: connection }, value).toString('utf8')
    return [
      {
        org,
        connection,
        phoneNumberId: row.phone_number_id,
        wabaId: row.waba_id,
        state: row.state,
        appSecret: new Secret(secret('app_secret', app_secret), 'check_signature'),
        verifyToken: new Secret(secret('verify_token', verify_token), 'handshake'),
        key,
      },
    ]
  } catch (error) {
    log.error({ err: error, connection }, 'the secrets of a connection do not open')
    return []
  }
}
