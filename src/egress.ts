import type { Readable } from 'node:stream'
import { Agent, request } from 'undici'
import { insideTransaction } from './db.ts'

/** How a request to the outside ended, in the terms that decide whether it may be repeated. */
export type Answer =
  | {
      outcome: 'answered'
      status: number
      headers: Record<string, string | string[] | undefined>
      body: Buffer
    }
  /** The request was certainly not received: no byte of it was written, or no connection ever stood. */
  | { outcome: 'not_sent'; reason: string }
  /** It may have been received: time-out, reset or hang-up after the connection stood. */
  | { outcome: 'unknown'; reason: string }

export type Egress = {
  /** `path` begins with `/` and is taken below GRAPH_API_URL/GRAPH_API_VERSION. The token goes in a header only. */
  graph(call: GraphCall): Promise<Answer>
  close(): Promise<void>
}

export type GraphCall = {
  method: 'GET' | 'POST' | 'DELETE'
  path: string
  token: string
  body?: object
  /** Total limit in milliseconds; 15,000 unless told. */
  timeoutMs?: number
  /** Called in the very tick in which the first byte of a request with a body is written, and not at all when none is. */
  onWrite?: () => void
}

const NOT_SENT =
  /^(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT|ERR_TLS_.*|CERT_.*|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_.*)$/
const MAX_ANSWER_BYTES = 1_048_576

/**
 * The one door to the outside: only the configured Graph origin is reachable through it.
 * Idle sockets are dropped after 4 s, because a reset on a reused one leaves the outcome unknown.
 */
export function openEgress(config: { GRAPH_API_URL: string; GRAPH_API_VERSION: string }): Egress {
  const agent = new Agent({
    connect: { timeout: 3_000 },
    keepAliveTimeout: 4_000,
    keepAliveMaxTimeout: 4_000,
    maxResponseSize: MAX_ANSWER_BYTES,
    pipelining: 1,
    connections: 64,
  })
  const base = `${config.GRAPH_API_URL}/${config.GRAPH_API_VERSION}`
  return {
    graph(call) {
      if (insideTransaction())
        return Promise.reject(new Error('no network call while a transaction is open'))
      return ask(agent, base, call)
    },
    close: () => agent.close(),
  }
}

async function ask(agent: Agent, base: string, call: GraphCall): Promise<Answer> {
  const { method, path, token, body, timeoutMs = 15_000, onWrite } = call
  let written = body === undefined
  const wrote = (): void => {
    written = true
    onWrite?.()
  }
  try {
    const answer = await request(base + path, {
      method,
      dispatcher: agent,
      signal: AbortSignal.timeout(timeoutMs),
      ...payload(token, body, wrote),
    })
    const bytes = Buffer.from(await answer.body.arrayBuffer())
    return { outcome: 'answered', status: answer.statusCode, headers: answer.headers, body: bytes }
  } catch (error) {
    const { code, name } = error as { code?: string; name?: string }
    const reason = name === 'TimeoutError' ? 'timeout' : (code ?? 'unknown')
    return { outcome: !written || NOT_SENT.test(reason) ? 'not_sent' : 'unknown', reason }
  }
}

type Payload = { headers: Record<string, string>; body: Readable | null }

function payload(token: string, body: object | undefined, wrote: () => void): Payload {
  const headers = { authorization: `Bearer ${token}`, 'user-agent': 'ChatFlowCRM' }
  if (!body) return { headers, body: null }
  const bytes = Buffer.from(JSON.stringify(body))
  return {
    headers: {
      ...headers,
      'content-type': 'application/json',
      'content-length': String(bytes.length),
    },
    // Any async iterable will do, which its declared types leave out.
    body: announced(bytes, wrote) as unknown as Readable,
  }
}

/** undici asks a body for its first piece when the connection stands and the head is about to be written with it. */
// oxlint-disable-next-line typescript/require-await
async function* announced(bytes: Buffer, wrote: () => void): AsyncGenerator<Buffer> {
  wrote()
  yield bytes
}
