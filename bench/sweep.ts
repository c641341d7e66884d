import { setTimeout as pause } from 'node:timers/promises'
import { rows } from '../src/db.ts'
import { sweepRetention } from '../src/privacy/retention.ts'
import { fill, newOrganization, openInstallation } from './installation.ts'
import { watched } from './watched.ts'

/**
 * `npx tsx bench/sweep.ts [rows]`: so many feed entries (1,000,000) of an organization are due and swept on a PostgreSQL of
 * its own, while a neighbour of 5,000 messages reads the first page of its inbox twenty times a second. Prints one JSON
 * line; the floor of `during` is `before`.
 */
const due = Number(process.argv[2] ?? 1_000_000)
const PART = 100_000
const { on, close } = await openInstallation()
try {
  const [old, neighbour] = [
    await newOrganization(on, 'old'),
    await newOrganization(on, 'neighbour'),
  ]
  await fill(on, neighbour, { messages: 5_000, number: '0700000000002' })
  for (let from = 1; from <= due; from += PART)
    await on.db.withTenant(old, (tx) =>
      rows(
        tx,
        `insert into feed (org_id, seq, kind, ref_id, at)
         select :org, n, 'message.updated', :org, now() - interval '90 days' from generate_series(:from::bigint, :to::bigint) n`,
        { org: old, from, to: Math.min(from + PART - 1, due) },
      ),
    )
  const before = await watched(on, neighbour, pause(5_000))
  let peak = process.memoryUsage().rss
  const start = peak
  const look = setInterval(() => (peak = Math.max(peak, process.memoryUsage().rss)), 50)
  const started = performance.now()
  const sweep = sweepRetention(on, on.now())
  const during = await watched(on, neighbour, sweep)
  const seconds = Number(((performance.now() - started) / 1000).toFixed(1))
  clearInterval(look)
  const { counts, overdue } = await sweep
  const grown = Math.round((peak - start) / 1_048_576)
  process.stdout.write(
    `${JSON.stringify({ bench: 'sweep', due, removed: counts['feed'], overdue, seconds, grownMb: grown, before, during })}\n`,
  )
} finally {
  await close()
}
