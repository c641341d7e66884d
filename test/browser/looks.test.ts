import { readFileSync } from 'node:fs'
import path from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { beginFactor } from '../../src/accounts/second-factor.ts'
import { closeSandbox } from '../../src/sandbox/sandbox.ts'
import { firstTemplates } from '../../src/sandbox/template-shelf.ts'
import { storeListed } from '../../src/templates/sync.ts'
import { startApp, type Running } from '../support/app.ts'
import { read } from '../support/inbound.ts'
import { chatWith } from '../support/inbox.ts'
import type { Org } from '../support/org.ts'
import { openBrowser, picture, sideways, sit } from '../support/pages.ts'
import { openPhones, ownFolder } from '../support/phone.ts'

const AXE = readFileSync(
  path.join(import.meta.dirname, '../../node_modules/axe-core/axe.min.js'),
  'utf8',
)
type Checked = { passes: number; violations: { id: string; nodes: { target: string[] }[] }[] }

let app: Running
let browser: Browser
let org: Org
let conversation: string
let template: string
beforeAll(async () => {
  app = await startApp({ workers: false, env: { DATA_DIR: ownFolder() } })
  browser = await openBrowser()
  org = await app.org()
  await beginFactor(app.on, org.owner.id)
  await openPhones(app, org)
  const chat = await chatWith(app, org, 'Do you have this in blue? https://shop.example/dress', 30)
  await chat.says('A-very-long-word-'.repeat(30), 20)
  await chat.says('مرحبا، هل المقاس متوفر؟')
  conversation = chat.id
  const at = { org: org.id, waba: org.connection.wabaId }
  await app.on.db.withTenant(org.id, (tx) => storeListed(tx, at, firstTemplates(), new Date()))
  const [cards] = await read<{ id: string }>(
    app.on,
    org,
    `select id from templates where org_id = :org and name = 'coats_to_choose'`,
  )
  template = cards?.id ?? ''
  const closed = await chatWith(app, org, 'yesterday', 26 * 60)
  await read(
    app.on,
    org,
    `update conversations set last_message_preview = '[image]' where org_id = :org and id = '${closed.id}'`,
  )
})
afterAll(async () => {
  await browser.close()
  closeSandbox(app.on)
  await app.stop()
})

/** The dark theme changes colours and nothing else. */
const THEMES = {
  light: { rules: {}, least: 10, widths: [1440, 1100, 768, 390, 320] },
  dark: {
    rules: { runOnly: { type: 'rule', values: ['color-contrast'] } },
    least: 0,
    widths: [390],
  },
} as const
type Theme = keyof typeof THEMES

/** What axe finds, as "rule: where": empty when nothing. */
async function findings(page: Page, theme: Theme = 'light'): Promise<string[]> {
  const { rules, least } = THEMES[theme]
  await page.evaluate(AXE)
  const { passes, violations } = await page.evaluate<Checked>(
    `axe.run(${JSON.stringify(rules)}).then(({ passes, violations }) => ({ passes: passes.length, violations }))`,
  )
  // A check that looked at nothing would find nothing.
  expect(passes).toBeGreaterThan(least)
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target }) => `${id}: ${target.join(' ')}`),
  )
}

const MEMBER_PAGES = [
  '/inbox',
  '/inbox?view=resolved',
  '/inbox?q=nobody',
  '/inbox/CONVERSATION',
  '/inbox/CONVERSATION?panel=contact',
  '/contacts',
  '/templates',
  '/inbox/CONVERSATION/templates/TEMPLATE',
  '/sandbox',
  '/sandbox/gallery',
  '/settings/profile',
  '/settings/profile/exports',
  '/settings/privacy/exports',
  '/settings/organization',
  '/settings/members',
  '/settings/security',
  '/settings/security/audit',
  '/settings/security/second-factor',
  '/settings/connections',
  '/settings/connections/CONNECTION/disconnect',
  '/settings/api-keys',
  '/settings/privacy',
  '/settings/privacy/contacts/new',
  '/settings/privacy/answers',
  '/ops/rights/new',
  '/settings/privacy/delete',
  '/settings/usage',
  '/ops',
  '/ops/dead-letters',
  '/ops/findings',
  '/privacy',
  '/nowhere',
]
const PUBLIC_PAGES = [
  '/login',
  '/signup',
  '/reset',
  '/deletion',
  '/privacy',
  '/privacy/contact',
  '/privacy/versions',
  '/nowhere',
]

describe.each(['light', 'dark'] as const)('in %s', (theme) => {
  test.each([
    ...MEMBER_PAGES.map((page) => ['a member', page] as const),
    ...PUBLIC_PAGES.map((page) => ['nobody', page] as const),
  ])('%s finds %s without a fault, and nothing scrolls sideways', async (who, address) => {
    const person = who === 'nobody' ? null : org.owner
    const { page, context, faults } = await sit(browser, app, org, { theme, person })
    const here = address.replace('CONNECTION', org.connection.id)
    await page.goto(here.replace('CONVERSATION', conversation).replace('TEMPLATE', template))
    const found = await findings(page, theme)
    const widths: number[] = []
    for (const width of THEMES[theme].widths) {
      await page.setViewportSize({ width, height: 800 })
      widths.push(await sideways(page))
    }
    const narrow = await findings(page, theme)
    await context.close()

    expect({ found, narrow }).toEqual({ found: [], narrow: [] })
    expect(widths).toEqual(THEMES[theme].widths.map(() => 0))
    // A page that is not there is a 404 on purpose, and the console says so.
    expect(faults.filter((fault) => !(address === '/nowhere' && fault.includes('404')))).toEqual([])
  })

  test.each([1440, 1100, 390])(
    'the inbox is pictured at %d px, and nothing in it jumps',
    async (width) => {
      const { page, context } = await sit(browser, app, org, { theme, width })
      await page.addInitScript(`{
      window.shift = 0
      const add = (list) => { for (const { value } of list.getEntries()) window.shift += value }
      new PerformanceObserver(add).observe({ type: 'layout-shift', buffered: true })
    }`)
      await page.goto('/inbox')
      await picture(page, `inbox-list-${width}-${theme}`)
      await page.goto(`/inbox/${conversation}`, { waitUntil: 'load' })
      await picture(page, `inbox-thread-${width}-${theme}`)
      const shift = await page.evaluate('window.shift')
      await context.close()

      expect(shift).toBeLessThan(0.02)
    },
  )
})

test('menus and lists of keys have no fault either', async () => {
  const { page, context, faults } = await sit(browser, app, org)
  // A colour on its way to another one is neither.
  await page.emulateMedia({ reducedMotion: 'reduce' })
  await page.goto(`/inbox/${conversation}`)
  const found: string[] = []
  for (const opener of ['#rail-help', '#rail-me', '#assign']) {
    await page.click(opener)
    found.push(...(await findings(page)))
    await page.keyboard.press('Escape')
  }
  await context.close()

  expect(found).toEqual([])
  expect(faults).toEqual([])
})
