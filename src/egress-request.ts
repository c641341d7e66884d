import type { Readable } from 'node:stream'
import { request, type Agent } from 'undici'
import type { Secret } from './secret.ts'

type Answered<Body> = {
  outcome: 'answered'
  status: number
  headers: Record<string, string | string[] | undefined>
  body: Body
}
type Failed =
  /** The request was certainly not received: no byte of it was written, or no connection ever stood. */
  | { outcome: 'not_sent'; reason: string }
  /** It may have been received: time-out, reset or hang-up after the connection stood. */
  | { outcome: 'unknown'; reason: string }

/** How a request to the outside ended, in the terms that decide whether it may be repeated. */
export type Answer = Answered<Buffer> | Failed
/** As `Answer`, with the body still to be read. */
export type Streamed = Answered<Readable> | Failed

export type Call = {
  method: 'GET' | 'POST' | 'DELETE'
  /** Goes into a header, never into the address. */
  token?: Secret | undefined
  body?: object | undefined
  /** Bytes in place of a `body`: how many, of which type, read when the connection stands. */
  stream?: { type: string; size: number; bytes: AsyncIterable<Buffer> } | undefined
  /** Total limit in milliseconds; what the register allows unless it is less. */
  timeoutMs?: number | undefined
  /** Called in the very tick in which the first byte of a request with a body is written, and not at all when none is. */
  onWrite?: (() => void) | undefined
}

/** A way out that the door opened; `left` is told the bytes that went and the status that came back. */
export type Way = {
  url: URL
  agent: Agent
  limitMs: number
  left(bytes: number, status: number | null): void
}

const NOT_SENT =
  /^(EGRESS_DENIED|PRIVATE_ADDRESS|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT|ERR_TLS_.*|CERT_.*|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_.*)$/

/** One request whose answer is read whole. `open` may refuse, and then nothing was sent. */
export const askWhole = (open: () => Way, call: Call): Promise<Answer> =>
  attempt<Answer>(open, call, async (sent) => {
    const { statusCode: status, headers, body } = await sent
    return { outcome: 'answered', status, headers, body: Buffer.from(await body.arrayBuffer()) }
  })

/** One request whose answer is read by whoever asked. */
export const askStream = (open: () => Way, call: Call): Promise<Streamed> =>
  attempt<Streamed>(open, call, async (sent) => {
    const { statusCode: status, headers, body } = await sent
    return { outcome: 'answered', status, headers, body }
  })

type Sent = ReturnType<typeof request>

async function attempt<A extends Answer | Streamed>(
  open: () => Way,
  call: Call,
  read: (sent: Sent) => Promise<A>,
): Promise<A | Failed> {
  const { method, timeoutMs = Infinity, onWrite } = call
  let written = call.body === undefined && call.stream === undefined
  let way: Way | undefined
  const wrote = (): void => {
    written = true
    onWrite?.()
  }
  const payload = payloadOf(call, wrote)
  try {
    way = open()
    const { url, agent, limitMs } = way
    const signal = AbortSignal.timeout(Math.min(timeoutMs, limitMs))
    const answer = await read(request(url, { method, dispatcher: agent, signal, ...payload.parts }))
    if (answer.outcome === 'answered') way.left(payload.bytes, answer.status)
    return answer
  } catch (error) {
    const { code, name } = error as { code?: string; name?: string }
    const reason = name === 'TimeoutError' ? 'timeout' : (code ?? 'unknown')
    if (!written || NOT_SENT.test(reason)) return { outcome: 'not_sent', reason }
    way?.left(payload.bytes, null)
    return { outcome: 'unknown', reason }
  }
}

type Payload = {
  bytes: number
  parts: { headers: Record<string, string>; body: Readable | null }
}

function payloadOf({ token, body, stream }: Call, wrote: () => void): Payload {
  const headers = {
    ...(token === undefined ? {} : { authorization: `Bearer ${token.reveal('call_graph')}` }),
    'user-agent': 'ChatFlowCRM',
  }
  const given = stream ?? (body && jsonOf(body))
  if (!given) return { bytes: 0, parts: { headers, body: null } }
  const described = {
    ...headers,
    'content-type': given.type,
    'content-length': String(given.size),
  }
  // Any async iterable will do, which its declared types leave out.
  const pieces = announced(given.bytes, wrote) as unknown as Readable
  return { bytes: given.size, parts: { headers: described, body: pieces } }
}

type Given = Pick<NonNullable<Call['stream']>, 'type' | 'size'> & {
  bytes: AsyncIterable<Buffer> | Iterable<Buffer>
}

function jsonOf(body: object): Given {
  const bytes = Buffer.from(JSON.stringify(body))
  return { type: 'application/json', size: bytes.length, bytes: [bytes] }
}

/** undici asks a body for its first piece when the connection stands and the head is about to be written with it. */
async function* announced(bytes: Given['bytes'], wrote: () => void): AsyncGenerator<Buffer> {
  wrote()
  yield* bytes
}
