import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { freePort } from '../test/drills/processes.ts'
import { quantile, saturate, type Load, type Target } from './load.ts'

const CONNECTIONS = 64
const ROUND_MS = 3_000
const ROUNDS = 5

/** Saturated webhook ingest beside its floor: interleaved rounds in one run, medians and their ratio. */
export async function benchIngest(product: Target, redisUrl: string): Promise<object> {
  const secret = randomBytes(16).toString('hex')
  const port = await freePort()
  const prefix = `bench-floor-${port}`
  const floor = spawn(
    process.execPath,
    ['--import', 'tsx', 'bench/floor.ts', String(port), redisUrl, prefix, secret],
    { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, NODE_ENV: 'production' } },
  )
  try {
    await new Promise((resolve) => floor.stdout.once('data', resolve))
    const bare: Target = {
      ...product,
      origin: `http://127.0.0.1:${port}`,
      path: '/webhook',
      secret,
    }
    await saturate(bare, CONNECTIONS, ROUND_MS)
    await saturate(product, CONNECTIONS, ROUND_MS)
    const rounds: { floor: Load; product: Load }[] = []
    for (let round = 0; round < ROUNDS; round += 1) {
      rounds.push({
        floor: await saturate(bare, CONNECTIONS, ROUND_MS),
        product: await saturate(product, CONNECTIONS, ROUND_MS),
      })
    }
    const median = (pick: (round: { floor: Load; product: Load }) => number): number =>
      quantile(rounds.map(pick), 0.5)
    return {
      line: 'webhook ingest, 64 connections, sealed and durable before 200',
      floor: {
        perSecond: median((r) => r.floor.perSecond),
        p50ms: median((r) => r.floor.p50),
        p99ms: median((r) => r.floor.p99),
      },
      product: {
        perSecond: median((r) => r.product.perSecond),
        p50ms: median((r) => r.product.p50),
        p99ms: median((r) => r.product.p99),
      },
      ratio: rounds
        .map((r) => Math.round((r.product.perSecond / r.floor.perSecond) * 100) / 100)
        .toSorted((a, b) => a - b),
      errors: rounds.reduce((sum, r) => sum + r.floor.errors + r.product.errors, 0),
    }
  } finally {
    floor.kill('SIGKILL')
  }
}
