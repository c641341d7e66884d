import { openSender } from '../src/sending/sending.ts'
import { startApp } from './support/app.ts'
import { useDesk } from './support/desk.ts'
import { openTalk } from './support/talk.ts'
import { until } from './support/until.ts'

const desk = useDesk({ postTimeoutMs: 600 })

describe('an answer of the Graph API', () => {
  const due = `due_at = now()`

  test.each([
    ['a temporary fault', { code: 131016, status: 500 }, 'retry'],
    ['too many calls', { code: 130429, status: 429 }, 'wait'],
    ['429 without a body', { status: 429 }, 'wait'],
    ['a pair limit', { code: 131056 }, 'wait'],
  ] as const)('%s is tried again after a second', async (_name, reply, kind) => {
    const talk = await desk.talk()
    const { id } = await talk.say('Again')
    desk.graph.script(reply)
    await desk.drained(talk)
    expect(await talk.message(id)).toMatchObject({ status: 'queued', error_code: null })
    const entry = await talk.outbox(id)
    expect(entry).toMatchObject({ state: 'retry', attempts: 1, error_class: kind })
    expect(entry.wait_s).toBeGreaterThan(0.5)
    expect(entry.wait_s).toBeLessThan(1.3)
    expect(entry.hold_s).toBeGreaterThan(50)

    await talk.outboxIs(id, due)
    await desk.drained(talk)
    expect(await talk.message(id)).toMatchObject({ status: 'accepted' })
    expect(desk.graph.calls.map((call) => call.ref)).toEqual([id, id])
  })

  test('a temporary fault that lasts becomes a failure after five posts, a second, 4, 16 and 64 apart', async () => {
    const talk = await desk.talk()
    const { id } = await talk.say('Again')
    desk.graph.script(...Array.from({ length: 5 }, () => ({ code: 131016, status: 500 })))
    const waits: number[] = []
    for (let post = 1; post < 5; post += 1) {
      await desk.drained(talk)
      waits.push((await talk.outbox(id)).wait_s)
      await talk.outboxIs(id, due)
    }
    await desk.drained(talk)
    expect(await talk.message(id)).toMatchObject({ status: 'failed', error_code: '131016' })
    expect(waits.map((wait, i) => wait / 4 ** i >= 0.8 && wait / 4 ** i < 1.3)).not.toContain(false)
    expect(desk.graph.calls).toHaveLength(5)
  })

  test('Retry-After is respected', async () => {
    const talk = await desk.talk()
    const { id } = await talk.say('Later')
    desk.graph.script({ code: 130429, status: 429, headers: { 'retry-after': '30' } })
    await desk.drained(talk)
    expect((await talk.outbox(id)).wait_s).toBeGreaterThan(29)
  })

  test.each([
    ['131026', { code: 131026 }, 'recipient'],
    ['100', { code: 100 }, 'never'],
    ['132001', { code: 132001, status: 404 }, 'template'],
    ['999999', { code: 999_999, status: 400 }, 'never'],
  ] as const)('%s is a failure at once, with its code', async (code, reply, kind) => {
    const talk = await desk.talk()
    const { id } = await talk.say('No')
    desk.graph.script(reply)
    await desk.drained(talk)
    expect(await talk.message(id)).toMatchObject({
      status: 'failed',
      error_code: code,
      error_title: 'Refused',
    })
    expect(await talk.outbox(id)).toMatchObject({ state: 'done', error_class: kind })
  })

  test('131047 closes the window as well', async () => {
    const talk = await desk.talk()
    const { id } = await talk.say('Too late')
    desk.graph.script({ code: 131047 })
    await desk.drained(talk)
    expect(await talk.message(id)).toMatchObject({ status: 'failed', error_code: '131047' })
    await expect(talk.say('And now?')).rejects.toMatchObject({ code: 'window_closed' })
  })

  test.each([
    ['no answer in time', 'hang'],
    ['a connection that breaks', 'reset'],
    ['a proxy that says 502', 'lost'],
    ['500 without a body', { status: 500 }],
    ['200 that says nothing', { status: 200, text: '{}' }],
    ['a page for 404', { status: 404, text: '<html>' }],
  ] as const)('%s leaves the outcome unknown and is never repeated', async (_name, reply) => {
    const talk = await desk.talk()
    const { id } = await talk.say('Perhaps')
    desk.graph.script(reply)
    await desk.drained(talk)
    expect(await talk.message(id)).toMatchObject({ status: 'unknown', rank: 10 })
    const entry = await talk.outbox(id)
    expect(entry.state).toBe('unknown')
    expect(entry.hold_s).toBeGreaterThan(10)
    await talk.outboxIs(id, `due_at = now() - interval '1 hour', hold_until = now()`)
    await desk.drained(talk)
    expect(desk.graph.calls).toHaveLength(1)
  })

  test('an unknown outcome holds later messages of the conversation back for a minute', async () => {
    const talk = await desk.talk()
    const first = await talk.say('Perhaps')
    desk.graph.script('reset')
    await desk.drained(talk)
    const second = await talk.say('Then')
    await desk.drained(talk)
    expect((await talk.message(second.id)).status).toBe('queued')
    await talk.outboxIs(first.id, 'hold_until = now()')
    await desk.drained(talk)
    expect((await talk.message(second.id)).status).toBe('accepted')
  })
})

test('a Graph API that cannot be reached costs nothing but time', async () => {
  const org = await desk.app.org()
  const nowhere = await startApp({
    workers: false,
    env: { GRAPH_API_URL: 'http://127.0.0.1:9' },
  })
  const talk = await openTalk(nowhere.on, await nowhere.org())
  expect(org.id).not.toBe(talk.bell.org)
  const { id } = await talk.say('Later')
  let clock = 0
  const own = openSender(nowhere.on, { now: () => clock })
  for (let post = 1; post <= 7; post += 1) {
    // Past any pause of the breaker.
    clock += 600_000
    await talk.outboxIs(id, 'due_at = now()')
    await own.drain(talk.bell)
    await until(async () => (await talk.outbox(id)).attempts === post)
    await until(async () => (await talk.outbox(id)).state === 'retry')
  }
  expect(await talk.message(id)).toMatchObject({ status: 'queued' })
  await talk.outboxIs(id, `due_at = now(), created_at = now() - interval '40 minutes'`)
  clock += 600_000
  await own.drain(talk.bell)
  await until(async () => (await talk.message(id)).status === 'failed')
  expect(await talk.message(id)).toMatchObject({ error_code: 'unreachable' })
  await own.settlePosts(1_000)
  await nowhere.stop()
})
