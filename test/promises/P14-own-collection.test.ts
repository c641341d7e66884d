import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { createWeb } from '../../src/listener.ts'
import type { UsageJob } from '../../src/queues.ts'
import { readOwnUsage, storeUsage } from '../../src/usage/usage.ts'
import { ROOT } from '../../src/root.ts'
import { startApp, type Running } from '../support/app.ts'
import { openBrowser, sit } from '../support/pages.ts'
import { talkWith } from '../support/program.ts'
import { waysInto } from '../support/routes.ts'
import { signInAs } from '../support/sign-in.ts'
import { until } from '../support/until.ts'

jest.setTimeout(120_000)

describe('P14 — collected by our own queue and worker; nobody else watches', () => {
  const now = new Date('2026-11-24T10:00:00Z')
  let app: Running
  beforeAll(async () => {
    app = await startApp({ workers: false, now: () => now })
  })
  afterAll(() => app.stop())

  test('a queue that never answers holds up no page', async () => {
    const org = await app.org()
    const cookie = await signInAs(app.on, org, org.owner)
    const add = app.on.queues.addUsage
    let asked = 0
    let release: (() => void) | undefined
    app.on.queues.addUsage = () => {
      asked += 1
      return new Promise((done) => (release = done))
    }
    const look = () => fetch(`${app.url}/contacts`, { headers: { cookie } })
    expect((await look()).status).toBe(200)
    await until(() => asked > 0)
    expect((await look()).status).toBe(200)
    release?.()
    app.on.queues.addUsage = add
  })

  test('a queue that is away costs events, which are counted, and no answer', async () => {
    const org = await app.org()
    const cookie = await signInAs(app.on, org, org.owner)
    const add = app.on.queues.addUsage
    app.on.queues.addUsage = () => Promise.reject(new Error('away'))
    expect((await fetch(`${app.url}/contacts`, { headers: { cookie } })).status).toBe(200)
    await until(() => app.lines.some((line) => /"dropped":\d+.+usage events dropped/.test(line)))
    app.on.queues.addUsage = add
  })

  test('a job that runs twice stores once, with the time it happened', async () => {
    const org = await app.org()
    const cookie = await signInAs(app.on, org, org.owner)
    const jobs: UsageJob[] = []
    app.on.queues.addUsage = (job) => Promise.resolve(void jobs.push(job))
    await fetch(`${app.url}/contacts`, { headers: { cookie } })
    const job = await until(() => jobs.find((one) => one.org === org.id))
    expect(await storeUsage(app.on, job)).toBe(1)
    expect(await storeUsage(app.on, job)).toBe(0)
    const own = await app.on.db.withTenant(org.id, (tx) => readOwnUsage(tx, org.id, org.owner.id))
    expect(own.events).toEqual([{ page: '/contacts', feature: null, at: now }])
  })

  test('a page lets the browser talk to nobody but us', async () => {
    const answer = await fetch(`${app.url}/signin`)
    expect(answer.headers.get('content-security-policy')).toMatch(
      /^default-src 'none';(?:(?!https?:|\*)[^])*$/,
    )
    const page = await answer.text()
    expect(page).toContain('<link')
    expect(page).not.toMatch(/<(?:script|link|img|iframe)\b[^>]*(?:src|href)="(?:https?:)?\/\//)
  })

  test('a browser that opens every page there is asks nobody but us', async () => {
    const org = await app.org()
    const { conversation, contact } = await talkWith(app, org)
    const browser = await openBrowser()
    const { page, context } = await sit(browser, app, org)
    const foreign: string[] = []
    let asked = 0
    context.on('request', (request) => {
      asked += 1
      const url = request.url()
      if (!url.startsWith(`${app.url}/`) && !/^(data|blob):/.test(url)) foreign.push(url)
    })
    const ids: Record<string, string> = { inbox: conversation, contacts: contact }
    const pages = waysInto(createWeb(app.on).app)
      .filter(
        ({ method, path: at }) => method === 'GET' && !/[*{]|stream|\/api\/|\/health/.test(at),
      )
      .map(({ path: at }) =>
        at.replace(/:\w+/, ids[at.split('/')[1] ?? ''] ?? org.connection.id).replace(/:\w+/g, 'x'),
      )
    for (const at of new Set(pages))
      await page.goto(at, { waitUntil: 'load' }).catch((error: Error) => {
        // A file is downloaded, not shown.
        if (!/Download is starting|ERR_ABORTED/.test(error.message)) throw error
      })
    await browser.close()
    expect(pages.length).toBeGreaterThan(40)
    expect(asked).toBeGreaterThan(pages.length)
    expect(foreign).toEqual([])
  })

  test('no template and no style names another origin, but in links that a person follows', () => {
    const files = ['views', 'public'].flatMap((folder) =>
      readdirSync(path.join(ROOT, folder), { recursive: true, encoding: 'utf8' })
        .filter((name) => /\.(ejs|css|js|svg)$/.test(name))
        .map((name) => path.join(ROOT, folder, name)),
    )
    expect(files.length).toBeGreaterThan(50)
    const loads =
      /(?:<(?:script|link|img|iframe|source|video|audio|embed|object|form)\b[^>]*\b(?:src|href|srcset|data|action)=["']|url\(["']?|@import\s+["']|\b(?:fetch|sendBeacon|WebSocket|EventSource)\(["'`])(?:https?:|wss?:)?\/\//i
    expect(files.filter((file) => loads.test(readFileSync(file, 'utf8')))).toEqual([])
  })
})
