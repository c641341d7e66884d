import pg from 'pg'
import { rows } from '../../src/db.ts'
import { listKept } from '../../src/ops/mail.ts'
import { manifest } from '../../src/privacy/manifest.ts'
import { sweepRetention } from '../../src/privacy/retention.ts'
import { startApp, type Running } from '../support/app.ts'
import { newCanary } from '../support/canaries.ts'
import { startGraph, type Graph } from '../support/graph.ts'
import { agent } from '../support/inbox.ts'
import { arrive, read } from '../support/inbound.ts'
import { messageOf, messagesBody, newCustomer } from '../support/meta.ts'
import type { Org } from '../support/org.ts'
import { until } from '../support/until.ts'

jest.setTimeout(60_000)

/** What waits to be given to an organization is the system's to hold; it is sealed, and it can open none of it. */
const SEALED_POST = new Set(['dead_letters'])

describe('P11 — used for the CRM and for nothing else', () => {
  let app: Running
  let graph: Graph
  let org: Org
  let login: pg.Client
  beforeAll(async () => {
    graph = await startGraph()
    app = await startApp({ env: { GRAPH_API_URL: graph.url } })
    org = await app.org()
    login = new pg.Client({ connectionString: app.on.config.DATABASE_URL })
    await login.connect()
  })
  afterAll(async () => {
    await login.end()
    await app.stop()
    await graph.stop()
  })

  test('who writes usage, mail and metrics may read no column about a customer', async () => {
    const about = manifest.tables.flatMap(({ table, columns }) =>
      Object.entries(columns).flatMap(([column, { subject, category, sealed }]) =>
        subject === 'contact' && category !== 'system' && !sealed.startsWith('gcm')
          ? [{ table, column }]
          : [],
      ),
    )
    const { rows: open } = await login.query<{ name: string }>(
      `select t.name || '.' || t.col as name from unnest($1::text[], $2::text[]) as t (name, col)
        where has_column_privilege('cf_system', ('app.' || t.name)::regclass, t.col, 'select') order by 1`,
      [about.map(({ table }) => table), about.map(({ column }) => column)],
    )
    expect(about.length).toBeGreaterThan(60)
    expect(open.filter(({ name }) => !SEALED_POST.has(name.split('.')[0] ?? ''))).toEqual([])
    for (const table of ['contacts', 'contact_identities', 'conversations', 'messages', 'drafts'])
      await expect(
        app.on.db.withSystem((tx) => rows(tx, `select * from ${table} limit 1`)),
      ).rejects.toThrow(/permission denied/)
  })

  test('what a customer is called and writes reaches nobody but the customer', async () => {
    const [name, said, answer] = [newCanary(), newCanary(), newCanary()]
    const ana = { ...newCustomer(), name }
    await arrive(app.on, org, messagesBody(org.connection, ana, messageOf(ana, said)))
    const [found] = await read<{ id: string; contact: string }>(
      app.on,
      org,
      'select id, contact_id as contact from conversations where org_id = :org',
    )
    const maya = await agent(app, org, 'admin')
    await maya.get(`/inbox/${found?.id}?q=${said}`)
    await maya.get(`/contacts/${found?.contact}`)
    await maya.reply(found?.id ?? '', answer)
    await until(() => graph.calls.some(({ text }) => text === answer))
    await sweepRetention(app.on, app.on.now())
    const usage = await until(async () => {
      const events = await read(
        app.on,
        org,
        'select page, feature from usage_events where org_id = :org',
      )
      return events.length > 1 && events
    })
    const canaries = [name, said, answer, ana.phone ?? '']
    const letters = await listKept(app.on)
    const metrics = await (await fetch(`${app.url}/metrics`)).text()
    const { rows: log } = await login.query('select * from app.egress_log')
    const told = [usage, letters, metrics, log, app.lines]
      .map((one) => JSON.stringify(one))
      .join('\n')
    for (const canary of canaries) expect(told).not.toContain(canary)

    // What left for WhatsApp went to this very customer, and carries only what was written to them.
    const carrying = graph.calls.filter(({ body }) =>
      canaries.some((canary) => JSON.stringify(body).includes(canary)),
    )
    expect(carrying.length).toBeGreaterThan(0)
    for (const { body } of carrying) {
      expect(body.to?.replace('+', '')).toBe(ana.phone)
      expect(JSON.stringify(body)).not.toContain(name)
      expect(JSON.stringify(body)).not.toContain(said)
    }
  })
})
