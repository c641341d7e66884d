import type { Browser, Page } from 'playwright-core'
import { endSessions } from '../../src/accounts/sessions.ts'
import { firstTemplates } from '../../src/sandbox/template-shelf.ts'
import { storeListed } from '../../src/templates/sync.ts'
import { startApp, type Running } from '../support/app.ts'
import { read } from '../support/inbound.ts'
import { chatWith, type Chat } from '../support/inbox.ts'
import type { Org } from '../support/org.ts'
import { keepCookie, openBrowser, sit, type Look, type Seat } from '../support/pages.ts'
import { signInAs } from '../support/sign-in.ts'
import { until } from '../support/until.ts'

let app: Running
let browser: Browser
let org: Org
let chat: Chat
const seats: Seat[] = []
beforeAll(async () => {
  app = await startApp({ workers: false })
  browser = await openBrowser()
})
afterAll(async () => {
  await browser.close()
  await app.stop()
})
beforeEach(async () => {
  org = await app.org()
  chat = await chatWith(app, org, 'Do you have this in blue?', 2)
})
afterEach(async () => {
  for (const { context } of seats.splice(0)) await context.close()
})

const seat = async (look: Look = {}): Promise<Seat> => {
  const made = await sit(browser, app, org, look)
  seats.push(made)
  return made
}
/** The conversation open, live, in a browser of its own. */
const opened = async (look: Look = {}): Promise<Seat> => {
  const made = await seat(look)
  const live = made.page.waitForResponse((answer) => answer.url().includes('/inbox/stream'))
  await made.page.goto(`/inbox/${chat.id}`)
  await live
  return made
}
const sent = (): Promise<{ text: string }[]> =>
  read(
    app.on,
    org,
    `select text from messages where org_id = :org and direction = 'out' order by created_at, id`,
  )
const bubbles = (page: Page): Promise<string[]> =>
  page.locator('#part .msg .bubble > p').allInnerTexts()
const focused = (page: Page): Promise<string> => page.evaluate('document.activeElement.id')

test('pressing Enter twice, or Enter and the button, sends once', async () => {
  const { page, faults } = await opened()
  await page.fill('#text', 'Yes, in S')
  await page.evaluate(`{
    const press = () => document.getElementById('text')
      .dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true }))
    press(), press(), document.getElementById('send').click()
  }`)
  await until(async () => (await page.inputValue('#text')) === '')
  await page.press('#text', 'Enter')
  await page.locator('#part .msg').nth(1).waitFor()

  expect(await sent()).toEqual([{ text: 'Yes, in S' }])
  expect(await page.locator('#part .msg').count()).toBe(2)
  expect(await focused(page)).toBe('text')
  expect(faults).toEqual([])
})

test('a line break is a line break, and what is typed during the sending stays', async () => {
  const { page } = await opened()
  await page.fill('#text', 'one')
  await page.press('#text', 'Shift+Enter')
  await page.locator('#text').pressSequentially('two')
  await page.route('**/messages', async (route) => {
    await page.locator('#text').pressSequentially('three')
    await route.continue()
  })
  await page.press('#text', 'Enter')
  await page.locator('#part .msg').nth(1).waitFor()
  await until(async () => (await page.inputValue('#text')) === 'three')

  expect(await sent()).toEqual([{ text: 'one\ntwo' }])
})

test('without a connection the text stays, and is sent once when there is one', async () => {
  const { page, context } = await opened()
  await page.fill('#text', 'Yes, in S')
  await context.setOffline(true)
  await page.press('#text', 'Enter')
  await page.getByText('Your text is still here').waitFor()
  expect(await page.inputValue('#text')).toBe('Yes, in S')

  await context.setOffline(false)
  await page.press('#text', 'Enter')
  await page.locator('#part .msg').nth(1).waitFor()
  expect(await sent()).toEqual([{ text: 'Yes, in S' }])
})

