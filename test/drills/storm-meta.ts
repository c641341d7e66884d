import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { seeded } from '../support/order.ts'

/** How large a storm is; updates are what Meta delivers, copies counted. */
export type Size = { people: number; messages: number; replies: number; updates: number }

/** One entry of a webhook's `messages` or `statuses`, and the person it names. */
export type Piece = { kind: 'messages' | 'statuses'; who: string; value: object }

export type Call = { ref: string; wamid: string; text: string }

/** Each third reply ends as read, delivered and failed. */
export const ENDS = ['read', 'delivered', 'failed'] as const
const STEPS: Record<(typeof ENDS)[number], readonly string[]> = {
  read: ['sent', 'delivered', 'read'],
  delivered: ['sent', 'delivered'],
  failed: ['sent', 'failed'],
}

export const phoneOf = (n: number): string => `1555${1_000_000 + n}`
/** Until the Graph API answers: its statuses are faster. */
const ANSWER_MS = 50
const seconds = (): number => Math.floor(Date.now() / 1_000)

/** What Meta has still to deliver, in no order; what is posted in vain comes back. */
export class Sky {
  readonly #chance: () => number
  #pieces: Piece[] = []
  delivered = 0

  constructor(seed: number) {
    this.#chance = seeded(seed)
  }

  /** The piece itself and copies of it, each somewhere else in the heap. */
  add(piece: Piece, copies: number): void {
    for (let n = 0; n < copies; n += 1) {
      const at = Math.floor(this.#chance() * (this.#pieces.length + 1))
      const moved = this.#pieces[at]
      this.#pieces[at] = piece
      if (moved) this.#pieces.push(moved)
    }
  }

  get left(): number {
    return this.#pieces.length
  }

  /** The next webhook: one update or many, up to the 1,000 that Meta puts together. */
  take(): Piece[] {
    const sizes = [1, 1, 2, 10, 50, 200, 1_000]
    return this.#pieces.splice(0, sizes[Math.floor(this.#chance() * sizes.length)] ?? 1)
  }

  copies(): number {
    return 1 + Math.floor(this.#chance() * 3)
  }
}

/** Every message each person writes; `n` names it. */
export const messagePiece = (n: number, people: number): Piece => ({
  kind: 'messages',
  who: phoneOf(n % people),
  value: {
    from: phoneOf(n % people),
    id: `wamid.IN${n}`,
    timestamp: String(seconds() - (n % 600)),
    type: 'text',
    text: { body: `Question ${n}` },
  },
})

const statusPiece = (to: string, call: Call, status: string, step: number): Piece => ({
  kind: 'statuses',
  who: to,
  value: {
    id: call.wamid,
    status,
    timestamp: String(seconds() + step),
    recipient_id: to,
    biz_opaque_callback_data: call.ref,
    ...(status === 'failed'
      ? { errors: [{ code: 131026, title: 'Message undeliverable', message: 'undeliverable' }] }
      : {}),
  },
})

export type StormGraph = { url: string; calls: Call[]; close(): void }

/**
 * A Graph API that puts all statuses of a message into the sky before it answers, so that they race with the record
 * of what was sent.
 */
export async function startStormGraph(sky: Sky): Promise<StormGraph> {
  const calls: Call[] = []
  const take = (body: Sent): object => {
    const { to = '', text, biz_opaque_callback_data: ref = '' } = body
    const call = { ref, wamid: `wamid.OUT${calls.length}`, text: text?.body ?? '' }
    calls.push(call)
    const end = ENDS[Number(call.text.split(' ')[1]) % ENDS.length] ?? 'read'
    STEPS[end].forEach((status, n) =>
      sky.add(statusPiece(to.replace('+', ''), call, status, n), sky.copies()),
    )
    return { messaging_product: 'whatsapp', contacts: [], messages: [{ id: call.wamid }] }
  }
  const server = createServer(async (req, res) => {
    const body = (await readJson(req)) as Sent
    const isSend = req.method === 'POST' && req.url?.endsWith('/messages') === true
    const answer = isSend ? take(body) : { success: true }
    setTimeout(() => reply(res, answer), isSend ? ANSWER_MS : 0)
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

type Sent = { to?: string; text?: { body?: string }; biz_opaque_callback_data?: string }

function reply(res: ServerResponse, answer: object): void {
  res.writeHead(200, { 'content-type': 'application/json' })
  res.end(JSON.stringify(answer))
}

async function readJson(req: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  for await (const chunk of req) chunks.push(chunk as Buffer)
  return JSON.parse(Buffer.concat(chunks).toString('utf8') || '{}') as unknown
}
