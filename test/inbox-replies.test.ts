import { newId } from '../src/ids.ts'
import { startApp, type Running } from './support/app.ts'
import { read } from './support/inbound.ts'
import { agent, chatWith, type Agent } from './support/inbox.ts'
import type { Org } from './support/org.ts'

let app: Running
let org: Org
let maya: Agent
beforeAll(async () => {
  app = await startApp({ workers: false })
})
afterAll(() => app.stop())
beforeEach(async () => {
  org = await app.org()
  maya = await agent(app, org)
})

const bubbles = (html: string): number => html.split('<article').length - 1
const place = (html: string, name: string): string =>
  new RegExp(`name="${name}" value="([^"]*)"`).exec(html)?.[1] ?? ''

describe('a draft', () => {
  test('is kept per person, shown in the list, and gone when the reply is sent', async () => {
    const chat = await chatWith(app, org, 'hello')
    const leo = await agent(app, org)
    await maya.act(`/inbox/${chat.id}/draft`, { text: 'Half a sent' })

    expect((await maya.get(`/inbox/${chat.id}`)).text).toMatch(/<textarea[^>]*>Half a sent</)
    expect((await maya.get('/inbox')).text).toContain('Draft:')
    expect((await leo.get(`/inbox/${chat.id}`)).text).not.toContain('Half a sent')

    await maya.reply(chat.id, 'A whole sentence')
    expect((await maya.get(`/inbox/${chat.id}`)).text).not.toContain('Half a sent')
  })
})

describe('a reply', () => {
  test('comes back as a bubble at once, once per token however often it is sent', async () => {
    const chat = await chatWith(app, org, 'in blue?', 1)
    const token = newId()
    const first = await maya.reply(chat.id, 'Yes, in S', token)
    const again = await maya.reply(chat.id, 'Yes, in S', token)
    const stored = await read(
      app.on,
      org,
      `select text from messages where org_id = :org and direction = 'out'`,
    )

    expect([first.status, again.status]).toEqual([201, 201])
    expect(bubbles(first.text)).toBe(2)
    expect(bubbles(again.text)).toBe(2)
    expect(first.text).toContain('aria-label="Waiting to be sent"')
    expect(stored).toEqual([{ text: 'Yes, in S' }])
    expect(place(first.text, 'client_token')).not.toBe(token)
  })

  test('without scripts leads back to the conversation', async () => {
    const chat = await chatWith(app, org, 'in blue?')
    const { text } = await maya.get(`/inbox/${chat.id}`)
    const form = { text: 'Yes', client_token: place(text, 'client_token') }
    const answer = await maya.post(`/inbox/${chat.id}/messages`, form)

    expect([answer.status, answer.location]).toEqual([303, `/inbox/${chat.id}`])
    expect((await maya.get(answer.location)).text).toContain('>Yes<')
  })

  test('is refused beside the text, which stays, when the window is closed', async () => {
    const chat = await chatWith(app, org, 'long ago', 25 * 60)
    const asPart = await maya.reply(chat.id, 'Too late')
    const asPage = await maya.post(`/inbox/${chat.id}/messages`, { text: 'Too late' })
    const opened = await maya.get(`/inbox/${chat.id}`)

    expect([asPart.status, asPage.status]).toEqual([422, 422])
    expect(asPart.text).toContain('24 hours')
    expect(asPart.text).toContain('#composer-error')
    expect(asPage.text).toMatch(/<textarea[^>]*>Too late</)
    expect(opened.text).toContain('data-window="closed"')
  })

  test('is refused when there is nothing in it', async () => {
    const chat = await chatWith(app, org, 'hello')
    expect((await maya.reply(chat.id, ' \n ')).status).toBe(422)
    expect((await maya.reply(chat.id, 'x'.repeat(4097))).status).toBe(422)
    expect((await maya.reply(chat.id, 'a\u0000b')).status).toBe(422)
  })

  test('that failed is sent again as a new one, and one that waits is taken back', async () => {
    const chat = await chatWith(app, org, 'hello')
    await maya.reply(chat.id, 'first')
    const [failed] = await read<{ id: string }>(
      app.on,
      org,
      `update messages set status = 'failed', rank = 40, error_code = '131000' where org_id = :org and text = 'first' returning id`,
    )
    const page = await maya.get(`/inbox/${chat.id}`)
    const retried = await maya.act(`/inbox/${chat.id}/messages/${failed?.id}/retry`)
    const [queued] = await read<{ id: string }>(
      app.on,
      org,
      `select id from messages where org_id = :org and status = 'queued'`,
    )
    const cancelled = await maya.act(`/inbox/${chat.id}/messages/${queued?.id}/cancel`)

    expect(page.text).toContain('Not delivered')
    expect(page.text).toContain(`id="retry-${failed?.id}"`)
    expect(retried.status).toBe(201)
    expect(retried.text).toContain('Sent again below.')
    expect(cancelled.text).toContain('Cancelled before it was sent.')
  })
})
