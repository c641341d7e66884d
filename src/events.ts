import { setTimeout as pause } from 'node:timers/promises'
import { Redis } from 'ioredis'
import pg from 'pg'
import { IDLE } from './db.ts'
import type { Log } from './log.ts'

/** What processes tell each other: ids only, at most once, never the truth itself. */
export type Event =
  | { kind: 'feed'; org: string }
  | { kind: 'connections' }
  | { kind: 'keys'; org: string }
  | { kind: 'sessions'; user: string }
  | { kind: 'maintenance' }

export type Events = {
  publish(event: Event): void
  subscribe(heard: (event: Event) => void): () => void
  close(): Promise<void>
}

type Wire = { send(text: string): Promise<unknown>; close(): Promise<void> }
const CHANNEL = 'cf_events'
/** One notice per organization and 50 ms: a burst of a thousand messages wakes each page twenty times a second. */
const PAUSE_MS = 50
const LAST_WORDS_MS = 1_000

/** Redis pub/sub where there is a Redis, LISTEN/NOTIFY otherwise (measured within 10 % of each other). */
export async function openEvents(
  on: { DATABASE_URL: string; REDIS_URL?: string | undefined },
  log: Log,
  prefix = '',
): Promise<Events> {
  const listeners = new Set<(event: Event) => void>()
  const heard = (text: string): void => {
    const event = JSON.parse(text) as Event
    for (const listener of listeners) listener(event)
  }
  const wire = on.REDIS_URL
    ? await redisWire(on.REDIS_URL, prefix + CHANNEL, heard, log)
    : await postgresWire(on.DATABASE_URL, heard, log)
  const underway = new Set<Promise<unknown>>()
  const pace = pacer((event) => {
    const sent = wire
      .send(JSON.stringify(event))
      .catch((error: unknown) => log.warn({ err: error, kind: event.kind }, 'event not sent'))
      .finally(() => underway.delete(sent))
    underway.add(sent)
  })
  return {
    publish: pace.publish,
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    async close() {
      pace.stop()
      // Closing cuts what is being sent: a command that changed something and ends would tell nobody.
      await Promise.race([Promise.all(underway), pause(LAST_WORDS_MS, undefined, { ref: false })])
      await wire.close()
    },
  }
}

/** The first of a kind goes at once; what comes within the pause shares one at its end. */
function pacer(send: (event: Event) => void): { publish(event: Event): void; stop(): void } {
  const waiting = new Map<string, { timer: NodeJS.Timeout; again: boolean }>()
  const publish = (event: Event): void => {
    const key = JSON.stringify(event)
    const open = waiting.get(key)
    if (open) {
      open.again = true
      return
    }
    send(event)
    const entry = {
      again: false,
      timer: setTimeout(() => {
        waiting.delete(key)
        if (entry.again) publish(event)
      }, PAUSE_MS),
    }
    waiting.set(key, entry)
  }
  return {
    publish,
    stop() {
      for (const [key, { timer, again }] of waiting) {
        clearTimeout(timer)
        if (again) send(JSON.parse(key) as Event)
      }
      waiting.clear()
    },
  }
}

async function redisWire(
  url: string,
  channel: string,
  heard: (text: string) => void,
  log: Log,
): Promise<Wire> {
  const retryStrategy = (times: number): number => Math.min(100 + 100 * times, 1_000)
  const sender = new Redis(url, {
    retryStrategy,
    maxRetriesPerRequest: 1,
    enableOfflineQueue: false,
    lazyConnect: true,
  })
  const receiver = new Redis(url, { retryStrategy, maxRetriesPerRequest: null, lazyConnect: true })
  for (const client of [sender, receiver]) {
    client.on('error', (error) => log.warn({ err: error }, 'event connection'))
    // A Redis that is away now is found again by the retry strategy; the start does not wait for it.
    await client.connect().catch(() => undefined)
  }
  receiver.on('message', (_channel, text) => heard(text))
  const subscribed = receiver.subscribe(channel)
  if (receiver.status === 'ready') await subscribed
  else subscribed.catch((error: unknown) => log.warn({ err: error }, 'event subscription'))
  return {
    send: (text) => sender.publish(channel, text),
    async close() {
      sender.disconnect()
      receiver.disconnect()
      await Promise.resolve()
    },
  }
}

async function postgresWire(url: string, heard: (text: string) => void, log: Log): Promise<Wire> {
  let closed = false
  let client: pg.Client | undefined
  let retry: NodeJS.Timeout | undefined
  const again = (error: unknown): void => {
    if (closed || retry) return
    log.warn({ err: error }, 'event connection')
    client = undefined
    retry = setTimeout(() => {
      retry = undefined
      connect().catch(again)
    }, 500)
  }
  const connect = async (): Promise<void> => {
    const next = new pg.Client({ connectionString: url, options: IDLE, keepAlive: true })
    next.on('error', again)
    next.on('end', () => again(new Error('ended')))
    next.on('notification', (n) => heard(n.payload ?? '{}'))
    await next.connect()
    await next.query(`listen ${CHANNEL}`)
    client = next
  }
  await connect().catch(again)
  return {
    send: (text) =>
      client?.query('select pg_notify($1, $2)', [CHANNEL, text]) ??
      Promise.reject(new Error('not connected')),
    async close() {
      closed = true
      clearTimeout(retry)
      await client?.end().catch((error: unknown) => log.warn({ err: error }, 'event connection'))
    },
  }
}
