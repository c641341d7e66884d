import type { Browser } from 'playwright-core'
import { rows } from '../../src/db.ts'
import { advanceExport } from '../../src/privacy/exports.ts'
import { startApp, type Running } from '../support/app.ts'
import { filesOf, newZip } from '../support/exports.ts'
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

test('an owner watches the bar move without touching anything, and the download is a whole ZIP', async () => {
  const org = await app.org()
  const { page, context } = await sit(browser, app, org, { width: 1280 })
  await page.goto('/settings/privacy/exports')
  await page.click('#export')
  await page.getByText('Waiting to begin').waitFor()
  const [asked] = await app.on.db.withSystem((tx) =>
    rows<{ id: string }>(tx, 'select id from exports where org_id = ?', [org.id]),
  )
  const id = asked?.id ?? ''
  const show = (done: number) =>
    app.on.db.withSystem((tx) =>
      rows(tx, `update exports set state = 'running', done = ?, total = 9 where id = ?`, [
        done,
        id,
      ]),
    )
  const bar = page.locator('progress')
  await show(3)
  await page.getByText('3 of 9 records').waitFor()
  const first = await bar.getAttribute('value')
  await show(6)
  await page.getByText('6 of 9 records').waitFor()
  const second = await bar.getAttribute('value')
  await app.on.db.withSystem((tx) =>
    rows(tx, `update exports set state = 'pending' where id = ?`, [id]),
  )
  await advanceExport(app.on, id)
  const link = page.locator(`#fetch-${id}`)
  await link.waitFor()
  const [download] = await Promise.all([page.waitForEvent('download'), link.click()])
  const zip = newZip()
  await download.saveAs(zip)
  const files = await filesOf(zip)
  const polls = await page.locator('#exports[hx-get]').count()
  await context.close()

  expect([first, second]).toEqual(['3', '6'])
  expect(Object.keys(files)).toContain('index.html')
  expect(polls).toBe(0)
})
