import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { freePort } from '../test/drills/processes.ts'
import { pace, prepare, quantile, saturate, type Load, type Target } from './load.ts'

const CONNECTIONS = 64
const ROUND_MS = 2_000
const ROUNDS = 5
/** More than a round can send. */
const PREPARED = 60_000
const STEADY_PER_SECOND = 1_000
const STEADY_REQUESTS = 4_000
const STEADY_ROUNDS = 5

/** Saturated webhook ingest beside its floor: interleaved rounds in one run, medians and their ratio. */
export async function benchIngest(product: Target, redisUrl: string): Promise<object[]> {
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
    const round = async (target: Target): Promise<Load> => {
      const load = { connections: CONNECTIONS, ms: ROUND_MS }
      return saturate(target, prepare(target, PREPARED), load)
    }
    await round(bare)
    await round(product)
    const rounds: Both[] = []
    for (let n = 0; n < ROUNDS; n += 1)
      rounds.push({ floor: await round(bare), product: await round(product) })
    const steady = { connections: CONNECTIONS, perSecond: STEADY_PER_SECOND }
    const paced: Both[] = []
    for (let n = 0; n < STEADY_ROUNDS; n += 1)
      paced.push({
        floor: await pace(bare, prepare(bare, STEADY_REQUESTS), steady),
        product: await pace(product, prepare(product, STEADY_REQUESTS), steady),
      })
    return [
      reportOf('webhook ingest, 64 connections, sealed and durable before 200', rounds),
      reportOf(`webhook ingest at ${STEADY_PER_SECOND} a second`, paced),
    ]
  } finally {
    floor.kill('SIGKILL')
  }
}

type Both = { floor: Load; product: Load }

function reportOf(line: string, rounds: Both[]): object {
  const median = (who: keyof Both, what: keyof Load): number =>
    quantile(
      rounds.map((round) => round[who][what]),
      0.5,
    )
  const figures = (who: keyof Both): object => ({
    perSecond: median(who, 'perSecond'),
    p50ms: median(who, 'p50'),
    p99ms: median(who, 'p99'),
  })
  return {
    line,
    floor: figures('floor'),
    product: figures('product'),
    ratio: rounds
      .map(({ floor, product }) => Math.round((product.perSecond / floor.perSecond) * 100) / 100)
      .toSorted((a, b) => a - b),
    errors: rounds.reduce((sum, { floor, product }) => sum + floor.errors + product.errors, 0),
  }
}
