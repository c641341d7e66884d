import { randomInt } from 'node:crypto'
import type { Response } from 'express'
import { readSession } from '../accounts/sessions.ts'
import type { Resources } from '../resources.ts'
import { readChanges, type Changes } from '../inbox/changes.ts'
import { shapeChanges, type Scope } from '../inbox/live.ts'
import type { Who } from './access.ts'

const BEAT_MS = 15_000
const CHECK_MS = 60_000
const AGAIN_MS = 1_000
/** What a page that does not read may have waiting; it reconnects and catches up from its number. */
const MAX_WAITING_BYTES = 1_048_576

type Listener = { res: Response; who: Who; scope: Scope; key: string; seq: number }
type Pump = { listeners: Set<Listener>; isRunning: boolean; isDue: boolean }
/** The open pages of this process. */
export type Streams = {
  /** Keep an answer open and write what happens after `after`, until the page goes or its person may not see it. */
  open(res: Response, listener: { who: Who; scope: Scope; after: number }): void
}

const known = new WeakMap<Resources, Streams>()

/** One hub per process, that is per resources: one subscription however many pages are open. */
export function streamsOf(on: Resources): Streams {
  const streams = known.get(on) ?? openStreams(on)
  known.set(on, streams)
  return streams
}

function openStreams(on: Resources): Streams {
  const pumps = new Map<string, Pump>()
  const all = (): Listener[] =>
    [...pumps.values()].flatMap(({ listeners }) => Array.from(listeners))
  on.events.subscribe((event) => {
    if (event.kind === 'feed') pump(on, pumps, event.org)
    if (event.kind === 'sessions')
      void check(
        on,
        all().filter(({ who }) => who.user === event.user),
      )
  })
  const beat = setInterval(() => all().forEach(({ res }) => say(res, ':\n\n')), BEAT_MS)
  const checks = setInterval(() => void check(on, all()), CHECK_MS)
  for (const timer of [beat, checks]) timer.unref()
  return {
    open(res, { who, scope, after }) {
      const listener = { res, who, scope, key: JSON.stringify(scope), seq: after }
      const own = pumps.get(who.org) ?? { listeners: new Set(), isRunning: false, isDue: false }
      pumps.set(who.org, own)
      own.listeners.add(listener)
      res.on('close', () => own.listeners.delete(listener))
      begin(res)
      pump(on, pumps, who.org)
    },
  }
}

/** A comment at once shows proxies and the page that it flows; the wait before a new try is spread out. */
function begin(res: Response): void {
  res.writeHead(200, {
    'Content-Type': 'text/event-stream; charset=utf-8',
    'Cache-Control': 'no-store',
    'X-Accel-Buffering': 'no',
  })
  res.write(`:\nretry: ${randomInt(1_000, 5_000)}\n\n`)
}

/** One delivery at a time per organization; what happens meanwhile makes another one due. */
function pump(on: Resources, pumps: Map<string, Pump>, org: string): void {
  const own = pumps.get(org)
  if (!own || own.listeners.size === 0) return void pumps.delete(org)
  own.isDue = true
  if (own.isRunning) return undefined
  own.isRunning = true
  drain(on, org, own).catch((error: unknown) => {
    on.log.warn({ err: error, org }, 'live pages wait')
    setTimeout(() => pump(on, pumps, org), AGAIN_MS).unref()
  })
  return undefined
}

async function drain(on: Resources, org: string, own: Pump): Promise<void> {
  try {
    while (own.isDue) {
      own.isDue = false
      for (const [seq, listeners] of groupBy(own.listeners, ({ seq: last }) => last))
        await deliver(on, org, seq, listeners)
    }
  } finally {
    // In the same turn as the last look at isDue: a change in between would wait for the one after it.
    own.isRunning = false
  }
}

function groupBy<T, K>(items: Iterable<T>, keyOf: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>()
  for (const item of items) {
    const key = keyOf(item)
    const group = groups.get(key)
    if (group) group.push(item)
    else groups.set(key, [item])
  }
  return groups
}

/** Read once what came after a number, shape and render it once per scope, write it to every page. */
async function deliver(
  on: Resources,
  org: string,
  after: number,
  listeners: Listener[],
): Promise<void> {
  const changes = await on.db.withTenant(org, (tx) => readChanges(tx, org, after))
  if (!changes) return
  for (const same of groupBy(listeners, ({ key }) => key).values()) {
    const html = await renderChanges(on, org, changes, same)
    for (const listener of same) write(listener, changes.seq, html)
  }
}

async function renderChanges(
  on: Resources,
  org: string,
  changes: Changes,
  [first]: Listener[],
): Promise<string> {
  if (!first) return ''
  const { scope, res } = first
  const live = await on.db.withTenant(org, (tx) =>
    shapeChanges(tx, changes, scope, { org, now: on.now() }),
  )
  return new Promise((resolve, reject) => {
    const asset: unknown = res.locals['asset']
    res.app.render('inbox/live', { live, asset }, (error, html) =>
      error ? reject(error) : resolve(html),
    )
  })
}

function write(listener: Listener, seq: number, html: string): void {
  const data = html
    .trim()
    .split(/\r\n|\r|\n/)
    .map((line) => `data: ${line}\n`)
    .join('')
  listener.seq = seq
  say(listener.res, `id: ${seq}\n${data}\n`)
  if (listener.res.writableLength > MAX_WAITING_BYTES) listener.res.destroy()
}

/** A page may go between two looks; nothing is written to one that has ended. */
function say(res: Response, text: string): void {
  if (!res.writableEnded && !res.destroyed) res.write(text)
}

/** Whoever signed out, was removed or has another role by now is told, and the stream ends. */
async function check(on: Resources, listeners: Listener[]): Promise<void> {
  for (const { res, who } of listeners) {
    const now = await readSession(on, who.session).catch(() => who)
    if (now?.org === who.org && now.role === who.role) continue
    say(res, 'event: bye\ndata: \n\n')
    res.end()
  }
}
