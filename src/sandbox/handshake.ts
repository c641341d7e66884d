import { randomInt } from 'node:crypto'
import { request } from 'undici'
import type { Line, Sandbox } from './state.ts'

const AGAIN_MS = 1_000
const ANSWER_MS = 5_000

/** Ask the webhook address for its challenge, as Meta does when it is entered; again until it answers. */
export function shakeHands(box: Sandbox, line: Line, afterMs = 0): void {
  if (line.verified) return
  box.later(`handshake ${line.connection}`, afterMs, () => void attempt(box, line))
}

async function attempt(box: Sandbox, line: Line): Promise<void> {
  const isAnswered = await challenge(box, line)
  if (box.isClosed()) return
  line.verified = isAnswered
  shakeHands(box, line, AGAIN_MS)
  box.changed(line.org)
}

async function challenge(box: Sandbox, line: Line): Promise<boolean> {
  const nonce = String(randomInt(1_000_000_000))
  const query = new URLSearchParams({
    'hub.mode': 'subscribe',
    'hub.verify_token': line.verifyToken,
    'hub.challenge': nonce,
  })
  try {
    const address = `${box.origin}/webhooks/whatsapp/${line.connection}?${query.toString()}`
    const answer = await request(address, { signal: AbortSignal.timeout(ANSWER_MS) })
    return (await answer.body.text()) === nonce && answer.statusCode === 200
  } catch {
    // The CRM does not listen yet.
    return false
  }
}
