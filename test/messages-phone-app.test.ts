import { messageByWamid, type Message } from '../src/messages/messages.ts'
import { useDesk } from './support/desk.ts'
import { arrive, read } from './support/inbound.ts'
import { bodyAround, messageOf, messagesBody, seconds, statusOf } from './support/meta.ts'
import type { Org } from './support/org.ts'
import { openTalk } from './support/talk.ts'

const desk = useDesk()
let org: Org
beforeEach(async () => {
  org = await desk.app.org()
})

const START = Math.floor(Date.now() / 1000) * 1000
const ago = (minutes: number): Date => new Date(START - minutes * 60_000)
const at = (minutes: number): { timestamp: string } => ({ timestamp: seconds(ago(minutes)) })
type Loose = Record<string, unknown>

const tell = (...bodies: object[]): Promise<void> => arrive(desk.app.on, org, ...bodies)
const see = <T = Loose>(sql: string): Promise<T[]> => read<T>(desk.app.on, org, sql)
/** A body of another field than `messages`, for the organization's number. */
const bodyOf = (field: string, value: Loose): object => bodyAround(org.connection, value, field)
const byWamid = async (wamid: string): Promise<Message | undefined> =>
  desk.app.on.db.withTenant(org.id, (tx) => messageByWamid(tx, org.id, wamid))
const conversations = (): Promise<Loose[]> =>
  see(`select unread, status, last_message_preview, last_message_direction, window_expires_at is not null as open
         from conversations where org_id = :org`)
const feed = async (): Promise<unknown[]> =>
  (await see('select kind from feed where org_id = :org order by seq')).map(({ kind }) => kind)

describe('what was sent from the phone app', () => {
  const echo = (wamid: string, more: Loose = {}): object =>
    bodyOf('smb_message_echoes', {
      message_echoes: [
        {
          from: '15550100',
          to: '15550777001',
          id: wamid,
          type: 'text',
          text: { body: 'On our way' },
          ...at(5),
          ...more,
        },
      ],
    })

  test('is ours and rings for nobody; a chat that only we wrote in waits for no answer', async () => {
    await tell(echo('wamid.e1'))
    expect(await byWamid('wamid.e1')).toMatchObject({
      direction: 'out',
      via: 'phone',
      status: 'sent',
      text: 'On our way',
      author_id: null,
    })
    expect(await conversations()).toEqual([
      {
        unread: 0,
        status: 'resolved',
        last_message_preview: 'On our way',
        last_message_direction: 'out',
        open: false,
      },
    ])
    expect(await feed()).toEqual(['message.updated', 'conversation.updated', 'contact.updated'])
    const who = { phone: '15550777001' }
    await tell(messagesBody(org.connection, who, messageOf(who, 'Great', at(2))))
    expect(await conversations()).toMatchObject([{ unread: 1, status: 'open', open: true }])
  })

  test('gets its receipts as any message of ours', async () => {
    await tell(
      echo('wamid.e2'),
      bodyAround(org.connection, { statuses: [statusOf('wamid.e2', 'read', ago(1))] }),
    )
    expect(await byWamid('wamid.e2')).toMatchObject({ status: 'read', read_at: ago(1) })
  })

  test('meets our own send in one row: the echo first, while the answer is on its way', async () => {
    const talk = await openTalk(desk.app.on, org, { phone: '15550777001' })
    const { id } = await talk.say('On our way')
    desk.graph.decide((call) => ({ wait: tell(echo(call.wamid)) }))
    await desk.drained(talk)
    const [call] = desk.graph.calls
    expect(await see('select id, wamid, via from messages where org_id = :org')).toEqual([
      { id, wamid: call?.wamid, via: null },
    ])
    expect(
      await see('select last_message_id as id from conversations where org_id = :org'),
    ).toEqual([{ id }])
    expect(await feed()).toContain('conversation.updated')
  })

  test('meets our own send in one row: the echo last, and by a receipt alone', async () => {
    const talk = await openTalk(desk.app.on, org, { phone: '15550777001' })
    const first = await talk.say('On our way')
    await desk.drained(talk)
    await tell(echo(desk.graph.calls[0]?.wamid ?? ''))
    const second = await talk.say('Here')
    await tell(echo('wamid.e3'))
    const ref = { biz_opaque_callback_data: second.id }
    await tell(
      bodyAround(org.connection, { statuses: [statusOf('wamid.e3', 'delivered', ago(1), ref)] }),
    )
    const found = await see(
      'select id, wamid, status from messages where org_id = :org order by id',
    )
    expect(found).toMatchObject([
      { id: first.id },
      { id: second.id, wamid: 'wamid.e3', status: 'delivered' },
    ])
  })
})

describe('the history of the phone app', () => {
  const chunk = (...messages: Loose[]): object =>
    bodyOf('history', {
      history: [
        {
          metadata: { phase: 0, chunk_order: 1, progress: 40 },
          threads: [{ id: '15550777002', messages }],
        },
      ],
    })
  const old = (id: string, from: string, status: string, more: Loose = {}): Loose => ({
    from,
    id,
    type: 'text',
    text: { body: id },
    history_context: { status },
    ...at(60 * 24 * 30),
    ...more,
  })

  test('has both sides, counts nothing as unread and rings for nobody', async () => {
    await tell(
      chunk(
        old('h1', '15550777002', 'READ'),
        old('h2', '15550100', 'DELIVERED', { to: '15550777002' }),
        old('h3', '15550100', 'ERROR'),
      ),
    )
    expect(
      await see(
        `select wamid, direction, status, rank, via from messages where org_id = :org order by wamid`,
      ),
    ).toEqual([
      { wamid: 'h1', direction: 'in', status: 'received', rank: null, via: 'history' },
      { wamid: 'h2', direction: 'out', status: 'delivered', rank: 50, via: 'history' },
      { wamid: 'h3', direction: 'out', status: 'failed', rank: 40, via: 'history' },
    ])
    expect(await conversations()).toMatchObject([{ unread: 0, status: 'resolved', open: false }])
    expect(await feed()).not.toContain('message.received')
    expect(await see('select event, payload from notices where org_id = :org')).toMatchObject([
      { event: 'progress', payload: { metadata: { progress: 40 } } },
    ])
  })

  test.each([
    ['after', [0, 1]],
    ['before', [1, 0]],
  ])('a file that comes %s its placeholder is shown, once', async (_word, order) => {
    const image = { id: '700', mime_type: 'image/jpeg', sha256: 'x', caption: 'The dress' }
    const bodies = [
      chunk(old('h4', '15550777002', 'READ', { type: 'media_placeholder', text: { body: '' } })),
      bodyOf('history', {
        messages: [{ from: '15550777002', id: 'h4', type: 'image', image, ...at(99) }],
      }),
    ]
    for (const n of order) await tell(bodies[n] ?? {})
    expect(await byWamid('h4')).toMatchObject({ kind: 'image', text: 'The dress', payload: image })
    await tell(...bodies)
    expect(await byWamid('h4')).toMatchObject({ kind: 'image' })
  })
})
