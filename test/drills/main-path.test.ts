import { cloneDatabase } from '../support/database.ts'
import { startGraph } from './graph.ts'
import {
  hasRedisServer,
  startProduct,
  startRedis,
  type Env,
  type OwnRedis,
  type Product,
} from './processes.ts'
import { CUSTOMERS, MESSAGES, playStory, REPLIES, type Outcome } from './story.ts'

const EXPECTED = {
  conversations: CUSTOMERS,
  received: MESSAGES,
  distinct: MESSAGES,
  calls: REPLIES,
  callsOnceEach: REPLIES,
  read: REPLIES,
}
jest.setTimeout(240_000)

/** One run of the story on processes of its own; `fault` is told when each half begins. */
async function drill(
  env: Env,
  fault: (product: Product, what: 'webhooks' | 'replies') => void = () => undefined,
): Promise<Outcome> {
  const database = await cloneDatabase()
  const graph = await startGraph()
  const product = await startProduct({
    ...env,
    DATABASE_URL: database.url,
    GRAPH_API_URL: graph.url,
  })
  try {
    return await playStory(product, graph, (what) => fault(product, what))
  } finally {
    await product.stop()
    graph.close()
    await database.drop()
  }
}

/** Kill the worker in the middle and start it again a moment later. */
const killWorker = (product: Product): void => {
  setTimeout(() => void product.killWorker().then(() => product.startWorker()), 300)
}

describe('1,000 webhooks, 200 replies and their statuses in reverse order', () => {
  test('with queues in PostgreSQL: each once', async () => {
    expect(await drill({})).toMatchObject(EXPECTED)
  })

  test('with queues in PostgreSQL and the worker killed twice: the same numbers', async () => {
    expect(await drill({}, killWorker)).toMatchObject(EXPECTED)
  })
})

if (hasRedisServer())
  describe('the same with queues in a Redis of its own', () => {
    let redis: OwnRedis
    beforeAll(async () => {
      redis = await startRedis()
    })
    afterAll(() => redis.remove())

    test('with the worker killed twice: the same numbers', async () => {
      expect(await drill({ REDIS_URL: redis.url }, killWorker)).toMatchObject(EXPECTED)
    })

    test('with Redis gone for five seconds: webhooks are refused, sent again, and the numbers are the same', async () => {
      const outcome = await drill({ REDIS_URL: redis.url }, (_product, what) => {
        if (what === 'webhooks') setTimeout(() => void pauseRedis(redis), 300)
      })
      expect(outcome).toMatchObject(EXPECTED)
      expect(outcome.refused).toBeGreaterThan(0)
    })
  })

async function pauseRedis(redis: OwnRedis): Promise<void> {
  await redis.stop()
  setTimeout(() => void redis.start(), 5_000)
}
