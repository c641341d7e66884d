import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import { ConfigError } from './config.ts'

/** The listener of a web process, which outlives the start of what it serves and ends before it. */
export type WebServer = {
  port: number
  /** Hand requests to the product; until then only `/health/live` is well. */
  serve(app: RequestListener): void
  /** Not ready any more: the load balancer looks elsewhere, and Meta sends its webhooks again. */
  drain(): void
  /** Take no more connections, say goodbye to streams, wait for answers under way; cut what is left after `ms`. */
  close(ms: number): Promise<void>
}

const BYE = 'event: bye\nretry: 1000\ndata: bye\n\n'

/** Listen; throws ConfigError naming PORT or HOST when the system does not let us. */
export async function listen(at: { PORT: number; HOST: string }): Promise<WebServer> {
  const open = new Set<ServerResponse>()
  let app: RequestListener = starting
  let draining = false
  const server = createServer((req, res) => {
    open.add(res)
    res.once('close', () => open.delete(res))
    if (draining && isRefusedWhileDraining(req)) later(res, 'draining')
    else app(req, res)
  })
  // Longer than a load balancer keeps its idle connections, so that it is never us who closes one in use.
  server.keepAliveTimeout = 65_000
  server.headersTimeout = 20_000
  server.requestTimeout = 60_000
  await bind(server, at)
  return {
    port: (server.address() as AddressInfo).port,
    serve: (next) => {
      app = next
    },
    drain: () => {
      draining = true
    },
    async close(ms) {
      draining = true
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const res of open) if (isStream(res)) res.end(BYE)
      // A connection that was answering is kept alive afterwards, and `close` waits for it.
      const idle = setInterval(() => server.closeIdleConnections(), 50)
      const cut = setTimeout(() => server.closeAllConnections(), ms)
      await closed
      clearInterval(idle)
      clearTimeout(cut)
    },
  }
}

function bind(
  server: ReturnType<typeof createServer>,
  at: { PORT: number; HOST: string },
): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(refusedAddress(error.code ?? '', at))
    })
    server.listen(at.PORT, at.HOST, resolve)
  })
}

function refusedAddress(code: string, { PORT, HOST }: { PORT: number; HOST: string }): ConfigError {
  if (code === 'EADDRINUSE')
    return new ConfigError(`PORT ${PORT} is taken by another program, e.g. PORT=${PORT + 1}`)
  if (code === 'EACCES')
    return new ConfigError(`PORT ${PORT} may not be used by this user, e.g. PORT=3000`)
  return new ConfigError(
    `HOST ${HOST} is not an address of this machine (${code}), e.g. HOST=0.0.0.0`,
  )
}

/** Pages go on being answered to the end; what others can take is refused. */
function isRefusedWhileDraining({ url = '', method }: IncomingMessage): boolean {
  if (url.startsWith('/webhooks/') || url.startsWith('/meta/')) return method === 'POST'
  return url.startsWith('/health/') && !url.startsWith('/health/live')
}

const starting: RequestListener = (req, res) => {
  if (req.url?.startsWith('/health/live')) json(res, 200, { status: 'ok' })
  else later(res, 'starting')
}

function later(res: ServerResponse, status: string): void {
  res.setHeader('Connection', 'close')
  res.setHeader('Retry-After', '5')
  json(res, 503, { status })
}

function json(res: ServerResponse, status: number, body: object): void {
  res.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body))
}

/** Headers given only at the moment of writing cannot be read back, so what was asked for counts too. */
const isStream = (res: ServerResponse): boolean =>
  [res.getHeader('content-type'), res.req.headers.accept].some((type) =>
    String(type).startsWith('text/event-stream'),
  ) && res.headersSent
