import { applyStatuses, parkStatuses } from '../src/messages/status.ts'
import { claim, type Entry } from '../src/sending/claim.ts'
import { post } from '../src/sending/post.ts'
import { record } from '../src/sending/record.ts'
import { sweep } from '../src/sending/sweep.ts'
import { useDesk } from './support/desk.ts'
import type { Talk } from './support/talk.ts'
import { until } from './support/until.ts'

const desk = useDesk({ postTimeoutMs: 600 })
const WIRE = { timeoutMs: 1_000, wrote: () => undefined }
const OVER = `lease_until = now() - interval '1 second'`

async function claimOne(talk: Talk): Promise<Entry> {
  const [entry] = await claim(desk.app.on, talk.bell, 20, 'test')
  if (!entry) throw new Error('nothing was due')
  return entry
}

/** What a status webhook brings, as the inbound worker stores it. */
async function status(
  talk: Talk,
  wamid: string,
  kind: 'sent' | 'delivered',
  ref: string | null,
): Promise<void> {
  const event = { wamid, status: kind, at: new Date(), connection: talk.bell.connection, ref }
  await desk.app.on.db.withTenant(talk.bell.org, (tx) =>
    parkStatuses(tx, talk.bell.org, [{ ...event, error: null, billing: null }]),
  )
  await applyStatuses(desk.app.on, talk.bell.org, [wamid])
}

describe('a lease that ends', () => {
  test('before the post lets the message go out, once', async () => {
    const talk = await desk.talk()
    const { id } = await talk.say('Nobody posted me')
    await claimOne(talk)
    await sweep(desk.app.on)
    expect(await talk.outbox(id)).toMatchObject({ state: 'claimed' })

    await talk.outboxIs(id, OVER)
    await sweep(desk.app.on)
    expect(await talk.outbox(id)).toMatchObject({ state: 'pending' })
    await desk.sender.drain(talk.bell)
    await until(async () => (await talk.message(id)).status === 'accepted')
    expect(desk.graph.calls).toHaveLength(1)
  })

  test('after the post began leaves the outcome unknown, and nobody repeats it', async () => {
    const talk = await desk.talk()
    const { id } = await talk.say('Perhaps posted')
    await claimOne(talk)
    await talk.outboxIs(id, `state = 'posting', ${OVER}`)
    await Promise.all([sweep(desk.app.on), sweep(desk.app.on), sweep(desk.app.on)])
    expect(await talk.message(id)).toMatchObject({ status: 'unknown' })
    expect(await talk.outbox(id)).toMatchObject({ state: 'unknown', error_code: 'lease_over' })
    await talk.outboxIs(id, `due_at = now(), hold_until = now()`)
    await sweep(desk.app.on)
    await desk.sender.drain(talk.bell)
    await desk.drained(talk)
    expect(desk.graph.calls).toHaveLength(0)
  })

  test('in the middle of a post leaves the answer to decide, if it comes after all', async () => {
    const talk = await desk.talk()
    const { id } = await talk.say('Slow')
    let answer = (): void => undefined
    desk.graph.script({ wait: new Promise<void>((resolve) => (answer = resolve)) })
    await desk.sender.drain(talk.bell)
    await until(() => desk.graph.calls.length === 1)
    await talk.outboxIs(id, OVER)
    await sweep(desk.app.on)
    expect((await talk.message(id)).status).toBe('unknown')
    answer()
    await until(async () => (await talk.message(id)).status === 'accepted')
    expect((await talk.outbox(id)).state).toBe('done')
  })
})

describe('the fence', () => {
  test.each([
    ['accepted', { kind: 'accepted', wamid: 'wamid.ZOMBIE' }],
    ['failed', { kind: 'failed', class: 'never', code: '100', title: null }],
    ['retry', { kind: 'retry', class: 'retry', code: '2', afterMs: 1_000 }],
    ['unknown', { kind: 'unknown', code: 'no_answer' }],
    ['held', { kind: 'held', code: '190' }],
  ] as const)('keeps a late "%s" of a worker that lost its lease out', async (_kind, verdict) => {
    const talk = await desk.talk()
    const { id } = await talk.say('Mine now')
    const zombie = await claimOne(talk)
    await talk.outboxIs(id, OVER)
    await sweep(desk.app.on)
    const owner = await claimOne(talk)
    expect(owner.fence).toBeGreaterThan(zombie.fence)
    await talk.outboxIs(id, `state = 'posting'`)
    const before = [await talk.message(id), await talk.outbox(id)].map(steady)

    await record(desk.app.on, zombie, verdict)
    expect([await talk.message(id), await talk.outbox(id)].map(steady)).toEqual(before)
    await record(desk.app.on, owner, { kind: 'accepted', wamid: `wamid.OWNER.${id}` })
    expect((await talk.message(id)).wamid).toBe(`wamid.OWNER.${id}`)
  })

  test('stops a worker that wakes up between claim and post', async () => {
    const talk = await desk.talk()
    const { id } = await talk.say('Once')
    const zombie = await claimOne(talk)
    await talk.outboxIs(id, OVER)
    await sweep(desk.app.on)
    await claimOne(talk)
    expect(await post(desk.app.on, zombie, WIRE)).toMatchObject({ verdict: 'lost' })
    expect(desk.graph.calls).toHaveLength(0)
  })

  test('lets "unknown" be settled by a retry of nobody', async () => {
    const talk = await desk.talk()
    const { id } = await talk.say('Perhaps')
    const entry = await claimOne(talk)
    await talk.outboxIs(id, `state = 'unknown', lease_until = null`)
    await record(desk.app.on, entry, { kind: 'retry', class: 'retry', code: '2', afterMs: 1 })
    expect((await talk.outbox(id)).state).toBe('unknown')
  })
})

