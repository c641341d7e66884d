import { setTimeout as pause } from 'node:timers/promises'
import { SYSTEM } from '../src/audit/audit.ts'
import { advanceDue } from '../src/deletions/advance.ts'
import { findDeletion } from '../src/deletions/deletion.ts'
import { requestDeletion } from '../src/deletions/request.ts'
import { startGraph } from '../test/support/graph.ts'
import { fill, newOrganization, openInstallation } from './installation.ts'
import { watched } from './watched.ts'

/**
 * `npx tsx bench/purge.ts [messages]`: an organization of so many messages (50,000) is deleted on a PostgreSQL of its own,
 * while a neighbour of 5,000 reads the first page of its inbox twenty times a second. Prints one JSON line; the floor of
 * `during` is `before`.
 */
const messages = Number(process.argv[2] ?? 50_000)
const graph = await startGraph()
const { on, close } = await openInstallation({ GRAPH_API_URL: graph.url, DELETION_GRACE_DAYS: '0' })
try {
  const [leaving, neighbour] = [
    await newOrganization(on, 'leaving'),
    await newOrganization(on, 'neighbour'),
  ]
  await fill(on, leaving, { messages, number: '0700000000001' })
  await fill(on, neighbour, { messages: 5_000, number: '0700000000002' })
  const before = await watched(on, neighbour, pause(5_000))
  const ask = { kind: 'org' as const, subject: leaving, road: 'cli' as const, by: SYSTEM }
  const { code } = await requestDeletion(on, ask)
  const started = performance.now()
  const during = await watched(on, neighbour, advanceDue(on, { now: on.now() }))
  const seconds = Number(((performance.now() - started) / 1000).toFixed(1))
  const state = (await findDeletion(on, code))?.state
  if (state !== 'purged') throw new Error(`the deletion is ${state}`)
  process.stdout.write(`${JSON.stringify({ bench: 'purge', messages, seconds, before, during })}\n`)
} finally {
  await close()
  await graph.stop()
}
