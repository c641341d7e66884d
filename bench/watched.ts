import { setTimeout as pause } from 'node:timers/promises'
import { listConversations } from '../src/inbox/conversations.ts'
import type { Resources } from '../src/resources.ts'
import { quantile } from './load.ts'

/** How long the first page of an inbox takes, in milliseconds, twenty times a second while something else goes on. */
export async function watched(
  on: Resources,
  org: string,
  other: Promise<unknown>,
): Promise<{ reads: number; p50: number; p99: number }> {
  const times: number[] = []
  const over = new AbortController()
  const end = other.finally(() => over.abort())
  while (!over.signal.aborted) {
    const started = performance.now()
    await on.db.withTenant(org, (tx) => listConversations(tx, org, { limit: 50 }))
    times.push(performance.now() - started)
    await pause(50)
  }
  await end
  return { reads: times.length, p50: quantile(times, 0.5), p99: quantile(times, 0.99) }
}
