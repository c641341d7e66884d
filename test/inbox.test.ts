import { newId } from '../src/ids.ts'
import { startApp, type Running } from './support/app.ts'
import { read } from './support/inbound.ts'
import { agent, chatWith, PART, type Agent } from './support/inbox.ts'
import type { Org } from './support/org.ts'
import { visit } from './support/visitor.ts'

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

const rowIds = (html: string): string[] =>
  [...html.matchAll(/<li class="row[^"]*" id="c-([\w-]+)"/g)].map(([, id]) => id ?? '')
const bubbles = (html: string): number => html.split('<article').length - 1

describe('the list', () => {
  test('shows each conversation in the views it belongs to', async () => {
    const [free, own, done] = [
      await chatWith(app, org, 'free'),
      await chatWith(app, org, 'own'),
      await chatWith(app, org, 'done'),
    ]
    await maya.act(`/inbox/${own.id}/assignment`, { assignee: maya.person.id, was: '' })
    await maya.act(`/inbox/${done.id}/status`, { status: 'resolved' })
    const inView = async (view: string): Promise<string[]> =>
      rowIds((await maya.get(`/inbox?view=${view}`)).text)

    expect((await inView('open')).toSorted()).toEqual([free.id, own.id].toSorted())
    expect(await inView('mine')).toEqual([own.id])
    expect(await inView('unassigned')).toEqual([free.id])
    expect(await inView('resolved')).toEqual([done.id])
  })

  test('pages through everything once, newest first, as page and as part', async () => {
    const made: string[] = []
    for (let i = 0; i < 52; i += 1) made.push((await chatWith(app, org, `number ${i}`, i)).id)
    const first = await maya.get('/inbox')
    const more = /id="more-link" href="([^"]+)"/.exec(first.text)?.[1]?.replaceAll('&amp;', '&')
    const asPart = await maya.part(more ?? '')
    const asPage = await maya.get(more ?? '')

    expect([...rowIds(first.text), ...rowIds(asPart.text)]).toEqual(made)
    expect(asPart.text).not.toContain('<html')
    expect(asPage.text).toContain('<html')
    expect(rowIds(asPage.text)).toEqual(rowIds(asPart.text))
  })

  test('finds people by part of a name and by a number in another spelling', async () => {
    const chat = await chatWith(app, org, 'hello')
    await chatWith(app, org, 'somebody else')
    const { phone, name } = chat.customer
    const found = async (q: string): Promise<string[]> =>
      rowIds((await maya.part(`/inbox?q=${encodeURIComponent(q)}`)).text)

    expect(await found(`+${phone.slice(0, 1)} (${phone.slice(1, 4)}) ${phone.slice(4)}`)).toEqual([
      chat.id,
    ])
    expect(await found(name.toUpperCase())).toContain(chat.id)
    expect((await maya.get('/inbox?q=nobody+at+all')).text).toContain('Nobody found')
  })

  test('says what to do first where nothing was ever written', async () => {
    const page = await maya.get('/inbox')
    expect(page.text).toContain('Bring in your first conversation')
    expect(rowIds(page.text)).toEqual([])
  })

  test('survives an address that makes no sense', async () => {
    const page = await maya.get('/inbox?view=nonsense&before=x_y&q=%00&panel[]=1')
    expect(page.status).toBe(200)
  })
})

