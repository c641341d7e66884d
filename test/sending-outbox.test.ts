import { rows } from '../src/db.ts'
import { lastSeq, readFeed } from '../src/feed/feed.ts'
import { newId } from '../src/ids.ts'
import { getConversation } from '../src/inbox/conversations.ts'
import { queueMessage } from '../src/sending/outbox.ts'
import { startApp } from './support/app.ts'
import { useDesk } from './support/desk.ts'
import { byProgram, openTalk, type Talk } from './support/talk.ts'

const desk = useDesk()

const count = (talk: Talk, table: string): Promise<number> =>
  desk.app.on.db.withTenant(talk.bell.org, async (tx) => {
    const found = await tx(table).where({ org_id: talk.bell.org })
    return found.length
  })

describe('queueing a message', () => {
  test('shows it in the list and tells the feed, in one transaction', async () => {
    const talk = await desk.talk()
    const { id } = await talk.say('It is\nin stock')
    const { org } = talk.bell
    const seen = await desk.app.on.db.withTenant(org, async (tx) => ({
      conversation: await getConversation(tx, org, talk.id),
      feed: await readFeed(tx, org, 0, 10),
      last: await lastSeq(tx, org),
    }))
    expect(seen.conversation).toMatchObject({
      last_message_preview: 'It is in stock',
      last_message_direction: 'out',
    })
    expect(seen.feed.map(({ kind, ref_id }) => [kind, ref_id])).toEqual([
      ['message.updated', id],
      ['conversation.updated', talk.id],
    ])
    expect(seen.last).toBe(2)
  })

  test('twice with one token is one message and one call', async () => {
    const talk = await desk.talk()
    const token = newId()
    const first = await talk.say('Once', token)
    expect(await talk.say('Once', token)).toEqual(first)
    await desk.drained(talk)
    await talk.say('Once', token)
    await desk.drained(talk)
    expect(desk.graph.calls).toHaveLength(1)
    expect([await count(talk, 'messages'), await count(talk, 'outbox')]).toEqual([1, 1])
  })

  test('ten times at the same moment with one token is one message', async () => {
    const talk = await desk.talk()
    const token = newId()
    const made = await Promise.all(Array.from({ length: 10 }, () => talk.say('Once', token)))
    expect(new Set(made.map(({ id }) => id)).size).toBe(1)
    expect(await count(talk, 'messages')).toBe(1)
  })

  test('with one token in two conversations at once is one message', async () => {
    const org = await desk.app.org()
    const [here, there] = [await openTalk(desk.app.on, org), await openTalk(desk.app.on, org)]
    const token = newId()
    const made = await Promise.all([here, there, here, there].map((talk) => talk.say('x', token)))
    expect(new Set(made.map(({ id }) => id)).size).toBe(1)
  })

  test('a token used again after the window closed still gives the first message', async () => {
    const talk = await desk.talk()
    const token = newId()
    const first = await talk.say('In time', token)
    await talk.closeWindow()
    expect((await talk.say('In time', token)).id).toBe(first.id)
  })

  test('outside the window only a template is taken, and nothing is left of the rest', async () => {
    const talk = await desk.talk()
    await talk.closeWindow()
    await expect(talk.say('Too late')).rejects.toMatchObject({ status: 422, code: 'window_closed' })
    expect([await count(talk, 'messages'), await count(talk, 'outbox')]).toEqual([0, 0])
    const template = { name: 'order_ready', language: { code: 'pt_BR' } }
    const { id } = await queueMessage(desk.app.on, talk.bell.org, {
      conversation: talk.id,
      body: { type: 'template', template },
      cause: byProgram,
    })
    await desk.drained(talk)
    expect(desk.graph.calls[0]?.body).toMatchObject({ type: 'template', template })
    expect((await talk.message(id)).status).toBe('accepted')
  })

  test('the moment the window ends is told by the clock that is handed in', async () => {
    let now = new Date()
    const late = await startApp({ workers: false, now: () => now })
    const talk = await openTalk(late.on, await late.org())
    now = new Date(now.getTime() + 24 * 3_600_000 - 1_000)
    await talk.say('One second before')
    now = new Date(now.getTime() + 1_000)
    await expect(talk.say('Now')).rejects.toMatchObject({ code: 'window_closed' })
    await late.stop()
  })

  test("another organization's conversation does not exist", async () => {
    const talk = await desk.talk()
    const stranger = await desk.app.org()
    const draft = {
      conversation: talk.id,
      body: { type: 'text', text: { body: 'Hello' } },
      cause: byProgram,
    }
    await expect(queueMessage(desk.app.on, stranger.id, draft)).rejects.toMatchObject({
      status: 404,
    })
  })

  test('is refused where the number was removed', async () => {
    const talk = await desk.talk()
    await desk.app.on.db.withTenant(talk.bell.org, (tx) =>
      rows(tx, `update connections set state = 'removed' where org_id = ?`, [talk.bell.org]),
    )
    await expect(talk.say('Hello')).rejects.toMatchObject({ code: 'connection_removed' })
  })

  test('places of messages written at the same moment follow the order of their commits', async () => {
    const talk = await desk.talk()
    await Promise.all(Array.from({ length: 8 }, (_, i) => talk.say(`${i}`)))
    const order = await desk.app.on.db.withTenant(talk.bell.org, (tx) =>
      rows<{ by_place: string[]; by_time: string[] }>(
        tx,
        `select array_agg(m.id order by o.ord) as by_place, array_agg(m.id order by m.created_at, m.id) as by_time
           from outbox o join messages m on m.org_id = o.org_id and m.id = o.message_id where o.org_id = ?`,
        [talk.bell.org],
      ),
    )
    expect(order[0]?.by_place).toHaveLength(8)
    expect(order[0]?.by_place).toEqual(order[0]?.by_time)
  })
})
