import { createServer, type Server } from 'node:http'
import type { AddressInfo, LookupFunction } from 'node:net'
import { createContact } from '../../src/contacts/changes.ts'
import { rows } from '../../src/db.ts'
import type { Processor } from '../../src/door.ts'
import { openEgress, type Egress } from '../../src/egress.ts'
import { endConnection } from '../../src/meta/disconnect.ts'
import { SYSTEM } from '../../src/audit/audit.ts'
import { sweepRetention } from '../../src/privacy/retention.ts'
import { isPublic } from '../../src/public-address.ts'
import { REGISTER } from '../../src/register.ts'
import { Secret } from '../../src/secret.ts'
import { BACKENDS, startApp, type Running } from '../support/app.ts'
import { startGraph, type Graph } from '../support/graph.ts'
import { messageOf, messagesBody, newCustomer, postWebhook } from '../support/meta.ts'
import { program, talkWith } from '../support/program.ts'
import { startMailServer, type MailServer } from '../support/smtp.ts'
import { watchSockets } from '../support/sockets.ts'
import { until } from '../support/until.ts'
import { visit } from '../support/visitor.ts'
import {
  madeUpImports,
  sources,
  strayCalls,
  strayImports,
  strayNames,
} from '../support/ways-out.ts'

describe('P34 — nothing in the code reaches out but the door', () => {
  test('each way out is imported only where it may be', () => {
    expect(sources().length).toBeGreaterThan(200)
    expect(strayImports()).toEqual([])
  })

  test('of Node’s own network modules only what listens and names', () => {
    expect(strayNames()).toEqual([])
  })

  test('no global fetch, no WebSocket, and no import whose name is made up', () => {
    expect(strayCalls()).toEqual([])
    expect(madeUpImports()).toEqual(['src/migrate.ts'])
  })
})

test('P34 — knows a public address from every other', () => {
  const others =
    '0.0.0.0 10.1.2.3 100.64.0.1 127.0.0.1 169.254.169.254 172.31.0.1 192.0.0.1 192.168.1.1 198.18.0.1 203.0.113.5 224.0.0.1 255.255.255.255 :: ::1 ::ffff:8.8.8.8 fe80::1 fd00::1 fd00:ec2::254 64:ff9b::7f00:1 2002:7f00:1:: 2001:0:1:: 2001:db8::1 3fff::1 ff02::1 localhost'
  expect(others.split(' ').filter(isPublic)).toEqual([])
  const open = ['8.8.8.8', '31.13.64.1', '172.32.0.1', '2a03:2880:f003::1', '2606:4700::1']
  expect(open.filter((address) => !isPublic(address))).toEqual([])
})

describe('P34 — the door', () => {
  const now = new Date('2026-11-24T10:00:00Z')
  let server: Server
  let other: Server
  let hits: string[]
  let egress: Egress
  let answers: { address: string; family: number }[][]
  const portOf = (one: Server): number => (one.address() as AddressInfo).port
  const noted: unknown[] = []

  beforeAll(async () => {
    const start = async (name: string, location?: () => string): Promise<Server> => {
      const made = createServer((req, res) => {
        hits.push(`${name} ${req.headers.authorization ?? ''}`)
        res.writeHead(location ? 302 : 200, location ? { location: location() } : {}).end('x')
      })
      await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve))
      return made
    }
    other = await start('other')
    server = await start('cdn', () => `http://127.0.0.1:${portOf(other)}/secret`)
  })
  beforeEach(() => {
    hits = []
    noted.length = 0
  })
  afterEach(() => egress.close())
  afterAll(() => {
    server.close()
    other.close()
  })

  const meta = REGISTER.find(({ id }) => id === 'meta') as Processor
  const config = {
    GRAPH_API_URL: 'https://graph.facebook.com',
    GRAPH_API_VERSION: 'v26.0',
    DATABASE_URL: 'postgres://db/x',
    MEDIA_URL: 'file:/x',
  }
  /** What every name is answered with, one list a look-up. */
  const lookup: LookupFunction = (_name, _options, answer) => {
    const list = answers.shift() ?? []
    answer(null, list)
  }
  const open = (more: object = {}, register = [meta]): void => {
    egress = openEgress(
      { ...config, ...more },
      { register, lookup, now: () => now, note: (sortie) => void noted.push(sortie) },
    )
  }
  const get = (url: string) =>
    egress.fetch({ purpose: 'fetch_media', org: null, url, token: new Secret('t', 'call_graph') })
  const v4 = (address: string) => ({ address, family: 4 })

  test.each([
    'https://evil.example.com/',
    'https://lookaside.fbsbx.com.evil.example/',
    'https://evilfbsbx.com/',
    'https://lookaside.fbsbx.com:8443/',
    'http://lookaside.fbsbx.com/',
    'https://user:pass@lookaside.fbsbx.com/',
    'http://[::ffff:127.0.0.1]/',
    'http://2130706433/',
    'http://0x7f.1/',
    'http://017700000001/',
    'https://169.254.169.254/latest/meta-data',
    'https://localhost./',
    'file:///etc/passwd',
    'ftp://lookaside.fbsbx.com/',
    'gopher://127.0.0.1/',
    'data:text/plain,x',
    'not an address',
  ])('is shut for %s, and no socket is opened', async (url) => {
    open()
    const sockets = watchSockets()
    expect(await get(url)).toEqual({ outcome: 'not_sent', reason: 'EGRESS_DENIED' })
    sockets.restore()
    expect([sockets.opened, sockets.looked, noted]).toEqual([[], [], []])
  })

  test('is shut for a purpose that a host does not stand there for', async () => {
    open()
    const url = 'https://lookaside.fbsbx.com/x'
    expect(await egress.fetch({ purpose: 'send_mail', org: null, url })).toMatchObject({
      reason: 'EGRESS_DENIED',
    })
    await expect(
      egress.mail({ from: 'a', to: 'b', subject: 's', text: 't', messageId: 'm' }, null),
    ).rejects.toThrow('the door does not open')
  })

  test('connects to no private address that a public name is said to have', async () => {
    open()
    const url = `https://lookaside.fbsbx.com/x`
    for (const list of [
      [v4('127.0.0.1')],
      [v4('31.13.64.1'), v4('10.0.0.1')],
      [{ address: '::1', family: 6 }],
      [],
    ]) {
      answers = [list]
      expect(await get(url)).toEqual({ outcome: 'not_sent', reason: 'PRIVATE_ADDRESS' })
    }
    expect(hits).toEqual([])
  })

  test('connects to what it looked up and judged, however the name changes afterwards', async () => {
    const asHttps = {
      ...meta,
      hosts: () => [{ name: 'cdn.test', port: portOf(server), isTyped: false }],
    }
    open({ EGRESS_ALLOW_CIDR: '127.0.0.1/32' }, [asHttps])
    answers = [[v4('127.0.0.1')], [v4('10.0.0.1')]]
    // Nobody speaks TLS there: what counts is that one look-up led to one connection, at the judged address.
    const sockets = watchSockets()
    expect((await get(`https://cdn.test:${portOf(server)}/x`)).outcome).toBe('unknown')
    sockets.restore()
    expect(sockets.opened).toHaveLength(1)
    expect(answers).toHaveLength(1)
  })

  test('follows no redirect, and takes its token nowhere else', async () => {
    const typed = {
      ...meta,
      hosts: () => [{ name: '127.0.0.1', port: portOf(server), isTyped: true }],
    }
    open({}, [typed])
    const answer = await get(`http://127.0.0.1:${portOf(server)}/x`)
    expect(answer).toMatchObject({ outcome: 'answered', status: 302 })
    if (answer.outcome === 'answered') answer.body.resume()
    expect(hits).toEqual(['cdn Bearer t'])
    expect(noted).toEqual([
      { at: now, host: '127.0.0.1', purpose: 'fetch_media', org: null, bytes: 0, status: 302 },
    ])
  })
})