describe('a conversation', () => {
  test('opens as a page and as a part, and neither marks it read', async () => {
    const chat = await chatWith(app, org, 'Do you have this in blue?')
    const page = await maya.get(`/inbox/${chat.id}`)
    const part = await maya.part(`/inbox/${chat.id}`)
    const [row] = await read<{ unread: number }>(
      app.on,
      org,
      'select unread from conversations where org_id = :org',
    )

    expect(page.text).toContain('<html')
    expect(part.text).not.toContain('<html')
    for (const { text } of [page, part]) expect(text).toContain('Do you have this in blue?')
    expect(part.headers.get('vary')).toContain('HX-Request-Type')
    expect(page.text).toContain('1 new')
    expect(row).toEqual({ unread: 1 })
  })

  test('is read after saying so, by script and by form', async () => {
    const [one, two] = [await chatWith(app, org, 'one'), await chatWith(app, org, 'two')]
    const byScript = await maya.act(`/inbox/${one.id}/read`)
    const byForm = await maya.post(`/inbox/${two.id}/read`)
    const rows = await read(app.on, org, 'select unread from conversations where org_id = :org')

    expect([byScript.status, byForm.status]).toEqual([204, 303])
    expect(rows).toEqual([{ unread: 0 }, { unread: 0 }])
  })

  test('pages back through older messages without a gap', async () => {
    const chat = await chatWith(app, org, 'message 0', 70)
    for (let i = 1; i <= 60; i += 1) await chat.says(`message ${i}.`, 70 - i)
    const page = await maya.get(`/inbox/${chat.id}`)
    const older = /id="older-link" href="([^"]+)"/.exec(page.text)?.[1] ?? ''
    const part = await maya.part(older)

    expect(bubbles(page.text)).toBe(50)
    expect(bubbles(part.text)).toBe(11)
    expect(part.text).toContain('message 10.')
    expect(part.text).not.toContain('message 11.')
    expect(part.text).toContain('The conversation began on')
    expect((await maya.get(older)).text).toContain('Newest messages')
  })

  test('shows text as text, whatever is in it', async () => {
    const chat = await chatWith(app, org, '<script>alert(1)</script> & https://shop.example/a?b=1.')
    const { text } = await maya.get(`/inbox/${chat.id}`)

    expect(text).toContain('&lt;script&gt;alert(1)&lt;/script&gt; &amp;')
    expect(text).toContain('href="https://shop.example/a?b=1"')
    expect(text).not.toContain('<script>alert')
  })

  test('is the same 404 for another organization as for nobody, whatever is asked of it', async () => {
    const theirs = await app.org()
    const stranger = await agent(app, theirs)
    const chat = await chatWith(app, org, 'a private word')
    const asked = async (id: string): Promise<[number, boolean][]> => {
      const answers = [
        await stranger.get(`/inbox/${id}`),
        await stranger.part(`/inbox/${id}`),
        await stranger.reply(id, 'hello'),
        await stranger.act(`/inbox/${id}/read`),
        await stranger.act(`/inbox/${id}/draft`, { text: 'x' }),
        await stranger.act(`/inbox/${id}/status`, { status: 'resolved' }),
        await stranger.act(`/inbox/${id}/assignment`, { assignee: '', was: '' }),
        await stranger.act(`/inbox/${id}/messages/${newId()}/retry`),
      ]
      return answers.map(({ status, text }) => [status, text.includes('a private word')])
    }
    const nobody = await asked(newId())

    expect(nobody).toEqual(nobody.map(() => [404, false]))
    expect(await asked(chat.id)).toEqual(nobody)
    expect((await stranger.get('/inbox/not-an-id')).status).toBe(404)
  })
})

describe('assigning', () => {
  test('tells the second of two takers who was first', async () => {
    const chat = await chatWith(app, org, 'whose?')
    const leo = await agent(app, org)
    const take = (who: Agent) =>
      who.act(`/inbox/${chat.id}/assignment`, { assignee: who.person.id, was: '' })
    const first = await take(maya)
    const second = await take(leo)
    const [row] = await read(
      app.on,
      org,
      'select assignee_id from conversations where org_id = :org',
    )

    expect([first.status, second.status]).toEqual([200, 409])
    expect(second.text).toContain('Test agent took this conversation')
    expect(row).toEqual({ assignee_id: maya.person.id })
  })

  test('refuses somebody who is not a member', async () => {
    const chat = await chatWith(app, org, 'whose?')
    const answer = await maya.act(`/inbox/${chat.id}/assignment`, { assignee: newId(), was: '' })
    expect(answer.status).toBe(422)
  })
})

test('a resolved conversation opens again when the customer writes', async () => {
  const chat = await chatWith(app, org, 'thanks', 5)
  await maya.act(`/inbox/${chat.id}/status`, { status: 'resolved' })
  const state = (): Promise<unknown[]> =>
    read(app.on, org, 'select status, unread from conversations where org_id = :org')

  expect(await state()).toEqual([{ status: 'resolved', unread: 0 }])
  await chat.says('one more thing')
  expect(await state()).toEqual([{ status: 'open', unread: 1 }])
  await maya.act(`/inbox/${chat.id}/status`, { status: 'resolved' })
  const reopened = await maya.act(`/inbox/${chat.id}/status`, { status: 'open' })
  expect(reopened.text).toContain('Resolve')
})

test('whoever is not signed in is sent to the sign-in, a part by htmx and a stream by its status', async () => {
  const nobody = visit(app)
  const page = await nobody.get('/inbox?view=mine')
  // As htmx sends it once the stream extension is loaded.
  const part = await nobody.get('/inbox', { ...PART, accept: 'text/html, text/event-stream' })
  const stream = await nobody.get('/inbox/stream', { accept: 'text/html, text/event-stream' })

  expect([page.status, page.location]).toEqual([303, '/login?next=%2Finbox%3Fview%3Dmine'])
  expect([part.status, part.headers.get('hx-redirect')]).toEqual([204, '/login?next=%2Finbox'])
  expect(stream.status).toBe(401)
  expect((await nobody.get('/')).location).toBe('/login')
  expect((await maya.get('/')).location).toBe('/inbox')
})
