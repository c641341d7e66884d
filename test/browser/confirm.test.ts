import type { Browser } from 'playwright-core'
import { createUser } from '../../src/accounts/accounts.ts'
import { openPasswords } from '../../src/accounts/passwords.ts'
import { startApp, type Running } from '../support/app.ts'
import { keepCookie, openBrowser, picture, sideways, sit } from '../support/pages.ts'
import { signInAs } from '../support/sign-in.ts'

const PASSWORD = 'quiet harbour lantern'
let app: Running
let browser: Browser
beforeAll(async () => {
  app = await startApp({ workers: false })
  openPasswords(app.on, { ln: 4, r: 8, p: 1 })
  browser = await openBrowser()
})
afterAll(async () => {
  await browser.close()
  await app.stop()
})

test.each([
  [1280, true],
  [320, false],
])(
  'an hour after the sign-in a new key asks for the password, then is there, on %d pixels, scripts %s',
  async (width, scripts) => {
    const org = await app.org()
    const email = `ana${width}@example.test`
    const wanted = { org: org.id, email, role: 'admin' as const, password: PASSWORD }
    const { user } = await createUser(app.on, wanted)
    const { page, context, faults } = await sit(browser, app, org, { width, scripts, person: null })
    const anHourAgo = Date.now() - 3_600_000
    await keepCookie(context, app.url, await signInAs(app.on, org, { id: user }, anHourAgo))

    await page.goto('/settings/api-keys')
    await page.fill('#name', 'Order system')
    await page.click('#create')
    await page.waitForSelector('#sudo')
    expect(scripts ? await sideways(page) : 0).toBe(0)
    await picture(page, `confirm-${width}`)
    await page.fill('#confirm_password', 'not this one')
    await page.click('#confirm')
    await page.waitForSelector('text=This is not your password.')
    await page.fill('#confirm_password', PASSWORD)
    await page.click('#confirm')
    await page.waitForSelector('text=Order system')
    expect(await page.textContent('body')).toContain('cf_')

    await page.goto('/settings/security/audit')
    await picture(page, `audit-${width}`)
    const said = await page.locator('[id^=entry-]').allTextContents()
    expect(said.map((text) => text.replaceAll(/\s+/g, ' '))).toEqual([
      expect.stringContaining('Made an API key: Order system'),
      expect.stringContaining('Confirmed the password'),
      expect.stringContaining('Failed to confirm the password'),
      expect.stringContaining('Added a member'),
    ])
    expect(faults.filter((fault) => !/status of (403|422)/.test(fault))).toEqual([])
    await context.close()
  },
)
