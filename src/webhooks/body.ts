import type { IncomingMessage } from 'node:http'

/** Meta's largest body is 3 MB. Source: WhatsApp Cloud API, webhooks, payload size. */
export const MAX_BYTES = 4 * 1_048_576
const SLOW_MS = 10_000
/** What a sender may still push into an answered request before its connection is cut. */
const PATIENCE_BYTES = 4 * MAX_BYTES

export type BodyFault = 'too_large' | 'too_slow' | 'cut_off'

/** The bytes exactly as they were sent, or why there are none. Never throws. */
export function readBody(
  req: IncomingMessage,
  slowMs: number = SLOW_MS,
): Promise<Buffer | BodyFault> {
  if (Number(req.headers['content-length'] ?? 0) > MAX_BYTES) return Promise.resolve(tooLarge(req))
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    let size = 0
    const timer = setTimeout(() => end('too_slow'), slowMs)
    const end = (outcome: Buffer | BodyFault): void => {
      clearTimeout(timer)
      req.off('data', take)
      resolve(outcome)
    }
    const take = (chunk: Buffer): void => {
      size += chunk.length
      if (size > MAX_BYTES) return end(tooLarge(req))
      chunks.push(chunk)
    }
    req.on('data', take)
    req.once('end', () => end(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)))
    req.once('close', () => end('cut_off'))
    req.once('error', () => end('cut_off'))
  })
}

/** Reads on without keeping: a sender that is cut off in the middle of its body does not see the answer. */
function tooLarge(req: IncomingMessage): BodyFault {
  let left = PATIENCE_BYTES
  req.on('data', (chunk: Buffer) => {
    left -= chunk.length
    if (left < 0) req.destroy()
  })
  return 'too_large'
}

/** The JSON object in these bytes, or undefined for anything else; nesting does not matter. */
export function jsonObject(bytes: Buffer): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'))
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
    return isObject ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}
