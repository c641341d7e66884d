import { randomUUID } from 'node:crypto'
import { request } from 'undici'
import { quantile, signedMessage, type Target } from './load.ts'

const STREAMS = 20
const PER_SECOND = 50
const SECONDS = 10

/** From the moment a webhook is posted to its text in the event stream of a signed-in page, on each of 20 streams. */
export async function benchLive(target: Target, cookie: string): Promise<object> {
  const sent = new Map<string, number>()
  const times: number[] = []
  const stop = new AbortController()
  const streams = await Promise.all(
    Array.from({ length: STREAMS }, async () => {
      const answer = await request(`${target.origin}/inbox/stream?view=open`, {
        headers: { cookie, accept: 'text/event-stream' },
        signal: stop.signal,
        bodyTimeout: 0,
      })
      if (answer.statusCode !== 200) throw new Error(`stream answered ${answer.statusCode}`)
      return answer.body
    }),
  )
  for (const stream of streams) void listen(stream, sent, times)
  const every = 1000 / PER_SECOND
  for (let n = 0; n < PER_SECOND * SECONDS; n += 1) {
    const mark = `mark-${randomUUID()}`
    const message = signedMessage(target, mark)
    sent.set(mark, performance.now())
    void request(target.origin + target.path, { method: 'POST', ...message }).then((answer) =>
      answer.body.dump(),
    )
    await new Promise((resolve) => setTimeout(resolve, every))
  }
  await new Promise((resolve) => setTimeout(resolve, 2_000))
  stop.abort()
  return {
    line: `webhook POST to event on ${STREAMS} streams, ${PER_SECOND} a second`,
    p50ms: quantile(times, 0.5),
    p95ms: quantile(times, 0.95),
    p99ms: quantile(times, 0.99),
    expected: sent.size * STREAMS,
    seen: times.length,
  }
}

/** A row of the list carries the newest text of its conversation; each mark counts once per stream. */
async function listen(
  stream: AsyncIterable<Buffer>,
  sent: Map<string, number>,
  times: number[],
): Promise<void> {
  const seen = new Set<string>()
  const note = (mark: string): void => {
    const started = sent.get(mark)
    if (started === undefined || seen.has(mark)) return
    seen.add(mark)
    times.push(performance.now() - started)
  }
  try {
    for await (const chunk of stream) {
      for (const [mark] of chunk.toString('utf8').matchAll(/mark-[0-9a-f-]{36}/g)) note(mark)
    }
  } catch {
    // The stream was cut by us at the end.
  }
}
