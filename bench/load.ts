import { createHmac, randomUUID } from 'node:crypto'
import { openWire, type Wire } from './wire.ts'

export type Target = {
  origin: string
  path: string
  secret: string
  phoneNumberId: string
  wabaId: string
}
export type Load = { perSecond: number; p50: number; p99: number; errors: number }

/** One signed webhook with one text message of its own, 880 bytes or so. */
export function signedMessage(
  target: Target,
  text = 'x'.repeat(200),
): { body: string; headers: Record<string, string> } {
  const from = `1555${1_000_000 + Math.floor(Math.random() * 5_000)}`
  const value = {
    messaging_product: 'whatsapp',
    metadata: { display_phone_number: '15550100', phone_number_id: target.phoneNumberId },
    contacts: [{ profile: { name: 'Bench customer' }, wa_id: from }],
    messages: [
      {
        from,
        id: `wamid.${randomUUID()}`,
        timestamp: String(Math.floor(Date.now() / 1000)),
        type: 'text',
        text: { body: text },
      },
    ],
  }
  const body = JSON.stringify({
    object: 'whatsapp_business_account',
    entry: [{ id: target.wabaId, changes: [{ field: 'messages', value }] }],
  })
  const signature = createHmac('sha256', target.secret).update(body).digest('hex')
  return {
    body,
    headers: { 'content-type': 'application/json', 'x-hub-signature-256': `sha256=${signature}` },
  }
}

/** Requests as bytes, signed before the clock starts: the sender shares the machine with what it measures. */
export const prepare = (target: Target, count: number): Buffer[] =>
  Array.from({ length: count }, () => {
    const { body, headers } = signedMessage(target)
    const lines = [
      `POST ${target.path} HTTP/1.1`,
      `host: ${new URL(target.origin).host}`,
      ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
      `content-length: ${Buffer.byteLength(body)}`,
    ]
    return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`)
  })

/** `connections` senders that each wait for their answer, until `ms` milliseconds or the requests are over. */
export async function saturate(
  { origin }: Target,
  requests: Buffer[],
  { connections, ms }: { connections: number; ms: number },
): Promise<Load> {
  const wires = await openWires(origin, connections)
  const tally = newTally()
  const started = performance.now()
  let next = 0
  await Promise.all(
    wires.map(async (wire) => {
      while (next < requests.length && performance.now() - started < ms)
        await timed(wire, requests[next++] as Buffer, tally)
    }),
  )
  const took = performance.now() - started
  for (const wire of wires) wire.close()
  return loadOf(tally, took)
}

/** `perSecond` requests a second, each sent when its time has come, however slow the answers to others are. */
export async function pace(
  { origin }: Target,
  requests: Buffer[],
  { connections, perSecond }: { connections: number; perSecond: number },
): Promise<Load> {
  const idle = await openWires(origin, connections)
  const tally = newTally()
  const waiting: Waiting[] = []
  const running: Promise<void>[] = []
  const started = performance.now()
  const carry = async (wire: Wire, { request, due }: Waiting): Promise<void> => {
    await timed(wire, request, tally, due)
    idle.push(wire)
    send()
  }
  const send = (): void => {
    while (idle.length > 0 && waiting.length > 0)
      running.push(carry(idle.pop() as Wire, waiting.shift() as Waiting))
  }
  for (let sent = 0; sent < requests.length;) {
    const due = Math.floor(((performance.now() - started) * perSecond) / 1_000)
    for (; sent < Math.min(due, requests.length); sent += 1)
      waiting.push({
        request: requests[sent] as Buffer,
        due: started + (sent * 1_000) / perSecond,
      })
    send()
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  while (waiting.length > 0) await new Promise((resolve) => setTimeout(resolve, 1))
  await Promise.all(running)
  const took = performance.now() - started
  for (const wire of idle) wire.close()
  return loadOf(tally, took)
}

type Waiting = { request: Buffer; due: number }
type Tally = { times: number[]; errors: number }
const newTally = (): Tally => ({ times: [], errors: 0 })

const openWires = (origin: string, count: number): Promise<Wire[]> => {
  const { hostname, port } = new URL(origin)
  return Promise.all(Array.from({ length: count }, () => openWire(Number(port), hostname)))
}

async function timed(
  wire: Wire,
  request: Buffer,
  tally: Tally,
  since = performance.now(),
): Promise<void> {
  const status = await wire.send(request)
  if (status === 200) tally.times.push(performance.now() - since)
  else tally.errors += 1
}

const loadOf = ({ times, errors }: Tally, ms: number): Load => ({
  perSecond: Math.round((times.length * 1000) / ms),
  p50: quantile(times, 0.5),
  p99: quantile(times, 0.99),
  errors,
})

export function quantile(values: number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return Math.round((sorted[Math.floor((sorted.length - 1) * q)] ?? 0) * 10) / 10
}
