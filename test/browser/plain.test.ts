import type { Browser } from 'playwright-core'
import { startApp, type Running } from '../support/app.ts'
import { read } from '../support/inbound.ts'
import { chatWith } from '../support/inbox.ts'
import { openBrowser, sit } from '../support/pages.ts'

let app: Running
let browser: Browser
beforeAll(async () => {
  app = await startApp({ workers: false })
  browser = await openBrowser()
})
afterAll(async () => {
  await browser.close()
  await app.stop()
})

test.each([1280, 390])(
  'without scripts an agent reads, answers, assigns, resolves and reopens by reloading (%d px)',
  async (width) => {
    const org = await app.org()
    const chat = await chatWith(app, org, 'Do you have this in blue?')
    const { page, context } = await sit(browser, app, org, { width, scripts: false })
    await page.goto('/inbox')
    await page.click(`#c-${chat.id} a`)
    await page.getByText('1 new').waitFor()
    await page.getByRole('button', { name: 'Mark read' }).click()
    await page.fill('#text', 'Yes, in S and M.')
    await page.click('#send')
    await page.locator('#part').getByText('Yes, in S and M.').waitFor()
    await page.click('#assign')
    await page.click(`#assign-${org.owner.id}`)
    await page.click('#resolve')
    await page.getByRole('button', { name: 'Reopen' }).waitFor()
    const done = await read(
      app.on,
      org,
      'select status, unread, assignee_id from conversations where org_id = :org',
    )
    await page.click('#resolve')
    await page.getByRole('button', { name: 'Resolve' }).waitFor()
    const sent = await read(
      app.on,
      org,
      `select text from messages where org_id = :org and direction = 'out'`,
    )
    await context.close()

    expect(done).toEqual([{ status: 'resolved', unread: 0, assignee_id: org.owner.id }])
    expect(sent).toEqual([{ text: 'Yes, in S and M.' }])
  },
)

test('without scripts the colours and the list of keys still work', async () => {
  const org = await app.org()
  const { page, context } = await sit(browser, app, org, { scripts: false })
  await page.goto('/inbox')
  await page.click('#rail-help')
  expect(await page.locator('#shortcuts').isVisible()).toBe(true)
  await page.click('#shortcuts-close')
  await page.click('#rail-me')
  await page.click('#theme-dark')
  expect(await page.locator('html').getAttribute('data-theme')).toBe('dark')
  await context.close()
})
