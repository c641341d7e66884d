import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { rows } from '../../src/db.ts'
import { PURPOSES } from '../../src/door.ts'
import { REGISTER } from '../../src/register.ts'
import { ROOT } from '../../src/root.ts'
import { BACKENDS, startApp, type Running } from '../support/app.ts'
import { newCanary, searchDump } from '../support/canaries.ts'
import { startGraph, type Graph } from '../support/graph.ts'
import { messageOf, messagesBody, postWebhook } from '../support/meta.ts'
import { program } from '../support/program.ts'
import { startMailServer, type MailServer } from '../support/smtp.ts'
import { watchSockets } from '../support/sockets.ts'
import { TRACKERS } from '../support/trackers.ts'
import { until } from '../support/until.ts'
import { visit } from '../support/visitor.ts'

const TRADE = /advert|ads?_|resale|sell|sale|enrich|broker|market|profil|track|analytic|monetiz/i
const filesIn = (folder: string, ending: RegExp): string[] =>
  readdirSync(path.join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => ending.test(name))
    .map((name) => path.join(folder, name))
const textOf = (file: string): string => readFileSync(path.join(ROOT, file), 'utf8')

describe('P33 — nothing is sold', () => {
  test('there is no purpose under which something could be sold, and nobody on the list buys', () => {
    expect(PURPOSES.length).toBeGreaterThan(3)
    expect(PURPOSES.filter((purpose) => TRADE.test(purpose))).toEqual([])
    const known = new Set<string>(PURPOSES)
    for (const { id, does, role, uses } of REGISTER) {
      expect([id, TRADE.test(`${id} ${does} ${role}`)]).toEqual([id, false])
      expect(uses.filter(({ purpose }) => !known.has(purpose))).toEqual([])
    }
  })

  test('no page, style, script or source names a tracker, and no package is one', () => {
    const files = [
      ...filesIn('views', /\.ejs$/),
      ...filesIn('public', /\.(js|css|svg|webmanifest)$/),
      ...filesIn('src', /\.ts$/),
      ...filesIn('workers', /\.ts$/),
    ]
    expect(files.length).toBeGreaterThan(400)
    const named = files.flatMap((file) => {
      const text = textOf(file).toLowerCase()
      return TRACKERS.filter((tracker) => text.includes(tracker)).map((name) => `${file}: ${name}`)
    })
    expect(named).toEqual([])
    const { packages } = JSON.parse(textOf('package-lock.json')) as {
      packages: Record<string, { dev?: boolean }>
    }
    const shipped = Object.keys(packages).filter((name) => name !== '' && !packages[name]?.dev)
    expect(shipped.length).toBeGreaterThan(50)
    expect(shipped.filter((name) => TRACKERS.some((one) => name.includes(one)))).toEqual([])
    expect(shipped.filter((name) => /analytics|tracking|advert/i.test(name))).toEqual([])
  })
})

describe('P33 — in a day’s work', () => {
  let app: Running
  let graph: Graph
  let mail: MailServer
  beforeAll(async () => {
    ;[graph, mail] = [await startGraph(), await startMailServer()]
    const env = { GRAPH_API_URL: graph.url, SMTP_URL: mail.url, TRUST_PROXY: '1' }
    app = await startApp({ backend: BACKENDS.at(-1) ?? 'postgres', env })
  })
  afterAll(async () => {
    await app.stop()
    await graph.stop()
    await mail.stop()
  })

  test('what a customer is and says goes to WhatsApp and to nobody else', async () => {
    const sockets = watchSockets()
    const org = await app.org()
    const [name, words, answer] = [newCanary(), newCanary(), newCanary()]
    const phone = `1555${String(process.pid).padStart(7, '7')}`
    const body = messagesBody(org.connection, { phone, name }, messageOf({ phone }, words))
    await postWebhook(app.url, org.connection, body)
    const shop = await program(app, org)
    const id = await until(async () => {
      const [found] = (await shop.get('/conversations')).body['data'] as { id: string }[]
      return found?.id
    })
    await shop.send('POST', `/conversations/${id}/messages`, {
      type: 'text',
      text: { body: answer },
    })
    await until(() => graph.calls.some(({ text }) => text === answer))
    await visit(app, { ip: '10.9.0.2' }).post('/reset', { email: org.owner.email })
    await until(() => mail.received.length > 0)
    const purposes = await until(async () => {
      const found = await app.on.db.withSystem((tx) =>
        rows<{ purpose: string }>(tx, 'select distinct purpose from egress_log order by purpose'),
      )
      return found.length >= 2 && found.map(({ purpose }) => purpose)
    })
    sockets.restore()

    expect(purposes).toEqual(['send_mail', 'send_message'])
    const call = graph.calls.find(({ text }) => text === answer)
    expect(call?.body.to).toBe(`+${phone}`)
    const mails = new Map([['mail', Buffer.from(mail.received.join('\n'))]])
    expect(searchDump(mails, [name, words, answer, phone])).toEqual([])
    const ours = [app.url, app.on.config.DATABASE_URL, app.on.config.REDIS_URL, graph.url, mail.url]
    const known = new Set(ours.flatMap((url) => (url ? [new URL(url).port] : [])))
    expect(sockets.opened.filter((at) => !known.has(at.split(':').at(-1) ?? ''))).toEqual([])
  })

  test('the same stands where browsers look for it', async () => {
    const gpc = await fetch(`${app.url}/.well-known/gpc.json`)
    expect(gpc.headers.get('content-type')).toContain('application/json')
    expect(await gpc.json()).toEqual({ gpc: true, lastUpdate: '2026-02-13' })
    const page = await (await fetch(`${app.url}/trust/processors`)).text()
    expect(page).toContain('Nothing is sold')
  })
})
