import { rows } from '../src/db.ts'
import { openSender } from '../src/sending/sending.ts'
import { useDesk } from './support/desk.ts'
import { openTalk, type Talk } from './support/talk.ts'
import { until } from './support/until.ts'

const desk = useDesk()

describe('one message', () => {
  test('is one call in the shape that WhatsApp documents, and accepted', async () => {
    const org = await desk.app.org()
    const talk = await openTalk(desk.app.on, org, { phone: '5511987654321' })
    const message = await talk.say('It is in stock')
    expect(message).toMatchObject({ status: 'queued', direction: 'out', author_id: org.owner.id })

    await desk.drained(talk)

    expect(desk.graph.calls).toHaveLength(1)
    expect(desk.graph.calls[0]).toMatchObject({
      path: `/v26.0/${org.connection.phoneNumberId}/messages`,
      token: org.connection.accessToken,
      body: {
        messaging_product: 'whatsapp',
        recipient_type: 'individual',
        to: '+5511987654321',
        type: 'text',
        text: { body: 'It is in stock' },
        biz_opaque_callback_data: message.id,
      },
    })
    expect(await talk.message(message.id)).toMatchObject({
      status: 'accepted',
      wamid: desk.graph.calls[0]?.wamid,
      sent_at: null,
    })
    expect(await talk.outbox(message.id)).toMatchObject({ state: 'done', attempts: 1 })
  })

  test('goes to the user id where the number is hidden', async () => {
    const talk = await desk.talk({ phone: null, userId: 'MX.40022119' })
    await talk.say('Hello')
    await desk.drained(talk)
    expect(desk.graph.calls[0]?.body).toMatchObject({ recipient: 'MX.40022119' })
    expect(desk.graph.calls[0]?.body).not.toHaveProperty('to')
  })

  test('fails without a call where there is no address at all', async () => {
    const talk = await desk.talk({ phone: null })
    const { id } = await talk.say('Hello')
    await desk.drained(talk)
    expect(await talk.message(id)).toMatchObject({ status: 'failed', error_code: 'no_recipient' })
    expect(desk.graph.calls).toHaveLength(0)
  })

  test('is sent once when two processes drain at the same moment', async () => {
    const talk = await desk.talk()
    const { id } = await talk.say('Only once')
    const other = openSender(desk.app.on)
    await Promise.all(
      [1, 2, 3, 4].flatMap(() => [desk.sender.drain(talk.bell), other.drain(talk.bell)]),
    )
    await other.settlePosts(5_000)
    await desk.drained(talk)
    expect(desk.graph.calls.map((call) => call.ref)).toEqual([id])
  })
})

