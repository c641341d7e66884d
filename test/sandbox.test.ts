import { rows } from '../src/db.ts'
import type { Message } from '../src/messages/messages.ts'
import { closeSandbox, openSandbox } from '../src/sandbox/sandbox.ts'
import { queueMessage } from '../src/sending/outbox.ts'
import { BACKENDS, startApp, type Running } from './support/app.ts'
import type { Org } from './support/org.ts'
import { openPhones, type SandboxClient } from './support/phone.ts'
import { until } from './support/until.ts'

type Row = Pick<Message, 'id' | 'conversation_id' | 'direction' | 'kind' | 'text' | 'status'> &
  Pick<Message, 'wamid' | 'error_code' | 'context_wamid'>

/** The organization's messages as they are stored, in their order. */
const stored = (app: Running, org: Org): Promise<Row[]> =>
  app.on.db.withTenant(org.id, (tx) =>
    rows<Row>(
      tx,
      `select id, conversation_id, direction, kind, text, status, wamid, error_code, context_wamid
         from messages where org_id = ? order by created_at, id`,
      [org.id],
    ),
  )

const byWord = (a: string, b: string): number => (a < b ? -1 : 1)

const reply = (app: Running, org: Org, conversation: string, text: string): Promise<Message> =>
  queueMessage(app.on, org.id, {
    conversation,
    body: { type: 'text', text: { body: text } },
    cause: { kind: 'agent', person: org.owner.id },
  })

