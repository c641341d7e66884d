import chromiumBinary from '@sparticuz/chromium'
import { chromium, type BrowserServer } from 'playwright-core'

// The package's own arguments switch off web security and site isolation: a test of CSP or cookies would prove nothing.
const ARGS = ['--no-sandbox', '--no-zygote', '--disable-gpu', '--disable-dev-shm-usage']

/** One Chromium for the whole run; test files attach through its address. */
export async function startBrowser(): Promise<BrowserServer> {
  return chromium.launchServer({
    executablePath: await chromiumBinary.executablePath(),
    args: ARGS,
    headless: true,
  })
}
