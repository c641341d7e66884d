import type { IncomingMessage, ServerResponse } from 'node:http'
import { NotLoaded, type Route } from '../directory.ts'
import { isId } from '../ids.ts'
import type { Resources } from '../resources.ts'
import { openBatch, type Batch } from './batch.ts'
import { jsonObject, MAX_BYTES, readBody, type BodyFault } from './body.ts'
import { challengeOf } from './handshake.ts'
import { sealTogether, type Arrival } from './sealing.ts'
import { isSignatureShaped, isSigned } from './signature.ts'
import { splitShared } from './split.ts'

/** No database and no noun is reached from here: webhooks go on while PostgreSQL is away. */
type Needs = Pick<Resources, 'config' | 'directory' | 'log' | 'now' | 'queues' | 'tally' | 'vault'>

export type WebhookHandler = (req: IncomingMessage, res: ServerResponse) => void

/** `verified` hears of each successful handshake of a connection. */
export type Hooks = { verified?: (route: Route) => Promise<void> }

const MAX_IN_FLIGHT = 200
/** All bodies being taken together: signatures are checked after the bytes are here. */
const MAX_BYTES_IN_FLIGHT = 64 * 1_048_576
const PATH = /^\/webhooks\/whatsapp(?:\/([^/]*))?\/?$/
const RETRY = { 'Retry-After': '5' }
const FAULTS: Record<BodyFault, number> = { too_large: 413, too_slow: 408, cut_off: 400 }

type Answer = { status: number; text?: string; close?: boolean }
type Call = { req: IncomingMessage; query: string; connection: string | undefined }

/**
 * `GET` and `POST /webhooks/whatsapp[/:connectionId]` as a plain function, for Express or in front of it.
 *
 * 200 only after the queue has confirmed; 401 wrong or missing signature or unknown connection; 400 signed but
 * not a JSON object; 413 over 4 MB; 415 not plain JSON; 408 a body slower than 10 s; 503 with `Retry-After` when
 * the queue does not confirm within 1.5 s, 200 requests or 64 MB are in flight, or the connections were not read yet.
 */
export function webhookHandler(on: Needs, hooks: Hooks = {}): WebhookHandler {
  const batch = openBatch((arrivals: Arrival[]) => enqueue(on, arrivals))
  let inFlight = 0
  let bytesInFlight = 0

  const handle = async (req: IncomingMessage): Promise<Answer> => {
    const address = (req as { originalUrl?: string }).originalUrl ?? req.url ?? '/'
    const [path = '', query = ''] = address.split('?', 2)
    const [, connection] = PATH.exec(path) ?? []
    const call = { req, query, connection: connection === '' ? undefined : connection }
    if (req.method === 'GET') return shakeHands(on, call, hooks)
    return req.method === 'POST' ? take(on, call, batch) : { status: 405 }
  }
  const tell = (req: IncomingMessage, res: ServerResponse, said: Answer): void => {
    if (req.method === 'POST') on.tally.count('webhook', String(said.status))
    answer(res, said)
  }
  const serve = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const bytes = announced(req)
    if (inFlight >= MAX_IN_FLIGHT || bytesInFlight + bytes > MAX_BYTES_IN_FLIGHT)
      return tell(req, res, { status: 503 })
    inFlight += 1
    bytesInFlight += bytes
    try {
      tell(req, res, await handle(req))
    } catch (error) {
      if (!(error instanceof NotLoaded)) on.log.warn({ err: error }, 'webhook not taken')
      tell(req, res, { status: 503 })
    } finally {
      inFlight -= 1
      bytesInFlight -= bytes
    }
  }
  return (req, res) => void serve(req, res)
}

/** A store that does not answer is in the numbers too: with the time after which nobody waited any more. */
async function enqueue(on: Needs, arrivals: Arrival[]): Promise<ReadonlyMap<Arrival, Error>> {
  const { bodies, refused } = sealTogether(arrivals)
  const started = performance.now()
  if (bodies.length > 0)
    await on.queues
      .addInbound(bodies)
      .finally(() => on.tally.enqueued((performance.now() - started) / 1_000))
  return refused
}

async function take(on: Needs, call: Call, batch: Batch<Arrival>): Promise<Answer> {
  const { req, connection } = call
  if (!isPlainJson(req)) return { status: 415 }
  const bytes = await readBody(req)
  if (!Buffer.isBuffer(bytes)) return { status: FAULTS[bytes], close: bytes === 'too_slow' }
  const header = req.headers['x-hub-signature-256']?.toString()
  const known = connection === undefined ? undefined : on.directory.find(connection)
  const route = known ?? (await missed(on, connection, header))
  const secret = connection === undefined ? on.config.META_APP_SECRET : route?.appSecret
  return isSigned(bytes, header, secret ? [secret] : [])
    ? keep(on, batch, bytes, route)
    : { status: 401 }
}

/** Without a route the body came by the shared callback. */
async function keep(
  on: Needs,
  batch: Batch<Arrival>,
  bytes: Buffer,
  route: Route | undefined,
): Promise<Answer> {
  const content = jsonObject(bytes)
  if (!content) return { status: 400 }
  const at = on.now().getTime()
  if (route) {
    const { org, connection, key } = route
    await batch.add({ org, connection, key, at, bytes })
  } else await Promise.all(splitShared(on, { bytes, content, at }).map((part) => batch.add(part)))
  return { status: 200 }
}

/** A miss in memory costs one look-up, which a header that cannot be right is not worth. */
function missed(
  on: Needs,
  connection: string | undefined,
  header: string | undefined,
): Promise<Route | undefined> | undefined {
  const isWorthIt = connection !== undefined && isId(connection) && isSignatureShaped(header)
  return isWorthIt ? on.directory.lookup(connection) : undefined
}

async function shakeHands(on: Needs, call: Call, hooks: Hooks): Promise<Answer> {
  const { connection, query } = call
  const isKnowable = connection !== undefined && isId(connection)
  const route = isKnowable ? await on.directory.lookup(connection) : undefined
  const token = connection === undefined ? on.config.META_VERIFY_TOKEN : route?.verifyToken
  const challenge = challengeOf(new URLSearchParams(query), token)
  if (challenge === undefined) return { status: 403 }
  // Meta waits for the answer, not for our note of it.
  if (route)
    hooks.verified?.(route).catch((error: unknown) => {
      on.log.warn({ err: error, connection }, 'handshake not noted')
    })
  return { status: 200, text: challenge }
}

/** What a request may bring at most: a body of unknown length counts as the largest. */
function announced(req: IncomingMessage): number {
  const isUnknown = req.headers['transfer-encoding'] !== undefined
  return isUnknown ? MAX_BYTES : Math.min(Number(req.headers['content-length'] ?? 0), MAX_BYTES)
}

/** JSON as Meta sends it; a compressed body could expand far beyond the limit before its signature is known. */
function isPlainJson(req: IncomingMessage): boolean {
  const encoding = req.headers['content-encoding'] ?? 'identity'
  const type = req.headers['content-type'] ?? ''
  return encoding === 'identity' && /^application\/json\s*(;|$)/i.test(type)
}

function answer(res: ServerResponse, { status, text = '', close = false }: Answer): void {
  if (res.headersSent || res.destroyed) return
  res.writeHead(status, {
    'Content-Type': 'text/plain; charset=utf-8',
    'X-Content-Type-Options': 'nosniff',
    'Content-Length': Buffer.byteLength(text),
    ...(status === 503 ? RETRY : {}),
    ...(status === 405 ? { Allow: 'GET, POST' } : {}),
    ...(close ? { Connection: 'close' } : {}),
  })
  res.end(text)
}
