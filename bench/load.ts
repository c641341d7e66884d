import { createHmac, randomUUID } from 'node:crypto'
import { Pool } from 'undici'

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

/** `connections` senders that each wait for their answer, for `ms` milliseconds. */
export async function saturate(target: Target, connections: number, ms: number): Promise<Load> {
  const pool = new Pool(target.origin, { connections, pipelining: 1 })
  const times: number[] = []
  let errors = 0
  const end = performance.now() + ms
  const sender = async (): Promise<void> => {
    while (performance.now() < end) {
      const started = performance.now()
      const answer = await pool.request({
        method: 'POST',
        path: target.path,
        ...signedMessage(target),
      })
      await answer.body.dump()
      if (answer.statusCode === 200) times.push(performance.now() - started)
      else errors += 1
    }
  }
  await Promise.all(Array.from({ length: connections }, sender))
  await pool.close()
  return {
    perSecond: Math.round((times.length * 1000) / ms),
    p50: quantile(times, 0.5),
    p99: quantile(times, 0.99),
    errors,
  }
}

export function quantile(values: number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return Math.round((sorted[Math.floor((sorted.length - 1) * q)] ?? 0) * 10) / 10
}