describe('several messages', () => {
  test('of one conversation never overlap and keep their order', async () => {
    const talk = await desk.talk()
    for (const text of ['one', 'two', 'three']) await talk.say(text)
    await desk.drained(talk)
    expect(desk.graph.calls.map((call) => call.text)).toEqual(['one'])
    await desk.drained(talk)
    await desk.drained(talk)
    expect(desk.graph.calls.map((call) => call.text)).toEqual(['one', 'two', 'three'])
  })

  test('of one conversation never overlap either when an earlier one waited too long', async () => {
    const talk = await desk.talk()
    const [first, second] = [await talk.say('one'), await talk.say('two')]
    desk.graph.script({ code: 131016, status: 500 })
    await desk.drained(talk)
    let answer = (): void => undefined
    desk.graph.script({ wait: new Promise<void>((resolve) => (answer = resolve)) })
    await talk.outboxIs(first.id, `hold_until = now(), due_at = now() + interval '1 minute'`)
    await desk.sender.drain(talk.bell)
    await until(() => desk.graph.calls.length === 2)
    await talk.outboxIs(first.id, `due_at = now()`)
    await desk.sender.drain(talk.bell)
    expect((await talk.outbox(first.id)).state).toBe('retry')
    answer()
    await desk.drained(talk)
    await desk.drained(talk)
    expect(desk.graph.calls.map((call) => call.ref)).toEqual([first.id, second.id, first.id])
  })

  test('a slow answer in one conversation does not hold back another', async () => {
    const org = await desk.app.org()
    const [slow, quick] = [await openTalk(desk.app.on, org), await openTalk(desk.app.on, org)]
    let answer = (): void => undefined
    const wait = new Promise<void>((resolve) => (answer = resolve))
    desk.graph.decide((call) => (call.text === 'slow' ? { wait } : 'ok'))
    const first = await slow.say('slow')
    await desk.sender.drain(slow.bell)
    await until(() => desk.graph.calls.length === 1)
    const second = await quick.say('quick')
    await desk.sender.drain(quick.bell)
    await until(async () => (await quick.message(second.id)).status === 'accepted')
    expect((await slow.message(first.id)).status).toBe('sending')
    answer()
    await until(async () => (await slow.message(first.id)).status === 'accepted')
    desk.graph.decide(() => 'ok')
  })

  test('one organization gets at most 16 posts in flight', async () => {
    const org = await desk.app.org()
    let answer = (): void => undefined
    const wait = new Promise<void>((resolve) => (answer = resolve))
    desk.graph.decide(() => ({ wait }))
    const talks = await Promise.all(Array.from({ length: 20 }, () => openTalk(desk.app.on, org)))
    for (const talk of talks) await talk.say('Hello')
    await desk.sender.drain({ org: org.id, connection: org.connection.id })
    await until(() => desk.graph.calls.length === 16)
    await desk.sender.drain({ org: org.id, connection: org.connection.id })
    const states = await Promise.all(talks.map((talk) => stateOf(talk)))
    expect(states.filter((state) => state === 'posting')).toHaveLength(16)
    answer()
    desk.graph.decide(() => 'ok')
  })

  test('a connection that found no place is rung for when one is free', async () => {
    const org = await desk.app.org()
    const [busy, other] = [org.connection.id, (await org.connect()).id]
    let answer = (): void => undefined
    const wait = new Promise<void>((resolve) => (answer = resolve))
    desk.graph.decide(() => ({ wait }))
    for (let i = 0; i < 16; i += 1)
      await (await openTalk(desk.app.on, org, { connection: busy })).say('Hello')
    await desk.sender.drain({ org: org.id, connection: busy })
    const late = await openTalk(desk.app.on, org, { connection: other })
    await late.say('Me too')
    await desk.sender.drain(late.bell)

    const rung = jest.spyOn(desk.app.on.queues, 'ring')
    answer()
    await until(() => rung.mock.calls.some(([at]) => at.connection === other))
    expect(rung).toHaveBeenCalledWith({ org: org.id, connection: other })
    rung.mockRestore()
  })
})

const stateOf = async (talk: Talk): Promise<string> => {
  const [entry] = await desk.app.on.db.withTenant(talk.bell.org, (tx) =>
    rows<{ state: string }>(
      tx,
      'select state from outbox where org_id = ? and conversation_id = ?',
      [talk.bell.org, talk.id],
    ),
  )
  return entry?.state ?? 'none'
}

test('a message whose window closed while it waited fails without a call', async () => {
  const talk = await desk.talk()
  const { id } = await talk.say('Just in time?')
  await talk.closeWindow()
  await desk.drained(talk)
  expect(await talk.message(id)).toMatchObject({ status: 'failed', error_code: 'window_closed' })
  expect(desk.graph.calls).toHaveLength(0)
})

test('stopping waits for the posts in flight and starts nothing more', async () => {
  const talk = await desk.talk()
  const { id } = await talk.say('On its way')
  desk.graph.script({ wait: new Promise((resolve) => setTimeout(resolve, 300)) })
  await desk.sender.drain(talk.bell)
  await desk.sender.settlePosts(5_000)
  expect((await talk.message(id)).status).toBe('accepted')
  const next = await talk.say('Not any more')
  await desk.sender.drain(talk.bell)
  expect((await talk.outbox(next.id)).state).toBe('pending')
})

test('a message that is tried again soon is rung for without the sweep', async () => {
  const talk = await desk.talk()
  desk.graph.script({ code: 131016, status: 500 })
  const { id } = await talk.say('Again')
  const rung = jest.spyOn(desk.app.on.queues, 'ring')
  await desk.sender.drain(talk.bell)
  await until(() => rung.mock.calls.length > 0, 4_000)
  expect((await talk.outbox(id)).wait_s).toBeLessThan(0)
  rung.mockRestore()
})
