import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { answerTemplates, newShelf, type Shelf } from './graph-templates.ts'
import { keepFiles, type GraphFiles } from './graph-files.ts'

/** The fields of a message that tests look at; the rest is there too. */
type Sent = {
  to?: string
  recipient?: string
  text?: { body: string }
  biz_opaque_callback_data?: string
}

/** One request to the Graph API, as it arrived. */
export type GraphCall = {
  path: string
  token: string
  body: Sent
  /** Our message id, which statuses carry back. */
  ref: string
  /** The text of a text message. */
  text: string
  /** The id given to it, whether or not the caller ever heard of it. */
  wamid: string
  at: number
}

/**
 * How one call is answered: `ok`; an error of the Graph API; anything else with `status`; or nothing. `hang`,
 * `reset` and `lost` have taken the message: they never answer, break the connection, or say 502.
 */
export type Reply =
  | 'ok'
  | 'hang'
  | 'reset'
  | 'lost'
  | { code: number; status?: number; subcode?: number; headers?: Record<string, string> }
  | { status: number; text?: string; headers?: Record<string, string> }
  | { wait: Promise<unknown> }

export type Graph = {
  url: string
  calls: GraphCall[]
  /** The templates of every account; calls about them are noted there and nowhere else. */
  templates: Shelf
  /** Its media, which are no `calls`. */
  files: GraphFiles
  /** Replies for the next calls, in order; afterwards `ok`. */
  script(...replies: Reply[]): void
  /** Decide by the call itself where no scripted reply is left. */
  decide(choose: (call: GraphCall) => Reply): void
  /** How many calls are open at this moment, and how many were at most, by connection. */
  open: { now: number; most: number }
  stop(): Promise<void>
}

/** A Graph API of our own: records every message and answers as told. */
export async function startGraph(): Promise<Graph> {
  const calls: GraphCall[] = []
  const scripted: Reply[] = []
  const templates = newShelf()
  const open = { now: 0, most: 0 }
  let choose: (call: GraphCall) => Reply = () => 'ok'
  const files = keepFiles()
  const server = createServer((req, res) => {
    void (async () => {
      if (await files.take(req, res)) return
      const call = { ...(await receive(req)), wamid: '' }
      const told = answerTemplates(templates, req.method ?? '', call)
      if (told) return json(res, told.status, told.body)
      calls.push(call)
      call.wamid = `wamid.OUT${calls.length}.${call.ref.slice(-8)}`
      open.now += 1
      open.most = Math.max(open.most, open.now)
      res.on('close', () => (open.now -= 1))
      await reply(res, call, scripted.shift() ?? choose(call))
    })()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    templates,
    files,
    open,
    script: (...replies) => void scripted.push(...replies),
    decide: (decision) => void (choose = decision),
    async stop() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function receive(req: IncomingMessage): Promise<Omit<GraphCall, 'wamid'>> {
  const chunks: Buffer[] = []
  for await (const chunk of req) chunks.push(chunk as Buffer)
  const body = JSON.parse(Buffer.concat(chunks).toString() || '{}') as Sent
  return {
    path: req.url ?? '',
    token: (req.headers.authorization ?? '').replace('Bearer ', ''),
    body,
    ref: body.biz_opaque_callback_data ?? '',
    text: body.text?.body ?? '',
    at: Date.now(),
  }
}

async function reply(res: ServerResponse, call: GraphCall, how: Reply): Promise<void> {
  if (how === 'hang') return
  if (how === 'reset') return void res.destroy()
  if (how === 'lost') return void res.writeHead(502).end('<html>Bad gateway</html>')
  if (how === 'ok') return accept(res, call)
  if ('wait' in how) {
    await how.wait
    return accept(res, call)
  }
  if ('code' in how) {
    const { code, status = 400, subcode, headers = {} } = how
    const error = { message: `(#${code}) Refused`, type: 'OAuthException', code }
    return json(res, status, { error: { ...error, error_subcode: subcode } }, headers)
  }
  res.writeHead(how.status, how.headers).end(how.text ?? '')
}

const accept = (res: ServerResponse, call: GraphCall): void =>
  json(res, 200, {
    messaging_product: 'whatsapp',
    contacts: [{ input: call.body.to ?? call.body.recipient }],
    messages: [{ id: call.wamid, message_status: 'accepted' }],
  })

function json(res: ServerResponse, status: number, body: object, headers = {}): void {
  res
    .writeHead(status, { 'content-type': 'application/json', ...headers })
    .end(JSON.stringify(body))
}
