import { randomInt } from 'node:crypto'
import { startPostgres, type OwnPostgres } from './postgres.ts'
import { hasRedisServer, startProduct, startRedis, type Env, type Product } from './processes.ts'
import { blow, forgetNames, gather, settle, type Report } from './storm.ts'
import { Sky, startStormGraph, type Size } from './storm-meta.ts'
import { setUp } from './contract.ts'

jest.setTimeout(300_000)

const FULL: Size = { people: 200, messages: 8_000, replies: 150, updates: 20_000 }
const SMALL: Size = { people: 100, messages: 2_400, replies: 60, updates: 6_000 }
/** Delivered once more with deduplication off. */
const COPIES = 300
const CALM = { lost: 0, duplicated: 0, wrong: 0, deadLetters: 0 }

type Stage = { product: Product; postgres: OwnPostgres }
/** What happens when so much of the storm is over, each once. */
type Fault = { at: number; strike: (stage: Stage) => Promise<void> }

const killWeb: Fault = {
  at: 0.15,
  async strike({ product }) {
    await product.killWeb()
    product.startWeb()
  },
}
const killWorker: Fault = {
  at: 0.35,
  async strike({ product }) {
    await product.killWorker()
    product.startWorker()
  },
}
const killPostgres: Fault = {
  at: 0.75,
  async strike({ postgres }) {
    await postgres.kill()
    await postgres.start()
  },
}

type Outcome = {
  report: Report
  /** The control: copies delivered once more when nothing tells them from new messages. */
  blind: Report
}

async function weather(env: Env, size: Size, faults: Fault[]): Promise<Outcome> {
  const seed = randomInt(1, 1_000_000)
  const sky = new Sky(seed)
  const graph = await startStormGraph(sky)
  const postgres = await startPostgres()
  const product = await startProduct({
    ...env,
    DATABASE_URL: postgres.url,
    GRAPH_API_URL: graph.url,
  })
  try {
    const keys = await setUp(product)
    const storm = { product, graph, sky, database: postgres.url, keys }
    gather(sky, size)
    const due = faults.toSorted((a, b) => a.at - b.at)
    const struck: Promise<void>[] = []
    const refused = await blow(storm, size, (share) => {
      while (due[0] && due[0].at <= share)
        struck.push((due.shift() as Fault).strike({ product, postgres }))
    })
    await Promise.all(struck)
    const report = await settle(storm, size, refused)
    await forgetNames(postgres.url)
    gather(sky, { ...size, messages: COPIES, updates: COPIES })
    await blow(storm, { ...size, replies: 0 }, () => undefined)
    const blind = await settle(storm, size, refused)
    process.stdout.write(
      `storm ${seed}: ${report.delivered} updates, ${faults.length} faults, refused and sent again ${report.refused}, ` +
        `lost ${report.lost}, duplicated ${report.duplicated}, wrong ${report.wrong}, dead letters ${report.deadLetters}; ` +
        `control, deduplication off: duplicated ${blind.duplicated}\n`,
    )
    expect(due).toEqual([])
    return { report, blind }
  } finally {
    await product.stop()
    graph.close()
    await postgres.remove()
  }
}

const isRedisHere = hasRedisServer()

/** Both at once: most of a storm is waiting for leases to end and stores to come back. */
let onPostgres: Promise<Outcome>
let onRedis: Promise<Outcome>
beforeAll(() => {
  onPostgres = weather({}, SMALL, [killWeb, killWorker, killPostgres])
  onPostgres.catch(() => undefined)
  if (!isRedisHere) return
  onRedis = weatherOnRedis()
  onRedis.catch(() => undefined)
})

async function weatherOnRedis(): Promise<Outcome> {
  const redis = await startRedis()
  const killRedis: Fault = {
    at: 0.55,
    async strike() {
      await redis.stop()
      await redis.start()
    },
  }
  const faults = [killWeb, killWorker, killRedis, killPostgres]
  return weather({ REDIS_URL: redis.url }, FULL, faults).finally(() => redis.remove())
}

test('queues in PostgreSQL; web, worker and PostgreSQL are killed: nothing lost, nothing twice', async () => {
  const { report, blind } = await onPostgres
  expect(report).toMatchObject(CALM)
  expect(blind.duplicated).toBe(COPIES)
})

if (isRedisHere)
  test('20,000 updates, queues in Redis; web, worker, Redis and PostgreSQL are killed: nothing lost, nothing twice', async () => {
    const { report, blind } = await onRedis
    expect(report).toMatchObject(CALM)
    expect(blind.duplicated).toBe(COPIES)
  })
