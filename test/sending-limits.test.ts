import { rows } from '../src/db.ts'
import { newId } from '../src/ids.ts'
import { openBreaker } from '../src/sending/breaker.ts'
import { openLimits, type SendLimits } from '../src/sending/limits.ts'
import { openSender } from '../src/sending/sending.ts'
import { BACKENDS, startApp, type Running } from './support/app.ts'
import { useDesk } from './support/desk.ts'
import { openTalk } from './support/talk.ts'
import { until } from './support/until.ts'

jest.setTimeout(60_000)

describe.each(BACKENDS)('WhatsApp’s limits, counted over %s', (backend) => {
  let app: Running
  let limits: SendLimits
  beforeAll(async () => {
    app = await startApp({ backend, workers: false })
    limits = openLimits(app.on)
  })
  afterAll(async () => {
    limits.close()
    await app.stop()
  })

  test('a number gets four fifths of what WhatsApp gives it, for all processes together', async () => {
    const number = { connection: newId(), perSecond: 80 }
    const other = openLimits(app.on)
    const first = await limits.take(number, 50)
    const second = await other.take(number, 50)
    const third = await limits.take(number, 1)
    other.close()
    expect([first.granted, second.granted, third.granted]).toEqual([50, 14, 0])
    expect(third.afterMs).toBeGreaterThan(0)
    expect(third.afterMs).toBeLessThanOrEqual(1_000)
  })

  test('what was not used is there for the next look', async () => {
    const number = { connection: newId(), perSecond: 80 }
    await limits.take(number, 64)
    await limits.giveBack(number, 60)
    expect((await limits.take(number, 64)).granted).toBe(60)
  })

  test('a number that was too fast goes half as fast, and half again', async () => {
    const connection = newId()
    limits.slowDown(connection)
    limits.slowDown(connection)
    expect((await limits.take({ connection, perSecond: 80 }, 64)).granted).toBe(16)
  })

  test('one person gets 45 at once and then has to be waited for; others do not wait', async () => {
    const conversation = newId()
    const waits = []
    for (let n = 0; n < 46; n += 1) waits.push(await limits.pairWaitMs(conversation))
    expect(waits.slice(0, 45)).toEqual(Array(45).fill(0))
    expect(waits[45]).toBeGreaterThan(0)
    expect(await limits.pairWaitMs(newId())).toBe(0)
  })
})

describe('sending within the limits', () => {
  const desk = useDesk()

  test('more than a number may send a second goes in the seconds after: all of it, once', async () => {
    const org = await desk.app.org()
    const talks = await Promise.all(Array.from({ length: 12 }, () => openTalk(desk.app.on, org)))
    const [first] = talks
    if (!first) throw new Error('no conversation')
    await desk.app.on.db.withTenant(org.id, (tx) =>
      rows(tx, 'update connections set throughput = 5 where org_id = ?', [org.id]),
    )
    // The number's own row is read with its first claim.
    await first.say('first')
    await desk.drained(first)
    for (const talk of talks) await talk.say('Hello')
    await until(async () => {
      const before = desk.graph.calls.length
      await desk.drained(first)
      expect(desk.graph.calls.length - before).toBeLessThanOrEqual(4)
      return desk.graph.calls.length === 13
    }, 30_000)
    expect(new Set(desk.graph.calls.map(({ ref }) => ref)).size).toBe(13)
  })

  test('the 46th message to one person waits its turn and is not lost', async () => {
    const talk = await desk.talk()
    const limits = openLimits(desk.app.on)
    for (let n = 0; n < 45; n += 1) await limits.pairWaitMs(talk.id)
    limits.close()
    const { id } = await talk.say('One more')
    await desk.drained(talk)
    expect(desk.graph.calls).toEqual([])
    expect(await talk.message(id)).toMatchObject({ status: 'queued' })
    const entry = await talk.outbox(id)
    expect(entry).toMatchObject({ state: 'pending', attempts: 0, error_class: 'wait' })
    expect(entry.wait_s).toBeGreaterThan(0)
  })
})

describe('while nothing answers', () => {
  test('five failures in a row open the breaker; one trial after 10 seconds, then ever fewer', () => {
    let now = 0
    const breaker = openBreaker(() => now)
    for (let n = 0; n < 4; n += 1) breaker.note('a', false)
    expect(breaker.waitMs('a')).toBe(0)
    breaker.note('a', false)
    expect([breaker.waitMs('a'), breaker.waitMs('b')]).toEqual([10_000, 0])
    now = 10_000
    expect([breaker.waitMs('a'), breaker.isTrial('a')]).toEqual([0, true])
    breaker.note('a', false)
    expect(breaker.waitMs('a')).toBe(20_000)
    now = 30_000
    breaker.note('a', true)
    expect([breaker.waitMs('a'), breaker.isTrial('a')]).toEqual([0, false])
  })

  test('more than half of twenty within half a minute open it too; old failures do not count', () => {
    let now = 0
    const breaker = openBreaker(() => now)
    for (let n = 0; n < 30; n += 1) breaker.note('a', n % 3 === 0)
    expect(breaker.waitMs('a')).toBeGreaterThan(0)
    for (let n = 0; n < 15; n += 1) breaker.note('b', n % 3 === 0)
    now = 40_000
    for (let n = 0; n < 12; n += 1) breaker.note('b', n % 3 === 0)
    expect(breaker.waitMs('b')).toBe(0)
  })

  describe('a sender', () => {
    const desk = useDesk()

    test('lets messages wait untried, and sends all of them once WhatsApp answers again', async () => {
      let now = 0
      const org = await desk.app.org()
      const talks = await Promise.all(Array.from({ length: 8 }, () => openTalk(desk.app.on, org)))
      const [lost, kept] = [talks.slice(0, 5), talks.slice(5)]
      const bell = { org: org.id, connection: org.connection.id }
      const sender = openSender(desk.app.on, { now: () => now })
      const said = desk.graph.calls
      desk.graph.decide(() => 'lost')
      const doubtful = await Promise.all(lost.map((talk) => talk.say('lost')))
      await sender.drain(bell)
      await until(async () => {
        const found = await Promise.all(lost.map((talk, n) => talk.message(doubtful[n]?.id ?? '')))
        return found.every(({ status }) => status === 'unknown')
      })
      const waiting = await Promise.all(kept.map((talk) => talk.say('waits')))
      await sender.drain(bell)
      expect(said).toHaveLength(5)
      for (const [n, talk] of kept.entries())
        expect(await talk.outbox(waiting[n]?.id ?? '')).toMatchObject({ attempts: 0 })

      desk.graph.decide(() => 'ok')
      now = 10_001
      await until(async () => {
        await sender.drain(bell)
        return said.length === 8
      })
      expect(said.slice(5).map(({ text }) => text)).toEqual(['waits', 'waits', 'waits'])
      await sender.settlePosts(5_000)
    })
  })
})