describe.each(BACKENDS)('the sandbox with queues in %s', (backend) => {
  let app: Running
  let org: Org
  let phones: SandboxClient

  beforeAll(async () => {
    app = await startApp({ backend })
  })
  afterAll(() => app.stop())
  beforeEach(async () => {
    org = await app.org()
    phones = await openPhones(app, org)
  })

  /** The first customer writes, and the message is in the inbox. */
  const hear = async (text: string): Promise<Row> => {
    const { id } = await phones.person()
    await phones.post(`/people/${id}/messages`, { text })
    return until(async () => (await stored(app, org)).find((row) => row.text === text))
  }

  test('the templates of a number are read when it is connected, and sent in words outside the window', async () => {
    const names = async (): Promise<string[]> =>
      app.on.db.withTenant(org.id, async (tx) => {
        const found = await rows<{ name: string }>(
          tx,
          'select name from templates where org_id = ? and components is not null',
          [org.id],
        )
        return found.map(({ name }) => name)
      })
    await until(async () => (await names()).length === 13, 4_000)
    const { conversation_id } = await hear('Hello')
    const { id } = await phones.person()
    await phones.post(`/people/${id}/closing`)
    const parameters = ['Ana', '10:00'].map((text) => ({ type: 'text', text }))
    const template = {
      name: 'appointment_tomorrow',
      language: { code: 'pt_BR' },
      components: [{ type: 'body', parameters }],
    }
    await queueMessage(app.on, org.id, {
      conversation: conversation_id,
      body: { type: 'template', template },
      cause: { kind: 'agent', person: org.owner.id },
    })
    const words = 'Olá Ana, esperamos você amanhã às 10:00 para a sua prova.'
    await until(async () => (await phones.chat()).some(({ text }) => text === words))
    expect((await stored(app, org)).map(({ text }) => text)).toContain(words)
  })

  test('what a customer writes reaches the inbox by a signed webhook', async () => {
    const row = await hear('¿Tienen esto en azul? 💙 https://example.com/a')
    expect(row).toMatchObject({ direction: 'in', kind: 'text', status: 'received' })

    const [message] = await until(async () => {
      const chat = await phones.chat()
      return chat[0]?.status === 'delivered' ? chat : undefined
    })
    expect(message).toMatchObject({ id: row.wamid, from: 'customer', status: 'delivered' })
    const { wire } = await phones.report()
    expect(wire.entries[0]).toMatchObject({ way: 'in', what: 'messages · text' })
    expect(wire.entries[0]?.end).toMatch(/^200 in \d+ ms$/)
  })

  test('a picture, a quoting reply and a reaction arrive as what they are', async () => {
    const first = await hear('Which of these?')
    const { id } = await phones.person()
    await phones.post(`/people/${id}/messages`, { type: 'image', text: 'This one' })
    await phones.post(`/people/${id}/messages`, { text: 'Or that', context: first.wamid })
    await phones.post(`/people/${id}/reactions`, { message: first.wamid, emoji: '🙏' })

    const seen = await until(async () => {
      const all = await stored(app, org)
      return all.length === 4 ? all : undefined
    })
    expect(seen.map((row) => row.kind).toSorted(byWord)).toEqual([
      'image',
      'reaction',
      'text',
      'text',
    ])
    expect(seen.find((row) => row.kind === 'image')?.text).toBe('This one')
    const quoting = seen.filter((row) => row.context_wamid === first.wamid)
    expect(quoting.map((row) => row.kind).toSorted(byWord)).toEqual(['reaction', 'text'])
  })

  test('a reply appears on the phone and comes back as read while the chat is open', async () => {
    const { conversation_id } = await hear('Are you open on Sunday?')
    const leave = await phones.look(await phones.person())
    await reply(app, org, conversation_id, 'Yes, from ten.')

    const shown = await until(async () =>
      (await phones.chat()).find((message) => message.from === 'business'),
    )
    expect(shown.text).toBe('Yes, from ten.')
    await until(async () => (await stored(app, org)).at(-1)?.status === 'read')
    leave()
  })

  test('a phone that is offline gets no second tick, and catches up when it is back', async () => {
    const { conversation_id } = await hear('Hello')
    const { id } = await phones.person()
    await phones.post(`/people/${id}/phone`, { online: false, receipts: true })
    for (const text of ['Hello to you', 'Are you there?', 'Hello?']) {
      const { id: sent } = await reply(app, org, conversation_id, text)
      await until(async () =>
        (await stored(app, org)).some((row) => row.id === sent && row.status === 'sent'),
      )
    }
    const reported = (await phones.report()).wire.entries.map(({ what }) => what)
    expect(reported).not.toContain('statuses · delivered')
    // Written without a network: it waits on the phone.
    await phones.post(`/people/${id}/messages`, { text: 'From the tunnel' })
    expect((await stored(app, org)).map((row) => row.text)).not.toContain('From the tunnel')

    await phones.post(`/people/${id}/phone`, { online: true, receipts: false })
    await until(async () => (await stored(app, org)).some((row) => row.text === 'From the tunnel'))
    await until(async () => (await stored(app, org)).some((row) => row.status === 'delivered'))
  })

  test('a customer who hides the number is answered all the same', async () => {
    const noor = (await phones.report()).people.find((person) => person.hidden)
    if (!noor) throw new Error('nobody hides the number')
    await phones.post(`/people/${noor.id}/messages`, { text: 'Wholesale?' })
    const row = await until(async () => (await stored(app, org))[0])
    await reply(app, org, row.conversation_id, 'From twelve pieces')
    await until(async () => (await stored(app, org)).at(-1)?.status === 'delivered')
    expect((await phones.chat(noor.name)).map(({ text }) => text)).toContain('From twelve pieces')
  })

  test('webhooks that come twice and in reverse change nothing in the rows', async () => {
    await phones.post('/switches', { twice: true, shuffle: true })
    const { id } = await phones.person()
    for (const text of ['one', 'two', 'three'])
      await phones.post(`/people/${id}/messages`, { text })
    await until(async () => (await stored(app, org)).length === 3)
    await until(async () => (await phones.report()).waiting === 0)

    const [first] = await stored(app, org)
    await reply(app, org, first?.conversation_id ?? '', 'all three')
    await until(async () => (await stored(app, org)).at(-1)?.status === 'delivered')
    await until(async () => (await phones.report()).waiting === 0)
    const texts = (await stored(app, org)).map((row) => row.text ?? '')
    expect(texts.toSorted(byWord)).toEqual(['all three', 'one', 'three', 'two'])
    // The premise: it did happen twice, and the last came first.
    const { entries } = (await phones.report()).wire
    expect(entries.filter(({ what }) => what.endsWith('second copy'))).toHaveLength(5)
    const ids = (await phones.chat()).filter(({ from }) => from === 'customer')
    expect(ids).toHaveLength(3)
  })

  test('a delay holds webhooks back until it is lifted', async () => {
    await phones.post('/switches', { delay_seconds: 36_000 })
    const { id } = await phones.person()
    await phones.post(`/people/${id}/messages`, { text: 'Late' })
    expect((await phones.report()).wire.entries[0]).toMatchObject({ end: 'waiting' })
    expect((await phones.chat())[0]?.status).toBe('waiting')
    await phones.post('/switches', { delay_seconds: 0 })
    await until(async () => (await stored(app, org)).length === 1)
  })

  test('receipts that are dropped leave the message at what Graph said', async () => {
    const { conversation_id } = await hear('Anyone there?')
    await phones.post('/switches', { drop_receipts: 'all' })
    await reply(app, org, conversation_id, 'Here')
    await until(async () => {
      const shown = (await phones.chat()).find(({ from }) => from === 'business')
      return shown?.status === 'delivered'
    })
    await until(async () => (await stored(app, org)).at(-1)?.status === 'accepted')
    const { entries } = (await phones.report()).wire
    expect(entries.filter(({ end }) => end === 'dropped')).toHaveLength(2)
  })

  test('a revoked token is refused with 190 and nothing reaches the phone', async () => {
    const { conversation_id } = await hear('Hi')
    await phones.post('/switches', { token_revoked: true })
    await reply(app, org, conversation_id, 'Does this go out?')
    await until(async () => {
      const { entries } = (await phones.report()).wire
      return entries.some(({ way, end }) => way === 'out' && end.startsWith('401'))
    })
    expect((await phones.chat()).filter(({ from }) => from === 'business')).toEqual([])
    // Inbound keeps flowing.
    await hear('Still here')
  })

  test('a reply after the window was closed fails with 131047', async () => {
    const { conversation_id } = await hear('Hi')
    const { id } = await phones.person()
    await phones.post(`/people/${id}/closing`)
    await reply(app, org, conversation_id, 'Too late')
    const failed = await until(async () =>
      (await stored(app, org)).find((row) => row.status === 'failed'),
    )
    expect(failed.error_code).toBe('131047')
    await hear('I am back')
    await reply(app, org, conversation_id, 'Welcome back')
    await until(async () => (await phones.chat()).some(({ text }) => text === 'Welcome back'))
  })

  test('an answer that never comes leaves one message, settled by its receipts', async () => {
    const { conversation_id } = await hear('Hi')
    await phones.post('/switches', { next_answer: 'silence' })
    await reply(app, org, conversation_id, 'Only once')
    await until(async () => (await stored(app, org)).at(-1)?.status === 'delivered')
    const copies = (await phones.chat()).filter(({ text }) => text === 'Only once')
    expect(copies).toHaveLength(1)
  })

  test('a webhook that is refused is sent again until it is taken', async () => {
    const box = openSandbox(app.on)
    const { origin } = box
    box.origin = 'http://127.0.0.1:9'
    const { id } = await phones.person()
    await phones.post(`/people/${id}/messages`, { text: 'Knock, knock' })
    await until(async () => (await phones.chat())[0]?.status === 'sent')
    expect(await stored(app, org)).toEqual([])
    box.origin = origin
    await until(async () => (await stored(app, org)).length === 1)
    expect((await phones.report()).waiting).toBe(0)
  })

  test('a restart shows the same chats and delivers what waited', async () => {
    await hear('Before')
    await phones.post('/switches', { delay_seconds: 36_000 })
    const { id } = await phones.person()
    await phones.post(`/people/${id}/messages`, { text: 'Held' })
    const before = await phones.chat()
    closeSandbox(app.on)
    expect(await phones.chat()).toEqual(before)
    await phones.post('/switches', { delay_seconds: 0 })
    await until(async () => (await stored(app, org)).some((row) => row.text === 'Held'))
  })
})
