import { readFileSync } from 'node:fs'
import path from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { rows } from '../../src/db.ts'
import { advanceDue } from '../../src/deletions/advance.ts'
import { advanceExport } from '../../src/privacy/exports.ts'
import { tendRequests } from '../../src/rights/tend.ts'
import { startApp, type Running } from '../support/app.ts'
import { filesOf, newZip } from '../support/exports.ts'
import { read } from '../support/inbound.ts'
import { chatWith } from '../support/inbox.ts'
import { openBrowser, sit } from '../support/pages.ts'

const AXE = readFileSync(
  path.join(import.meta.dirname, '../../node_modules/axe-core/axe.min.js'),
  'utf8',
)
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

/** What axe finds on the page as it stands. */
async function findings(page: Page): Promise<string[]> {
  await page.evaluate(AXE)
  return page.evaluate<string[]>(
    `axe.run().then(({ violations }) => violations.map(({ id }) => location.pathname + ' ' + id))`,
  )
}

async function fetched(page: Page, button: string): Promise<string[]> {
  const [download] = await Promise.all([page.waitForEvent('download'), page.click(button)])
  const zip = newZip()
  await download.saveAs(zip)
  return Object.keys(await filesOf(zip))
}

test('somebody with an account sees, takes along, corrects, objects and deletes, from one page', async () => {
  const org = await app.org()
  const person = await org.person('agent')
  const { page, context, faults } = await sit(browser, app, org, { person, width: 390 })
  const found: string[] = []
  const go = async (right: string): Promise<void> => {
    await page.goto('/settings/privacy')
    await page.click(`#right-${right}`)
    await page.waitForLoadState()
    found.push(...(await findings(page)))
  }
  await page.goto('/settings/privacy')
  found.push(...(await findings(page)))
  await go('take')
  await page.click('#export')
  await page.getByText('Waiting to begin').waitFor()
  const [asked] = await app.on.db.withSystem((tx) =>
    rows<{ id: string }>(tx, 'select id from exports where requested_by = ?', [person.id]),
  )
  await advanceExport(app.on, asked?.id ?? '')
  await page.goto('/settings/profile/exports')
  const files = await fetched(page, `#fetch-${asked?.id}`)
  await go('see')
  await go('correct')
  await page.fill('#name', 'Maya Corrected')
  await page.click('#save')
  await page.getByText('Your name is changed.').waitFor()
  await go('object')
  await page.click('#usage-object')
  await page.getByText('Nothing is collected about you').waitFor()
  // What no page does alone a person is asked for, and its clock is shown.
  await page.goto('/settings/privacy')
  await page.click('#more-summary')
  await page.selectOption('#ask #kind', 'question')
  await page.fill('#text-box', 'Who reads this?')
  await page.click('#ask-now')
  await page.getByText('Your request is open.').waitFor()
  await page.getByRole('link', { name: /^Follow/ }).click()
  await page.getByText('It is open, and its clock runs.').waitFor()
  found.push(...(await findings(page)))
  await go('delete')
  await page.check('#sure')
  await page.click('#delete-account')
  await page.waitForURL(/\/deletion\//)
  await advanceDue(app.on, { now: app.on.now() })
  await page.reload()
  const says = await page.textContent('#says')
  await context.close()

  expect(files).toContain('data/users.jsonl')
  expect(says).toBe('It is done.')
  expect(found).toEqual([])
  expect(faults).toEqual([])
})

test('a customer’s five rights are exercised at the desk, from the chat to the closed request', async () => {
  const org = await app.org()
  const chat = await chatWith(app, org, 'MY DATA')
  for (const text of ['EXPORT MY DATA', 'CORRECT MY DATA', 'RESTRICT MY DATA', 'DELETE MY DATA'])
    await chat.says(text)
  const requests = await read<{ id: string; kind: string; contact_id: string }>(
    app.on,
    org,
    'select id, kind, contact_id from privacy_requests where org_id = :org',
  )
  const contact = requests[0]?.contact_id ?? ''
  const { page, context, faults } = await sit(browser, app, org, { width: 1280 })
  const found: string[] = []
  const open = async (kind: string): Promise<void> => {
    await page.goto(`/contacts/${contact}`)
    await page.click(`#answer-${requests.find((one) => one.kind === kind)?.id}`)
    await page.locator('#tools-title').waitFor()
    found.push(...(await findings(page)))
  }
  const close = async (words: string): Promise<void> => {
    await page.fill('#answer-words', words)
    await page.check('#answer-told')
    await page.click('#answer')
    await page.getByText(/^Closed /).waitFor()
  }
  const exported = async (): Promise<string[]> => {
    await page.click('#export-contact')
    await page.getByText('Waiting to begin').waitFor()
    const [asked] = await read<{ id: string }>(
      app.on,
      org,
      `select id from exports where org_id = :org and state = 'pending'`,
    )
    await advanceExport(app.on, asked?.id ?? '')
    await page.goto('/settings/privacy/exports')
    return fetched(page, `#fetch-${asked?.id}`)
  }
  await open('access')
  const seen = await exported()
  await open('access')
  await close('I sent you everything in a sealed file.')
  await open('export')
  const taken = await exported()
  await open('export')
  await close('Here it is for another program.')
  await open('correct')
  await page.click('#correct-contact')
  await page.fill('#name', 'Ana Correct')
  await page.click('#save')
  await page.getByRole('heading', { name: 'Ana Correct' }).waitFor()
  await open('correct')
  await close('Your name is written rightly now.')
  await open('restrict')
  await page.selectOption('#restriction-kind', 'no_marketing')
  await page.click('#put-in-force')
  await page.getByText('What was asked for is in force').waitFor()
  await close('You get no marketing from us any more.')
  const wishes = await read(app.on, org, 'select kind from restrictions where org_id = :org')
  await open('erase')
  await page.click('#begin-deletion')
  await page.locator('#being-deleted').waitFor()
  await advanceDue(app.on, { now: app.on.now() })
  await tendRequests(app.on, app.on.now())
  await page.goto('/settings/privacy/contacts?closed=1')
  found.push(...(await findings(page)))
  const closed = await page.locator('#requests tbody tr').count()
  const people = await read(app.on, org, 'select 1 from contacts where org_id = :org')
  await page.goto('/settings/privacy/contacts')
  const left = await page.locator('#no-requests').count()
  await context.close()

  expect([seen, taken].map((files) => files.includes('data/messages.jsonl'))).toEqual([true, true])
  expect(wishes).toEqual([{ kind: 'no_marketing' }])
  expect({ closed, people, left }).toEqual({ closed: 5, people: [], left: 1 })
  expect(found).toEqual([])
  expect(faults).toEqual([])
})
