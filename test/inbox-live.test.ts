import { endSessions } from '../src/accounts/sessions.ts'
import { rows } from '../src/db.ts'
import { appendFeed, lastSeq } from '../src/feed/feed.ts'
import { startApp, type Running } from './support/app.ts'
import { agent, chatWith, type Agent, type Stream } from './support/inbox.ts'
import type { Org } from './support/org.ts'
import { until } from './support/until.ts'

let app: Running
let org: Org
let maya: Agent
const streams: Stream[] = []
beforeAll(async () => {
  app = await startApp({ workers: false })
})
afterAll(() => app.stop())
beforeEach(async () => {
  org = await app.org()
  maya = await agent(app, org)
})
afterEach(() => streams.splice(0).forEach((stream) => stream.close()))

const open = async (who: Agent, query = 'view=open', headers = {}): Promise<Stream> => {
  const stream = await who.stream(query, headers)
  streams.push(stream)
  return stream
}

test('a message reaches every open page of its organization, and no page of another', async () => {
  const theirs = await app.org()
  const stranger = await open(await agent(app, theirs))
  const [one, two] = [await open(maya), await open(await agent(app, org))]
  const chat = await chatWith(app, org, 'Do you have this in blue?')
  await one.says('Do you have this in blue?')
  await two.says('Do you have this in blue?')
  await chatWith(app, theirs, 'for the others')
  await stranger.says('for the others')

  expect(stranger.text()).not.toContain('in blue')
  expect(stranger.text()).not.toContain(chat.id)
  expect(one.text()).not.toContain('for the others')
  expect(one.text()).toMatch(/^:\nretry: \d{4}\n/)
})

test('what happened while a page was away comes after its last number, and nothing before it again', async () => {
  const first = await open(maya)
  await chatWith(app, org, 'before the gap')
  await first.says('before the gap')
  const last = first.ids().at(-1) ?? 0
  first.close()
  await chatWith(app, org, 'in the gap, one')
  await chatWith(app, org, 'in the gap, two')
  const back = await open(maya, 'view=open&after=0', { 'Last-Event-ID': String(last) })
  const text = await back.says('in the gap, two')

  expect(text).toContain('in the gap, one')
  expect(text).not.toContain('before the gap')
  expect(back.ids().every((id) => id > last)).toBe(true)
})

test('a page that was read at a number misses nothing that came before its stream opened', async () => {
  const page = await maya.get('/inbox')
  const [, query = ''] = /hx-sse:connect="\/inbox\/stream\?([^"]+)"/.exec(page.text) ?? []
  await chatWith(app, org, 'between page and stream')
  const stream = await open(maya, query.replaceAll('&amp;', '&'))

  expect(await stream.says('between page and stream')).toContain('#arrived')
})

test('a page far behind gets its list anew in one morph', async () => {
  const chat = await chatWith(app, org, 'the only one')
  await app.on.db.withTenant(org.id, (tx) =>
    appendFeed(
      tx,
      org.id,
      Array.from({ length: 600 }, () => ({ kind: 'conversation.updated' as const, ref: chat.id })),
    ),
  )
  const stream = await open(maya, 'view=open&after=0')
  const text = await stream.says('hx-target="#list"')

  expect(text).toContain('hx-swap="outerMorph"')
  expect(text.split(`id="c-${chat.id}"`)).toHaveLength(2)
  expect(stream.ids()).toHaveLength(1)
})

test('the open thread gets its messages in the order of their time, and a status alone moves one bubble', async () => {
  const chat = await chatWith(app, org, 'second', 2)
  const stream = await open(maya, `view=open&conversation=${chat.id}`)
  await chat.says('first, and late', 3)
  const text = await stream.says('first, and late')
  const part = text.slice(text.lastIndexOf('hx-target="#part"'))

  expect(part.indexOf('first, and late')).toBeLessThan(part.indexOf('second'))

  const reply = await maya.reply(chat.id, 'our answer')
  await stream.says('our answer')
  const [, id = ''] = /id="m-([\w-]+)"(?![^]*id="m-)/.exec(reply.text) ?? []
  // What was written so far has to be on the page: a status that shares its fragment would not come alone.
  const seq = await app.on.db.withTenant(org.id, (tx) => lastSeq(tx, org.id))
  await until(() => stream.text().includes(`id: ${seq}\n`) && stream.text().endsWith('\n\n'))
  const before = stream.text().length
  await app.on.db.withTenant(org.id, async (tx) => {
    await rows(
      tx,
      `update messages set status = 'delivered', rank = 50 where org_id = ? and id = ?`,
      [org.id, id],
    )
    await appendFeed(tx, org.id, [{ kind: 'message.updated', ref: id }])
  })
  app.on.events.publish({ kind: 'feed', org: org.id })
  await stream.says('aria-label="Delivered')
  const since = stream.text().slice(before)

  expect(since).toContain(`hx-target="#m-${id}"`)
  expect(since).not.toContain('hx-target="#part"')
})

test('a page shows only its view: what leaves it goes, and "mine" is about its person', async () => {
  const chat = await chatWith(app, org, 'for somebody')
  const leo = await agent(app, org)
  const [all, mine, his] = [
    await open(maya),
    await open(maya, 'view=mine'),
    await open(leo, 'view=mine'),
  ]
  await maya.act(`/inbox/${chat.id}/assignment`, { assignee: maya.person.id, was: '' })
  await mine.says('for somebody')
  await his.says(`id="c-${chat.id}" data-gone="yes"`)
  await maya.act(`/inbox/${chat.id}/status`, { status: 'resolved' })
  await all.says(`id="c-${chat.id}" data-gone="yes"`)

  expect(his.text()).not.toContain('for somebody')
})

test('the badge goes with every change', async () => {
  const stream = await open(maya)
  const chat = await chatWith(app, org, 'unread')
  await stream.says('data-count="1"')
  await maya.act(`/inbox/${chat.id}/read`)

  expect(await stream.says('data-count="0"')).toContain('hx-target="#unread"')
})

test('a sign-out ends the stream with a word, and other people stay', async () => {
  const leo = await agent(app, org)
  const [hers, his] = [await open(maya), await open(leo)]
  await endSessions(app.on, maya.person.id)
  await hers.says('event: bye')
  await until(() => hers.ended())
  await chatWith(app, org, 'still here')
  await his.says('still here')

  expect(hers.text()).not.toContain('still here')
  expect(his.ended()).toBe(false)
})
