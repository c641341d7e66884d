import { newId } from '../src/ids.ts'
import { cancelMessage, queueMessage, retryMessage } from '../src/sending/outbox.ts'
import { useDesk } from './support/desk.ts'
import { byProgram, openTalk } from './support/talk.ts'

const desk = useDesk()

describe('sending again', () => {
  test('a failed message is a new one, asked twice the same new one', async () => {
    const org = await desk.app.org()
    const talk = await openTalk(desk.app.on, org)
    const body = { type: 'text', text: { body: 'Hello', preview_url: false } }
    const context = 'wamid.THEIRS'
    const old = await queueMessage(desk.app.on, org.id, {
      conversation: talk.id,
      body,
      context,
      cause: byProgram,
    })
    desk.graph.script({ code: 131026 })
    await desk.drained(talk)
    const again = await retryMessage(desk.app.on, org.id, old.id, org.owner.id)
    expect(again).toMatchObject({
      status: 'queued',
      text: 'Hello',
      context_wamid: context,
      author_id: org.owner.id,
    })
    expect(again.id).not.toBe(old.id)
    expect((await retryMessage(desk.app.on, org.id, old.id, org.owner.id)).id).toBe(again.id)
    expect(await talk.message(old.id)).toMatchObject({ status: 'failed', resent_as: again.id })
    await desk.drained(talk)
    const [first, second] = desk.graph.calls.map((call) => call.body)
    expect(second).toEqual({ ...first, biz_opaque_callback_data: again.id })
  })

  test('two clicks at once make one new message', async () => {
    const talk = await desk.talk()
    const old = await talk.say('Hello')
    desk.graph.script({ code: 131026 })
    await desk.drained(talk)
    const made = await Promise.all(
      [1, 2, 3].map(() => retryMessage(desk.app.on, talk.bell.org, old.id, newId())),
    )
    expect(new Set(made.map(({ id }) => id)).size).toBe(1)
  })

  test('an unknown outcome may be sent again by a person and does not hold the new one back', async () => {
    const talk = await desk.talk()
    const old = await talk.say('Perhaps')
    desk.graph.script('reset')
    await desk.drained(talk)
    const again = await retryMessage(desk.app.on, talk.bell.org, old.id, newId())
    await desk.drained(talk)
    expect((await talk.message(again.id)).status).toBe('accepted')
    expect((await talk.message(old.id)).status).toBe('unknown')
  })

  test('only what failed is sent again, and only inside the window', async () => {
    const talk = await desk.talk()
    const { org } = talk.bell
    const fine = await talk.say('Fine')
    await expect(retryMessage(desk.app.on, org, fine.id, newId())).rejects.toMatchObject({
      code: 'not_failed',
    })
    desk.graph.script({ code: 131026 })
    await desk.drained(talk)
    await talk.closeWindow()
    await expect(retryMessage(desk.app.on, org, fine.id, newId())).rejects.toMatchObject({
      code: 'window_closed',
    })
    await expect(retryMessage(desk.app.on, org, newId(), newId())).rejects.toMatchObject({
      status: 404,
    })
  })
})

describe('taking back', () => {
  test('a queued message is never posted, and the next one goes', async () => {
    const talk = await desk.talk()
    const [first, second] = [await talk.say('Oops'), await talk.say('Right')]
    expect(await cancelMessage(desk.app.on, talk.bell.org, first.id)).toMatchObject({
      status: 'cancelled',
    })
    await desk.drained(talk)
    expect(desk.graph.calls.map((call) => call.ref)).toEqual([second.id])
  })

  test('is too late once the message is on its way, sent, or taken back already', async () => {
    const talk = await desk.talk()
    const { id } = await talk.say('Hello')
    await talk.outboxIs(id, `state = 'claimed'`)
    const late = { status: 409, code: 'too_late' }
    await expect(cancelMessage(desk.app.on, talk.bell.org, id)).rejects.toMatchObject(late)
    await talk.outboxIs(id, `state = 'pending'`)
    await desk.drained(talk)
    await expect(cancelMessage(desk.app.on, talk.bell.org, id)).rejects.toMatchObject(late)
  })
})
