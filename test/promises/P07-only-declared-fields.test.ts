import pg from 'pg'
import { rows } from '../../src/db.ts'
import { takeInventory } from '../../src/privacy/inventory.ts'
import { startApp, type Running } from '../support/app.ts'
import { dumpAll, newCanary, searchDump } from '../support/canaries.ts'
import { openCorpus } from '../support/corpus.ts'
import { agent } from '../support/inbox.ts'
import { arrive, read } from '../support/inbound.ts'
import { messageOf, messagesBody, newCustomer } from '../support/meta.ts'
import type { Org } from '../support/org.ts'

jest.setTimeout(120_000)

const webhooks = openCorpus('webhooks')
const SIZE = 16
type Loose = Record<string, unknown>

const isObject = (value: unknown): value is Loose =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The body with a field more in each object of it, at every level. */
function withCanary(value: unknown, canary: string): unknown {
  if (Array.isArray(value)) return value.map((item) => withCanary(item, canary))
  if (!isObject(value)) return value
  const inner = Object.entries(value).map(([key, item]) => [key, withCanary(item, canary)])
  return { ...(Object.fromEntries(inner) as Loose), canary_field: canary }
}

describe('P7 — only declared WhatsApp data is taken in', () => {
  let app: Running
  let org: Org
  let login: pg.Client
  beforeAll(async () => {
    app = await startApp({ workers: false })
    org = await app.org()
    login = new pg.Client({ connectionString: app.on.config.DATABASE_URL })
    await login.connect()
  })
  afterAll(async () => {
    await login.end()
    await app.stop()
  })

  /** Addressed to our number, with ids of its own: in the corpus the same stand in several files. */
  function ours(body: unknown, n: number): unknown {
    const text = JSON.stringify(body)
      .replaceAll(
        /"phone_number_id":"[^"]*"/g,
        `"phone_number_id":"${org.connection.phoneNumberId}"`,
      )
      .replaceAll(/"(wamid\.[^"]*|<WHATSAPP_MESSAGE_ID>)"/g, `"$1.${n}"`)
    return JSON.parse(text) as unknown
  }

  const findings = async (canaries: string[]) =>
    searchDump(await dumpAll(app, login, app.queuePrefix), canaries)

  webhooks.describe('of every kind of event that is known', () => {
    test('a field that nobody declared is kept in clear nowhere, at whatever level it stands', async () => {
      const kinds = new Map<string, string>()
      for (const file of webhooks.files) kinds.set(file.replace(/--.*/, ''), file)
      const bodies = [...kinds.values()].flatMap((file, n) => {
        const body = JSON.parse(webhooks.bytes(file).toString()) as unknown
        return isObject(body) ? [ours(body, n)] : []
      })
      const canary = newCanary()
      for (let n = 0; n < bodies.length; n += SIZE) {
        const set = bodies.slice(n, n + SIZE).map((body) => withCanary(body, canary) as Loose)
        await arrive(app.on, org, ...set)
      }
      const [stored] = await read<{ n: number; kinds: number }>(
        app.on,
        org,
        `select count(*)::int as n, count(distinct kind)::int as kinds from messages where org_id = :org`,
      )
      expect(bodies.length).toBeGreaterThan(150)
      expect(stored?.n).toBeGreaterThan(60)
      expect(stored?.kinds).toBeGreaterThan(15)
      expect(await findings([canary])).toEqual([])
      const { findings: stray } = await takeInventory(app.on, { orgs: [org.id] })
      expect(stray).toEqual([])
    })
  })

  test('what is declared is kept, and what is beside it only sealed', async () => {
    const ana = newCustomer()
    const canary = newCanary()
    const place = { latitude: -8.05, longitude: -34.9, name: 'Marco Zero', altitude: canary }
    const body = messagesBody(
      org.connection,
      ana,
      messageOf(ana, '', { type: 'location', location: place }),
    )
    await arrive(app.on, org, body)
    const [message] = await read<{ payload: Loose; raw: string }>(
      app.on,
      org,
      `select payload, raw from messages where org_id = :org and payload ->> 'name' = 'Marco Zero'`,
    )
    expect(message?.payload).toMatchObject({ latitude: -8.05, longitude: -34.9 })
    expect(message?.payload).not.toHaveProperty('altitude')
    expect(message?.raw).toMatch(/^v1\./)
    expect(await findings([canary])).toEqual([])
  })

  test('a kind nobody knows is shown as one that is not supported, and lies sealed', async () => {
    const ana = newCustomer()
    const canary = newCanary()
    const odd = messageOf(ana, '', { type: 'hologram', hologram: { text: canary } })
    await arrive(app.on, org, messagesBody(org.connection, ana, odd))
    const [message] = await read<{ conversation: string; text: null; raw: string }>(
      app.on,
      org,
      `select conversation_id as conversation, text, raw from messages where org_id = :org and kind = 'hologram'`,
    )
    expect(message).toMatchObject({ text: null, raw: expect.stringMatching(/^v1\./) as string })
    expect(await findings([canary])).toEqual([])
    const page = await (await agent(app, org)).get(`/inbox/${message?.conversation}`)
    expect(page.status).toBe(200)
    expect(page.text).toMatch(/not support|cannot be shown|kind of message/i)
    expect(page.text).not.toContain(canary)
  })

  test('another organization’s number and a wrong signature leave nothing here', async () => {
    const [before] = await app.on.db.withTenant(org.id, (tx) =>
      rows<{ n: number }>(tx, 'select count(*)::int as n from messages where org_id = ?', [org.id]),
    )
    const other = await app.org()
    const ana = newCustomer()
    await arrive(app.on, org, messagesBody(other.connection, ana, messageOf(ana, 'Hello')))
    const [after] = await app.on.db.withTenant(org.id, (tx) =>
      rows<{ n: number }>(tx, 'select count(*)::int as n from messages where org_id = ?', [org.id]),
    )
    expect(after).toEqual(before)
  })
})