/** Rows without the columns that only measure time. */
const steady = (row: object): object => ({ ...row, wait_s: 0, hold_s: 0 })

describe('a status webhook', () => {
  test('with our id settles a message whose answer was lost', async () => {
    const talk = await desk.talk()
    const { id } = await talk.say('Perhaps')
    desk.graph.script('hang')
    await desk.sender.drain(talk.bell)
    await until(async () => (await talk.message(id)).status === 'unknown')
    const next = await talk.say('And then')

    await status(talk, desk.graph.calls[0]?.wamid ?? '', 'delivered', id)
    expect(await talk.message(id)).toMatchObject({
      status: 'delivered',
      wamid: desk.graph.calls[0]?.wamid,
    })
    expect((await talk.outbox(id)).state).toBe('done')
    await desk.sender.drain(talk.bell)
    await until(async () => (await talk.message(next.id)).status === 'accepted')
    expect(desk.graph.calls.map((call) => call.ref)).toEqual([id, next.id])
  })

  test('that comes before the answer is not overwritten by it', async () => {
    const talk = await desk.talk()
    const { id } = await talk.say('Quick customer')
    let answer = (): void => undefined
    desk.graph.script({ wait: new Promise<void>((resolve) => (answer = resolve)) })
    await desk.sender.drain(talk.bell)
    await until(() => desk.graph.calls.length === 1)
    await status(talk, desk.graph.calls[0]?.wamid ?? '', 'delivered', id)
    answer()
    await desk.drained(talk)
    expect(await talk.message(id)).toMatchObject({ status: 'delivered' })
  })

  test('without our id waits until the answer tells the wamid', async () => {
    const talk = await desk.talk()
    const { id } = await talk.say('Quick customer')
    let answer = (): void => undefined
    desk.graph.script({ wait: new Promise<void>((resolve) => (answer = resolve)) })
    await desk.sender.drain(talk.bell)
    await until(() => desk.graph.calls.length === 1)
    await status(talk, desk.graph.calls[0]?.wamid ?? '', 'sent', null)
    expect((await talk.message(id)).status).toBe('sending')
    answer()
    await desk.drained(talk)
    expect(await talk.message(id)).toMatchObject({ status: 'sent' })
  })

  test('that nobody applied is applied by the sweep', async () => {
    const talk = await desk.talk()
    const { id } = await talk.say('Hello')
    await desk.sender.drain(talk.bell)
    await until(async () => (await talk.message(id)).status === 'accepted')
    const { wamid } = await talk.message(id)
    await desk.app.on.db.withTenant(talk.bell.org, (tx) =>
      tx('message_events').insert({
        org_id: talk.bell.org,
        wamid,
        status: 'read',
        rank: 60,
        at: new Date(),
        connection_id: talk.bell.connection,
        received_at: new Date(Date.now() - 60_000),
      }),
    )
    await sweep(desk.app.on)
    expect(await talk.message(id)).toMatchObject({ status: 'read' })
  })
})

test('an accepted message whose wamid another row has still counts as accepted', async () => {
  const talk = await desk.talk()
  const [first, second] = [await talk.say('one'), await talk.say('two')]
  await record(desk.app.on, await posting(talk, first.id), {
    kind: 'accepted',
    wamid: 'wamid.SAME',
  })
  await record(desk.app.on, await posting(talk, second.id), {
    kind: 'accepted',
    wamid: 'wamid.SAME',
  })
  expect(await talk.message(second.id)).toMatchObject({ status: 'accepted', wamid: null })
})

async function posting(talk: Talk, id: string): Promise<Entry> {
  const entry = await claimOne(talk)
  expect(entry.message).toBe(id)
  await talk.outboxIs(id, `state = 'posting'`)
  return entry
}
