import path from 'node:path'
import { exportToFile } from '../src/privacy/export-file.ts'
import { importExport } from '../src/privacy/import.ts'
import { fill, newOrganization, openInstallation } from './installation.ts'

/**
 * `npx tsx bench/export.ts [messages]`: an organization of so many messages (100,000) is exported and read back, on a
 * PostgreSQL of its own; memory is sampled every 50 ms in this process, which does both. Prints one JSON line for each.
 */
const messages = Number(process.argv[2] ?? 100_000)
const { on, folder, close } = await openInstallation()
try {
  const from = await newOrganization(on, 'from')
  await fill(on, from, { messages, number: '0700000000001' })
  const file = path.join(folder, 'bench.zip')
  await measured('export', () => exportToFile(on, { kind: 'org', org: from }, file))
  const to = await newOrganization(on, 'to')
  await measured('import', () => importExport(on, to, file))
} finally {
  await close()
}

async function measured(
  bench: string,
  run: () => Promise<{ records: Record<string, number> }>,
): Promise<void> {
  globalThis.gc?.()
  const before = process.memoryUsage().rss
  let peak = before
  const timer = setInterval(() => (peak = Math.max(peak, process.memoryUsage().rss)), 50)
  const started = performance.now()
  const { records } = await run()
  const all = Object.values(records).reduce((sum, n) => sum + n, 0)
  clearInterval(timer)
  const line = {
    bench,
    messages: records['messages'],
    records: all,
    seconds: Number(((performance.now() - started) / 1000).toFixed(1)),
    rssBeforeMb: Math.round(before / 1_048_576),
    rssGrowthMb: Math.round((peak - before) / 1_048_576),
  }
  process.stdout.write(`${JSON.stringify(line)}\n`)
}
