import { rows } from '../src/db.ts'
import { seedDemo } from '../src/demo/demo.ts'
import { seedLoad } from '../src/demo/load.ts'
import { listConversations } from '../src/inbox/conversations.ts'
import { thread } from '../src/messages/messages.ts'
import { openSandbox } from '../src/sandbox/sandbox.ts'
import { queueMessage } from '../src/sending/outbox.ts'
import { startApp, type Running } from './support/app.ts'
import { byProgram } from './support/talk.ts'
import { until } from './support/until.ts'

const PASSWORD = 'nine quiet herons on a fence'

let app: Running

beforeEach(async () => {
  app = await startApp()
})
afterEach(() => app.stop())

const inbox = (org: string) =>
  app.on.db.withTenant(org, async (tx) => [
    ...(await listConversations(tx, org, { status: 'open', limit: 50 })),
    ...(await listConversations(tx, org, { status: 'resolved', limit: 50 })),
  ])

test('an empty installation is filled once, and a filled one never', async () => {
  const [first, again] = [await seedDemo(app.on, PASSWORD), await seedDemo(app.on, PASSWORD)]
  expect(first?.email).toBe('maya@first-fashion.example')
  expect(again).toBeUndefined()
})

test('the inbox has something of everything', async () => {
  const { org } = (await seedDemo(app.on, PASSWORD)) ?? { org: '' }
  const all = await inbox(org)
  const now = Date.now()
  expect(all.some((one) => one.unread > 1)).toBe(true)
  expect(all.some((one) => one.assignee_id === null)).toBe(true)
  expect(all.some((one) => one.status === 'resolved')).toBe(true)
  expect(all.some((one) => one.last_message_status === 'failed')).toBe(true)
  expect(all.some((one) => one.last_message_status === 'read')).toBe(true)
  expect(all.some((one) => (one.window_expires_at?.getTime() ?? 0) < now)).toBe(true)
  expect(all.some((one) => one.contact_phone === null)).toBe(true)
  expect(all.every((one) => one.last_message_at.getTime() <= now)).toBe(true)
})

test('phone and inbox tell the same story, and it goes on', async () => {
  const { org } = (await seedDemo(app.on, PASSWORD)) ?? { org: '' }
  const [conversation] = await inbox(org)
  const person = openSandbox(app.on).lines[0]?.people[0]
  if (!conversation || !person) throw new Error('nothing was seeded')
  const said = await app.on.db.withTenant(org, (tx) =>
    thread(tx, org, conversation.id, { limit: 50 }),
  )
  expect(conversation.contact_name).toBe(person.name)
  expect(said.map(({ wamid, text }) => [wamid, text]).toReversed()).toEqual(
    person.chat.map(({ id, text }) => [id, text]),
  )
  await queueMessage(app.on, org, {
    conversation: conversation.id,
    body: { type: 'text', text: { body: '¡Claro que sí!' } },
    cause: byProgram,
  })
  await until(() => person.chat.some(({ text }) => text === '¡Claro que sí!'))
})

test('nothing is seeded without the sandbox', async () => {
  const on = { ...app.on, config: { ...app.on.config, SANDBOX: false } }
  expect(await seedDemo(on, PASSWORD)).toBeUndefined()
})

test('a load has the numbers asked for, and each conversation its last message', async () => {
  const org = await app.org()
  await seedLoad(app.on, org.id, { conversations: 30, messages: 1_000 })
  const [counted] = await app.on.db.withTenant(org.id, (tx) =>
    rows(
      tx,
      `select (select count(*) from conversations where org_id = :org) as conversations,
              (select count(*) from messages where org_id = :org) as messages,
              (select count(*) from conversations c join messages m on m.org_id = c.org_id
                  and m.id = c.last_message_id and m.created_at = c.last_message_at
                where c.org_id = :org) as ends`,
      { org: org.id },
    ),
  )
  expect(counted).toEqual({ conversations: 30, messages: 1_000, ends: 30 })
})

test('a load of fewer messages than conversations is refused', async () => {
  const org = await app.org()
  await expect(seedLoad(app.on, org.id, { conversations: 10, messages: 9 })).rejects.toMatchObject({
    status: 422,
  })
})