test('a session that ends while somebody types leads to the sign-in and back to the same text', async () => {
  const { page, context } = await opened()
  await page.locator('#text').pressSequentially('Half a sentence')
  await endSessions(app.on, org.owner.id)
  await page.locator('#alert').getByText('You are signed out').waitFor()
  await page.locator('#text').pressSequentially(' and the rest')
  await page.press('#text', 'Enter')
  await page.waitForURL(/\/login\?next=/)
  const next = new URL(page.url()).searchParams.get('next') ?? ''
  await keepCookie(context, app.url, await signInAs(app.on, org, org.owner))
  await page.goto(next)

  expect(next).toBe(`/inbox/${chat.id}`)
  expect(await page.inputValue('#text')).toBe('Half a sentence and the rest')
  expect(await sent()).toEqual([])
})

test('a draft is there after a reload, on another device, and in the list', async () => {
  const { page } = await opened()
  await page.locator('#text').pressSequentially('Let me lo')
  await page.locator('#list .draft').waitFor()
  await page.reload()
  expect(await page.inputValue('#text')).toBe('Let me lo')

  await until(
    async () =>
      (await read(app.on, org, 'select text from drafts where org_id = :org')).length === 1,
  )
  const other = await opened()
  expect(await other.page.inputValue('#text')).toBe('Let me lo')
  await other.page.fill('#text', '')
  await until(
    async () => (await read(app.on, org, 'select 1 from drafts where org_id = :org')).length === 0,
  )
  expect(await other.page.locator('#list .draft').count()).toBe(0)
})

test('with a closed window a template is chosen by keys, filled in with a preview, and sent; the draft stays', async () => {
  const at = { org: org.id, waba: org.connection.wabaId }
  await app.on.db.withTenant(org.id, (tx) => storeListed(tx, at, firstTemplates(), new Date()))
  chat = await chatWith(app, org, 'yesterday', 26 * 60)
  const { page, faults } = await opened()
  await page.locator('#text').pressSequentially('Half a sentence')
  await page.press('#thread-title', 't')
  await until(async () => (await focused(page)) === 'choice-q')
  await page.keyboard.type('order')
  await until(async () => (await page.locator('a.choice').count()) === 1)
  await page.press('a.choice', 'Enter')
  await page.locator('#template-form').waitFor()
  await page.getByLabel('Order no').fill('B-12')
  await page.locator('#template-preview').getByText('B-12').waitFor()
  await page.press('#template-send', 'Enter')
  await page.getByText('Fill in “').first().waitFor()
  await page.getByLabel(/end of/).fill('B-12')
  await page.getByLabel('First name').fill('Ana')
  await page.press('#template-send', 'Enter')
  await page.locator('#part').getByText('your order B-12 can be picked up').waitFor()
  await until(async () => (await focused(page)) === 'pick-template')
  expect(await page.inputValue('#text')).toBe('Half a sentence')
  expect(await sent()).toHaveLength(1)
  expect(faults).toEqual([expect.stringContaining('422')])
})

test('keys move, open, write, resolve and go back, and rest while somebody types', async () => {
  const second = await chatWith(app, org, 'newer')
  const { page, faults } = await seat()
  await page.goto('/inbox')
  await page.keyboard.press('j')
  expect(await focused(page)).toBe(`open-${second.id}`)
  await page.keyboard.press('j')
  expect(await focused(page)).toBe(`open-${chat.id}`)
  await page.keyboard.press('k')
  await page.keyboard.press('Enter')
  await page.waitForURL(`**/inbox/${second.id}`)
  await until(async () => (await focused(page)) === 'thread-title')
  await page.keyboard.press('r')
  await page.keyboard.type('jk?')
  expect(await page.inputValue('#text')).toBe('jk?')
  await page.keyboard.press('Escape')
  await page.keyboard.press('e')
  await page.getByRole('button', { name: 'Reopen' }).waitFor()
  await until(async () => (await page.locator('#list .row').count()) === 1)
  await page.keyboard.press('?')
  await page.locator('#shortcuts').waitFor()
  await page.keyboard.press('Escape')
  await page.keyboard.press('a')
  await page.locator('#assign-menu').waitFor()
  await page.keyboard.press('Escape')
  await page.keyboard.press('/')
  expect(await focused(page)).toBe('search')
  expect(faults).toEqual([])
})

