import type { Browser } from 'playwright-core'
import { closeSandbox } from '../../src/sandbox/sandbox.ts'
import { startApp, type Running } from '../support/app.ts'
import type { Org } from '../support/org.ts'
import { openBrowser, picture, sideways, sit } from '../support/pages.ts'
import { ownFolder } from '../support/phone.ts'

let app: Running
let browser: Browser
let org: Org
beforeAll(async () => {
  app = await startApp({ workers: false, env: { DATA_DIR: ownFolder(), SANDBOX: 'on' } })
  browser = await openBrowser()
  org = await app.org()
})
afterAll(async () => {
  await browser.close()
  closeSandbox(app.on)
  await app.stop()
})

describe.each(['light', 'dark'] as const)('the gallery in %s', (theme) => {
  test.each([
    ['desktop', 1440],
    ['phone', 390],
  ] as const)('is pictured on a %s, without a fault', async (name, width) => {
    const { page, context, faults } = await sit(browser, app, org, { theme, width })
    await page.goto('/sandbox/gallery')
    const height = await page.evaluate<number>(`document.querySelector('.gallery').offsetHeight`)
    await page.setViewportSize({ width, height: height + 300 })
    await picture(page, `gallery-${name}-${theme}`)
    expect(await page.locator('.gallery .bubble').count()).toBeGreaterThan(50)
    expect(await sideways(page)).toBe(0)
    expect(faults).toEqual([])
    await context.close()
  })
})