describe('P34 — what the product does all day', () => {
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

  const log = () =>
    app.on.db.withSystem((tx) =>
      rows<{ host: string; purpose: string; org_id: string | null; bytes: number; status: number }>(
        tx,
        'select host, purpose, org_id, bytes, status from egress_log order by at, id',
      ),
    )

  test('opens connections to its database, its queue and through the door, and each time the door says so', async () => {
    const sockets = watchSockets()
    const org = await app.org()
    const ana = newCustomer()
    await postWebhook(
      app.url,
      org.connection,
      messagesBody(org.connection, ana, messageOf(ana, 'Hello')),
    )
    const talk = await talkWith(app, org)
    const shop = await program(app, org)
    const sent = await shop.send('POST', `/conversations/${talk.conversation}/messages`, {
      type: 'text',
      text: { body: 'Two are left' },
    })
    expect(sent.status).toBe(202)
    await until(() => graph.calls.some(({ text }) => text === 'Two are left'))
    await visit(app, { ip: '10.9.0.1' }).post('/reset', { email: org.owner.email })
    await until(() => mail.received.length > 0)
    await createContact(app.on, org.id, { name: 'Bo', phone: '+4915112345678' })
    await endConnection(app.on, { org: org.id, id: org.connection.id, by: SYSTEM })
    const found = await until(async () => {
      const entries = await log()
      return entries.length >= graph.calls.length + mail.received.length && entries
    })
    sockets.restore()

    expect(found.map(({ purpose, org_id }) => `${purpose} ${org_id}`).toSorted()).toEqual([
      `end_subscription ${org.id}`,
      'send_mail null',
      `send_message ${org.id}`,
    ])
    expect(found.every(({ bytes, status }) => status >= 200 && bytes >= 0)).toBe(true)
    expect(found).toHaveLength(graph.calls.length + mail.received.length)
    const own = [app.url, app.on.config.DATABASE_URL, app.on.config.REDIS_URL, graph.url, mail.url]
    const known = new Set(
      own.flatMap((url) => (url ? [new URL(url).host.replace('localhost', '127.0.0.1')] : [])),
    )
    const strays = sockets.opened.filter((at) => !known.has(at.replace('localhost', '127.0.0.1')))
    expect(sockets.opened.length).toBeGreaterThan(5)
    expect(strays).toEqual([])
    expect(sockets.looked.filter((name) => !/^(localhost|127\.0\.0\.1)$/.test(name))).toEqual([])
  })

  test('what is written of it names nobody and says nothing, and goes after thirty days', async () => {
    const text = JSON.stringify(await log())
    expect(text).not.toMatch(/Two are left|example\.test|4915112345678|wamid|token-/)
    expect((await log()).length).toBeGreaterThan(0)
    await sweepRetention(app.on, new Date(Date.now() + 29 * 86_400_000))
    expect((await log()).length).toBeGreaterThan(0)
    await sweepRetention(app.on, new Date(Date.now() + 31 * 86_400_000))
    expect(await log()).toEqual([])
  })
})