test('a reader who scrolled up stays where they are and is told of news; the others follow it', async () => {
  for (let i = 0; i < 30; i += 1) await chat.says(`line ${i}`, 1)
  const { page } = await opened()
  // Not every browser keeps the place by itself; this one is told not to.
  await page.evaluate('document.getElementById("log").style.overflowAnchor = "none"')
  const reader = page.locator('#part .msg').nth(12)
  await reader.scrollIntoViewIfNeeded()
  const before = await reader.boundingBox()
  await chat.says('the news')
  await page.locator('#jump').waitFor()
  await page.locator('#part').getByText('the news').waitFor({ state: 'attached' })

  expect((await reader.boundingBox())?.y).toBeCloseTo(before?.y ?? 0, 0)
  await page.click('#jump')
  await until(async () => page.locator('#part').getByText('the news').isVisible())
  await chat.says('still more')
  await page.locator('#part').getByText('still more').waitFor()
  expect(await page.evaluate('document.getElementById("log").scrollTop')).toBe(0)
  const texts = await bubbles(page)
  expect(texts.filter((text) => text.startsWith('the news'))).toHaveLength(1)
})

test('older messages come while scrolling up, without a jump', async () => {
  for (let i = 0; i < 70; i += 1) await chat.says(`line ${i}`, 1)
  const { page } = await opened()
  expect(await page.locator('.msg').count()).toBe(50)
  const first = page.locator('#part .msg').first()
  await first.scrollIntoViewIfNeeded()
  await until(async () => (await page.locator('.msg').count()) === 71)
  expect(await first.isVisible()).toBe(true)
})

test('the list keeps its order and the focus in it while messages arrive', async () => {
  const second = await chatWith(app, org, 'newer', 1)
  const { page } = await seat()
  await page.goto('/inbox')
  await page.locator(`#open-${chat.id}`).focus()
  await chat.says('now the newest')
  await page.locator(`#c-${chat.id}`).getByText('now the newest').waitFor()
  const order = (): Promise<string[]> =>
    page.evaluate('[...document.querySelectorAll("#list .row")].map((row) => row.id)')
  await until(async () => (await order())[0] === `c-${chat.id}`)

  expect(await order()).toEqual([`c-${chat.id}`, `c-${second.id}`])
  expect(await focused(page)).toBe(`open-${chat.id}`)
})

test('what was missed without a connection is there after it', async () => {
  const { page, context } = await opened()
  await context.setOffline(true)
  // Offline refuses new connections only; the one that is open is cut as a proxy would.
  await page.evaluate('document.getElementById("live")._htmx.sse.reader.cancel()')
  await chat.says('missed one')
  await chat.says('missed two')
  await page.getByText('Reconnecting').waitFor()
  await context.setOffline(false)
  await page.locator('#part').getByText('missed two').waitFor()

  expect(await page.locator('#part').getByText('missed one').count()).toBe(1)
  await until(async () => !(await page.getByText('Reconnecting').isVisible()))
})

test('the reply window closes the box without losing the text, and a message opens it again', async () => {
  const { page } = await opened()
  await page.fill('#text', 'kept')
  await read(
    app.on,
    org,
    `update conversations set window_expires_at = now() - interval '1 minute' where org_id = :org`,
  )
  await page.reload()
  expect(await page.locator('.closed-note').isVisible()).toBe(true)
  expect(await page.locator('#send').isDisabled()).toBe(true)
  expect(await page.inputValue('#text')).toBe('kept')
  await chat.says('are you there?')
  await until(async () => page.locator('#send').isEnabled())
  expect(await page.locator('.closed-note').isVisible()).toBe(false)
})

test('chosen colours come at once and stay', async () => {
  const { page, faults } = await opened()
  await page.click('#rail-me')
  await page.click('#theme-dark')
  expect(await page.locator('html').getAttribute('data-theme')).toBe('dark')
  await page.reload()
  expect(await page.locator('html').getAttribute('data-theme')).toBe('dark')
  expect(faults).toEqual([])
})

test('times are those of the reader', async () => {
  const { page } = await opened()
  await page.reload()
  const shown = await page.locator('#part time').first().innerText()
  const at = new Date((await page.locator('#part time').first().getAttribute('datetime')) ?? '')
  expect(shown).toBe(
    at.toLocaleTimeString('en-GB', {
      timeZone: 'America/Sao_Paulo',
      hour: '2-digit',
      minute: '2-digit',
    }),
  )
})
