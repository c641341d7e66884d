import { execFileSync } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { startPostgres } from '../test/drills/postgres.ts'
import { startProduct, startRedis } from '../test/drills/processes.ts'
import { blow, gather, isQuiet, settle } from '../test/drills/storm.ts'
import { Sky, startStormGraph, type Size } from '../test/drills/storm-meta.ts'
import { setUp } from '../test/drills/contract.ts'
import { quantile } from './load.ts'

/**
 * `npm run soak [updates]`: storm after storm on the same processes, and how much memory the worker keeps. The first
 * fifth warms up; after it the median of each fifth must stay within a tenth of the first one's. Prints one JSON line;
 * exit code 1 when memory grows or a storm loses or doubles something. Needs `redis-server` on the path.
 */
const UPDATES = Number(process.argv[2] ?? 120_000)
const STORM: Size = { people: 200, messages: 18_000, replies: 100, updates: 20_000 }
const ALLOWED = 0.1
const EVERY_MS = 250

const redis = await startRedis()
const postgres = await startPostgres()
const sky = new Sky(randomInt(1, 1_000_000))
const graph = await startStormGraph(sky)
const product = await startProduct(
  { DATABASE_URL: postgres.url, REDIS_URL: redis.url, GRAPH_API_URL: graph.url },
  'build',
)
try {
  const keys = await setUp(product)
  const storm = { product, graph, sky, database: postgres.url, keys }
  const seen: { at: number; mb: number }[] = []
  const timer = setInterval(() => {
    seen.push({ at: sky.delivered, mb: memoryOf(product.workerPid()) })
  }, EVERY_MS)
  const started = performance.now()
  let bad = 0
  for (let round = 0; sky.delivered < UPDATES; round += 1) {
    gather(sky, STORM, round * STORM.messages)
    const refused = await blow(
      storm,
      { ...STORM, replies: round === 0 ? STORM.replies : 0 },
      () => undefined,
    )
    const whole = { ...STORM, messages: STORM.messages * (round + 1) }
    const { lost, duplicated, wrong } = await settle(storm, whole, refused)
    bad += lost + duplicated + wrong
  }
  await isQuiet(product)
  clearInterval(timer)
  const fifths = [1, 2, 3, 4].map((n) =>
    medianBetween(seen, (n * sky.delivered) / 5, ((n + 1) * sky.delivered) / 5),
  )
  const [first = 0] = fifths
  const drift = Math.max(...fifths.map((mb) => Math.abs(mb - first) / first))
  const isFlat = drift <= ALLOWED
  print({
    line: 'soak, memory of the worker',
    updates: sky.delivered,
    seconds: Math.round((performance.now() - started) / 1_000),
    mbByFifth: fifths,
    drift: Math.round(drift * 100) / 100,
    lostDoubledOrWrong: bad,
  })
  process.exitCode = isFlat && bad === 0 ? 0 : 1
} finally {
  await product.stop()
  graph.close()
  await postgres.remove()
  await redis.remove()
}

function medianBetween(seen: { at: number; mb: number }[], from: number, to: number): number {
  return quantile(
    seen.filter(({ at }) => at >= from && at < to).map(({ mb }) => mb),
    0.5,
  )
}

/** Resident memory of a process, in megabytes. */
function memoryOf(pid: number): number {
  const kb = execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' })
  return Math.round(Number(kb) / 1_024)
}

function print(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}
