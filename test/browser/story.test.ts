import type { Browser, Page } from 'playwright-core'
import { sampleOf } from '../../src/sandbox/samples.ts'
import { closeSandbox } from '../../src/sandbox/sandbox.ts'
import { BACKENDS, startApp, type Running } from '../support/app.ts'
import { openBrowser, picture, sideways, sit } from '../support/pages.ts'
import { openPhones, ownFolder } from '../support/phone.ts'
import { until } from '../support/until.ts'

/** Note every sign the newest bubble carries from now on, in their order and without their times. */
const watchTicks = (page: Page): Promise<void> =>
  page.evaluate(`{
    window.ticks = []
    const look = () => {
      const label = [...document.querySelectorAll('#part .tick')].at(-1)?.getAttribute('aria-label')
      const word = label?.replace(/ \\d.*/, '')
      if (word && window.ticks.at(-1) !== word) window.ticks.push(word)
    }
    new MutationObserver(look).observe(document.body, { subtree: true, childList: true, attributes: true })
  }`)
const ticks = (page: Page): Promise<string[]> => page.evaluate('window.ticks')
const lastTick = (page: Page): Promise<string | null> =>
  page.locator('#part .tick').last().getAttribute('aria-label')
const timeOrigin = (page: Page): Promise<number> => page.evaluate('performance.timeOrigin')

/** The switches behind the three dots of the customer's phone. */
async function setPhone(phone: Page, name: 'online' | 'receipts', on: boolean): Promise<void> {
  await phone.click('#phone-more')
  await phone.setChecked(`#phone-${name}`, on)
  await phone.click('#phone-more')
}

/** A picture from the machine, one that is not wanted first. */
async function attach(page: Page): Promise<void> {
  const file = { name: 'blue.png', mimeType: 'image/png', buffer: sampleOf('image').bytes }
  await page.setInputFiles('#file', { ...file, name: 'wrong.png' })
  await page.getByText('Goes as a photo').waitFor()
  await page.click('#attached-drop')
  await page.setInputFiles('#file', file)
  await page.getByText('Goes as a photo').waitFor()
}

describe.each(BACKENDS)('with queues in %s', (backend) => {
  let app: Running
  let browser: Browser
  beforeAll(async () => {
    app = await startApp({ backend, env: { DATA_DIR: ownFolder() } })
    browser = await openBrowser()
  })
  afterAll(async () => {
    await browser.close()
    closeSandbox(app.on)
    await app.stop()
  })

  test.each([1280, 390])(
    'a customer asks, two agents see it without a reload, one answers, and the ticks tell how far it came (%d px)',
    async (width) => {
      const org = await app.org()
      const phones = await openPhones(app, org)
      const customer = await phones.person()
      const [maya, leo, sandbox] = [
        await sit(browser, app, org, { width }),
        await sit(browser, app, org, { width, person: await org.person('agent') }),
        await sit(browser, app, org),
      ]
      await sandbox.page.goto('/sandbox')
      for (const { page } of [maya, leo]) {
        await page.goto('/inbox')
        await page.waitForSelector('#list-empty')
      }
      await picture(maya.page, `story-first-use-${width}-${backend}`)
      const loaded = [await timeOrigin(maya.page), await timeOrigin(leo.page)]

      await sandbox.page.fill('#phone-text', 'Do you have this in blue?')
      await sandbox.page.click('#phone-send')
      for (const { page } of [maya, leo]) {
        await page.getByText('Do you have this in blue?').first().waitFor()
        await until(async () => (await page.title()).startsWith('(1) '))
      }
      expect([await timeOrigin(maya.page), await timeOrigin(leo.page)]).toEqual(loaded)
      await picture(leo.page, `story-list-${width}-${backend}`)

      await maya.page.click('#list .row a')
      await maya.page.waitForSelector('#composer')
      await until(async () => !(await maya.page.title()).startsWith('('))
      await until(async () => !(await leo.page.title()).startsWith('('))
      await setPhone(sandbox.page, 'online', false)
      await setPhone(sandbox.page, 'receipts', false)
      await watchTicks(maya.page)
      await maya.page.fill('#text', 'Yes, in S and M.')
      if (width > 600) await maya.page.press('#text', 'Enter')
      else await maya.page.click('#send')

      await until(async () => (await lastTick(maya.page))?.startsWith('Sent'))
      await setPhone(sandbox.page, 'online', true)
      await sandbox.page.getByText('Yes, in S and M.').waitFor()
      await until(async () => (await lastTick(maya.page))?.startsWith('Delivered'))
      await setPhone(sandbox.page, 'receipts', true)
      await until(async () => (await lastTick(maya.page))?.startsWith('Read'))
      const seen = await ticks(maya.page)
      expect(seen.slice(-3)).toEqual(['Sent', 'Delivered', 'Read'])
      expect(
        seen.slice(0, -3).every((word) => ['Waiting to be sent', 'Sending'].includes(word)),
      ).toBe(true)

      expect(await maya.page.locator('#part .msg').count()).toBe(2)
      expect(await maya.page.inputValue('#text')).toBe('')
      expect(await sideways(maya.page)).toBe(0)
      await leo.page.getByText('Yes, in S and M.').first().waitFor()
      await picture(maya.page, `story-thread-${width}-${backend}`)
      await picture(sandbox.page, `story-phone-${width}-${backend}`)
      expect((await phones.chat(customer.name)).map(({ text }) => text)).toEqual([
        'Do you have this in blue?',
        'Yes, in S and M.',
      ])

      await sandbox.page.click('#phone-picture')
      const photo = maya.page.locator('#part .picture img')
      await photo.waitFor()
      const seenWidth = 'document.querySelector("#part .picture img").naturalWidth'
      await until(async () => (await maya.page.evaluate(seenWidth)) === 640)
      await attach(maya.page)
      await picture(maya.page, `story-attached-${width}-${backend}`)
      await maya.page.fill('#text', 'Like this one?')
      await maya.page.click('#send')
      await sandbox.page.getByText('Like this one?').waitFor()
      await until(async () => (await photo.count()) === 2)
      expect(await maya.page.isHidden('#attached')).toBe(true)
      expect(await sideways(maya.page)).toBe(0)
      await picture(maya.page, `story-files-${width}-${backend}`)
      expect((await phones.chat(customer.name)).map(({ kind }) => kind).slice(-2)).toEqual([
        'image',
        'image',
      ])
      expect([...maya.faults, ...leo.faults, ...sandbox.faults]).toEqual([])
      for (const { context } of [maya, leo, sandbox]) await context.close()
    },
    60_000,
  )
})
