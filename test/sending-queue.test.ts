import { spawn, type ChildProcess } from 'node:child_process'
import { newId } from '../src/ids.ts'
import { BACKENDS, startApp, type Backend, type Running } from './support/app.ts'
import { startGraph, type Graph } from './support/graph.ts'
import { programOf } from './support/programs.ts'
import { openTalk, type Talk } from './support/talk.ts'
import { until } from './support/until.ts'

describe.each(BACKENDS)('with workers over %s', (backend: Backend) => {
  let app: Running
  let graph: Graph

  beforeAll(async () => {
    graph = await startGraph()
    app = await startApp({ backend, env: { GRAPH_API_URL: graph.url } })
  })
  beforeEach(() => {
    graph.calls.length = 0
    graph.decide(() => 'ok')
  })
  afterAll(async () => {
    await app.stop()
    await graph.stop()
  })

  const waiting = (talk: Talk): Promise<number> =>
    app.on.db.withTenant(talk.bell.org, async (tx) => {
      const found = await tx('outbox').where({ org_id: talk.bell.org, finished_at: null })
      return found.length
    })

  test('a message goes out on its own', async () => {
    const talk = await openTalk(app.on, await app.org())
    const { id } = await talk.say('Hello')
    await until(async () => (await talk.message(id)).status === 'accepted')
    expect(graph.calls.map((call) => call.ref)).toEqual([id])
  })

  test('three conversations keep their order while they go in parallel', async () => {
    const org = await app.org()
    const talks = await Promise.all([1, 2, 3].map(() => openTalk(app.on, org)))
    graph.decide(() => ({ wait: new Promise((resolve) => setTimeout(resolve, 20)) }))
    for (let i = 0; i < 8; i += 1) await Promise.all(talks.map((talk) => talk.say(String(i))))
    await until(() => graph.calls.length === 24, 20_000)
    for (const talk of talks) {
      const to = graph.calls.filter((call) => call.body.to === talk.to)
      expect(to.map((call) => call.text)).toEqual(['0', '1', '2', '3', '4', '5', '6', '7'])
    }
    expect(graph.open.most).toBeGreaterThan(1)
  })

  test('200 messages to 20 customers are 200 calls, and a double submit adds none', async () => {
    const org = await app.org()
    const talks = await Promise.all(Array.from({ length: 20 }, () => openTalk(app.on, org)))
    const made = await Promise.all(
      talks.flatMap((talk) =>
        Array.from({ length: 10 }, async (_, i) => {
          const token = newId()
          const [one, two] = await Promise.all([talk.say(`${i}`, token), talk.say(`${i}`, token)])
          expect(two.id).toBe(one.id)
          return one.id
        }),
      ),
    )
    await until(async () => (await waiting(talks[0] as Talk)) === 0, 60_000)
    expect(graph.calls).toHaveLength(200)
    expect(new Set(graph.calls.map((call) => call.ref))).toEqual(new Set(made))
  }, 90_000)

  test('a temporary fault is over a second later', async () => {
    const talk = await openTalk(app.on, await app.org())
    graph.script({ code: 131016, status: 500 })
    const started = Date.now()
    const [first, second] = [await talk.say('one'), await talk.say('two')]
    await until(async () => (await talk.message(second.id)).status === 'accepted')
    expect(graph.calls.map((call) => call.ref)).toEqual([first.id, first.id, second.id])
    expect(Date.now() - started).toBeGreaterThan(950)
  })

  test('a lost doorbell delays a message by no more than the sweep', async () => {
    const talk = await openTalk(app.on, await app.org())
    const ring = jest.spyOn(app.on.queues, 'ring').mockResolvedValueOnce(undefined)
    const { id } = await talk.say('Nobody rang')
    ring.mockRestore()
    await until(async () => (await talk.message(id)).status === 'accepted', 8_000)
    expect(graph.calls).toHaveLength(1)
  })
})

describe.each(BACKENDS)(
  'a worker process killed while WhatsApp has not answered, over %s',
  (backend) => {
    test('leaves that message unknown and unrepeated, and the others go out', async () => {
      const graph = await startGraph()
      const app = await startApp({ backend, workers: false, env: { GRAPH_API_URL: graph.url } })
      const org = await app.org()
      const [talk, other] = [await openTalk(app.on, org), await openTalk(app.on, org)]
      graph.decide((call) => (call.text === 'hang' ? 'hang' : 'ok'))
      const lost = await talk.say('hang')
      const prefix = `t${newId()}`
      const victim = startWorker(app, prefix)
      await until(() => graph.calls.length === 1, 20_000)
      expect((await talk.outbox(lost.id)).state).toBe('posting')
      victim.kill('SIGKILL')
      await until(() => victim.signalCode === 'SIGKILL')

      const next = await other.say('still goes')
      await talk.outboxIs(lost.id, `lease_until = now() - interval '1 second'`)
      const heir = startWorker(app, prefix)
      await until(async () => (await talk.message(lost.id)).status === 'unknown', 20_000)
      await until(async () => (await other.message(next.id)).status === 'accepted', 40_000)
      expect(graph.calls.map((call) => call.ref)).toEqual([lost.id, next.id])

      heir.kill('SIGKILL')
      await until(() => heir.signalCode === 'SIGKILL')
      await app.stop()
      await graph.stop()
    }, 90_000)
  },
)

const children = new Set<ChildProcess>()
afterAll(() => {
  for (const child of children) child.kill('SIGKILL')
})

/** Its doorbells come from its own sweep. */
function startWorker({ on }: Running, queuePrefix: string): ChildProcess {
  const { DATABASE_URL, REDIS_URL, GRAPH_API_URL, DATA_DIR, masterKeys } = on.config
  const [key] = masterKeys
  const child = spawn(
    process.execPath,
    [...programOf('test/support/worker-child.ts'), queuePrefix],
    {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: {
        PATH: process.env['PATH'],
        NODE_ENV: 'test',
        LOG_LEVEL: 'silent',
        DATABASE_URL,
        GRAPH_API_URL,
        DATA_DIR,
        CHATFLOW_MASTER_KEY: `${key?.id}:${key?.key.toString('base64')}`,
        ...(REDIS_URL ? { REDIS_URL } : {}),
      },
    },
  )
  children.add(child)
  return child
}
