import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core'
import type { Running } from './app.ts'
import { launchOptions } from './browser.ts'
import type { Org } from './org.ts'
import { signInAs } from './sign-in.ts'

export type Look = {
  width?: number
  theme?: 'light' | 'dark'
  scripts?: boolean
  /** Whose browser it is; the owner's unless told, nobody's when null. */
  person?: { id: string } | null
}
export type Seat = {
  page: Page
  context: BrowserContext
  /** What the console said that nobody expected: CSP and htmx complain only there. */
  faults: string[]
}

/** Heights that go with the widths people have. */
const HEIGHTS: Record<number, number> = { 320: 640, 390: 844, 1100: 800, 1280: 800, 1440: 900 }
const ARTIFACTS = path.join(import.meta.dirname, '../../.artifacts')

/** The Chromium of a whole run, or one of the file's own where only some files were asked for. */
export async function openBrowser(): Promise<Browser> {
  const shared = process.env['TEST_BROWSER_WS']
  return shared ? chromium.connect(shared) : chromium.launch(await launchOptions())
}

/** A browser of one person, signed in, that collects what its console complains about. */
export async function sit(
  browser: Browser,
  app: Running,
  org: Org,
  look: Look = {},
): Promise<Seat> {
  const { width = 1280, theme = 'light', scripts = true, person = org.owner } = look
  const context = await browser.newContext({
    baseURL: app.url,
    viewport: { width, height: HEIGHTS[width] ?? 800 },
    colorScheme: theme,
    javaScriptEnabled: scripts,
    timezoneId: 'America/Sao_Paulo',
    locale: 'en-GB',
  })
  context.setDefaultTimeout(15_000)
  if (person) await keepCookie(context, app.url, await signInAs(app.on, org, person))
  const page = await context.newPage()
  const faults: string[] = []
  watch(context, faults)
  listen(page, faults)
  return { page, context, faults }
}

const watch = (context: BrowserContext, faults: string[]): void =>
  void context.on('page', (page) => listen(page, faults))

function listen(page: Page, faults: string[]): void {
  page.on('pageerror', (error) => faults.push(error.message))
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) faults.push(message.text())
  })
}

export async function keepCookie(
  context: BrowserContext,
  url: string,
  cookie: string,
): Promise<void> {
  const at = cookie.indexOf('=')
  await context.addCookies([{ name: cookie.slice(0, at), value: cookie.slice(at + 1), url }])
}

/** A picture for people, kept with the run. */
export async function picture(page: Page, name: string): Promise<void> {
  mkdirSync(ARTIFACTS, { recursive: true })
  await page.screenshot({ path: path.join(ARTIFACTS, `${name}.png`) })
}

/** How far a page, or a part of it that scrolls up and down, can be scrolled sideways: 0 when everything fits. */
export const sideways = (page: Page): Promise<number> =>
  page.evaluate(
    `Math.max(...[document.documentElement, ...document.querySelectorAll('.main, .log, .scroll, .content')]
       .map((part) => part.scrollWidth - part.clientWidth))`,
  )
