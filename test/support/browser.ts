import chromiumBinary from '@sparticuz/chromium'
import { chromium, type BrowserServer, type LaunchOptions } from 'playwright-core'

// The package's own arguments switch off web security and site isolation: a test of CSP or cookies would prove nothing.
const ARGS = ['--no-sandbox', '--no-zygote', '--disable-gpu', '--disable-dev-shm-usage']

export const launchOptions = async (): Promise<LaunchOptions> => ({
  executablePath: await chromiumBinary.executablePath(),
  args: ARGS,
  headless: true,
})

/** One Chromium for the whole run; test files attach through its address. */
export const startBrowser = async (): Promise<BrowserServer> =>
  chromium.launchServer(await launchOptions())
