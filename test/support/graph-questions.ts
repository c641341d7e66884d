import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export type Question = { method: string; path: string; token: string }
/** A status with a body: an object becomes JSON, text stays what it is; `hang up` breaks the connection. */
export type MetaAnswer = { status: number; body: object | string } | 'hang up'

/** A Graph API for questions about numbers and tokens: it notes what is asked and answers as told. */
export type Meta = {
  url: string
  asked: Question[]
  /** The answer to every question whose `METHOD path` contains `part`, the longest such part, until told otherwise. */
  answer(part: string, answer: MetaAnswer): void
  stop(): Promise<void>
}

export const refusedBy = (code: number, message: string, error_subcode?: number): MetaAnswer => ({
  status: 400,
  body: { error: { message, type: 'OAuthException', code, error_subcode, fbtrace_id: 'Az8or2yh' } },
})

const UNTOLD = { status: 404, body: { error: { message: 'Unknown path', code: 2500 } } }

export async function startMeta(): Promise<Meta> {
  const asked: Question[] = []
  const answers = new Map<string, MetaAnswer>()
  const server = createServer((req, res) => {
    const path = req.url ?? ''
    const method = req.method ?? ''
    asked.push({ method, path, token: (req.headers.authorization ?? '').replace('Bearer ', '') })
    const fitting = [...answers].filter(([part]) => `${method} ${path}`.includes(part))
    const found = fitting.toSorted(([a], [b]) => b.length - a.length)[0]?.[1]
    if (found === 'hang up') return void req.socket.destroy()
    const { status, body } = found ?? UNTOLD
    const isText = typeof body === 'string'
    res.writeHead(status, { 'content-type': isText ? 'text/html' : 'application/json' })
    res.end(isText ? body : JSON.stringify(body))
    return undefined
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    answer: (part, answer) => void answers.set(part, answer),
    async stop() {
      server.closeAllConnections()
      await new Promise((resolve) => {
        server.close(resolve)
      })
    },
  }
}
