import { randomInt } from 'node:crypto'
import { startPostgres, type OwnPostgres } from './postgres.ts'
import { hasRedisServer, startProduct, startRedis, type Env, type Product } from './processes.ts'
import { blow, forgetNames, gather, settle, type Report } from './storm.ts'
import { Sky, startStormGraph, type Size } from './storm-meta.ts'
import { setUp } from './contract.ts'

jest.setTimeout(300_000)

const FULL: Size = { people: 200, messages: 8_000, replies: 150, updates: 20_000 }
const SMALL: Size = { people: 40, messages: 800, replies: 0, updates: 2_000 }
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

async function weather(env: Env, size: Size, faults: Fault[], dedup = true): Promise<Report> {
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
    if (!dedup) await forgetNames(postgres.url)
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
    process.stdout.write(
      `storm ${seed}: ${report.delivered} updates, ${faults.length} faults, refused and sent again ${report.refused}, ` +
        `lost ${report.lost}, duplicated ${report.duplicated}, wrong ${report.wrong}, dead letters ${report.deadLetters}\n`,
    )
    expect(due).toEqual([])
    return report
  } finally {
    await product.stop()
    graph.close()
    await postgres.remove()
  }
}

describe('20,000 updates, copied, shuffled and in webhooks of up to 1,000', () => {
  test('queues in PostgreSQL; web, worker and PostgreSQL are killed: nothing lost, nothing twice', async () => {
    expect(await weather({}, FULL, [killWeb, killWorker, killPostgres])).toMatchObject(CALM)
  })

  if (hasRedisServer())
    test('queues in Redis; web, worker, Redis and PostgreSQL are killed: nothing lost, nothing twice', async () => {
      const redis = await startRedis()
      const killRedis: Fault = {
        at: 0.55,
        async strike() {
          await redis.stop()
          await redis.start()
        },
      }
      const faults = [killWeb, killWorker, killRedis, killPostgres]
      const report = await weather({ REDIS_URL: redis.url }, FULL, faults).finally(() =>
        redis.remove(),
      )
      expect(report).toMatchObject(CALM)
    })

  test('control: without names to tell copies by, they are found', async () => {
    expect((await weather({}, SMALL, [], false)).duplicated).toBeGreaterThan(100)
  })
})
