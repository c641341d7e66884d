import { mkdir, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { Redis } from 'ioredis'
import pg from 'pg'
import { SYSTEM } from '../../src/audit/audit.ts'
import { advanceDue } from '../../src/deletions/advance.ts'
import { requestDeletion } from '../../src/deletions/request.ts'
import { takeInventory } from '../../src/privacy/inventory.ts'
import { sweepRetention } from '../../src/privacy/retention.ts'
import { BACKENDS, startApp, type Running } from '../support/app.ts'
import { startGraph, type Graph } from '../support/graph.ts'
import { agent, chatWith } from '../support/inbox.ts'
import { arrive, read } from '../support/inbound.ts'
import { bodyAround, statusOf } from '../support/meta.ts'
import type { Org } from '../support/org.ts'
import { program } from '../support/program.ts'
import { until } from '../support/until.ts'
import { visit } from '../support/visitor.ts'

jest.setTimeout(60_000)

describe.each(BACKENDS)('P9 — no column without a reason, queues in %s', (backend) => {
  let app: Running
  let graph: Graph
  let org: Org
  let login: pg.Client
  beforeAll(async () => {
    graph = await startGraph()
    app = await startApp({ backend, env: { GRAPH_API_URL: graph.url } })
    org = await app.org()
    login = new pg.Client({ connectionString: app.on.config.DATABASE_URL })
    await login.connect()
  })
  afterAll(async () => {
    await login.end()
    await app.stop()
    await graph.stop()
  })

  const findings = async (): Promise<string[]> =>
    (await takeInventory(app.on)).findings.map(({ kind, name, what }) => `${kind} ${name} ${what}`)

  /** People and programs at work, so that every store has something in it. */
  async function work(): Promise<void> {
    const maya = await agent(app, org, 'admin')
    const chat = await chatWith(app, org, 'Is it in stock?')
    await maya.reply(chat.id, 'Two left')
    const [sent] = await until(async () => {
      const found = await read<{ wamid: string }>(
        app.on,
        org,
        `select wamid from messages where org_id = :org and direction = 'out' and wamid is not null`,
      )
      return found.length > 0 && found
    })
    const failed = {
      errors: [{ code: 131_026, title: 'Undeliverable', error_data: { details: 'x' } }],
    }
    const pricing = { pricing: { billable: true, pricing_model: 'PMP', category: 'service' } }
    const statuses = [
      statusOf(sent?.wamid ?? '', 'delivered', new Date(), pricing),
      statusOf('wamid.unknown', 'failed', new Date(), failed),
    ]
    await arrive(app.on, org, bodyAround(org.connection, { statuses }))
    const shop = await program(app, org)
    const person = { phone: '+4915112345678', name: 'Ana', attributes: { city: 'Recife' } }
    await shop.send('POST', '/contacts', person, { 'Idempotency-Key': 'order-1' })
    await visit(app).post('/signup', {
      organization: 'Second shop',
      name: 'Leo',
      email: 'leo@example.test',
      password: 'quiet harbour lantern',
    })
    const wish = { kind: 'contact', org: org.id, road: 'agent', by: SYSTEM } as const
    const [ana] = await read<{ id: string }>(
      app.on,
      org,
      `select id from contacts where org_id = :org and name = 'Ana'`,
    )
    await requestDeletion(app.on, { ...wish, subject: ana?.id ?? '' })
    await advanceDue(app.on, { now: app.on.now() })
    await sweepRetention(app.on, app.on.now())
    await maya.post('/settings/privacy/exports')
    await until(async () => {
      const made = await read(
        app.on,
        org,
        `select 1 from exports where org_id = :org and state = 'ready'`,
      )
      return made.length > 0
    })
  }

  test('after people have worked with it, everything that holds something has its entry', async () => {
    await work()
    expect(await findings()).toEqual([])
    const { columns } = await takeInventory(app.on)
    expect(columns.live).toBeGreaterThan(300)
    expect(columns.declared).toBe(columns.live)
  })

  /** A name of ours in the store of the queues that no entry has. */
  async function plantKey(): Promise<() => Promise<void>> {
    if (backend === 'redis') {
      const redis = new Redis(app.on.config.REDIS_URL ?? '')
      await redis.set(`${app.queuePrefix}:typing:x`, '1')
      return async () => {
        await redis.del(`${app.queuePrefix}:typing:x`)
        redis.disconnect()
      }
    }
    await login.query(
      `insert into jobs.meta (queue, field, value) values ('typing', 'version', '1')`,
    )
    return async () => void (await login.query(`delete from jobs.meta where queue = 'typing'`))
  }

  test('a table, a column, a path in JSON, a key and a file too many are five findings', async () => {
    const folder = path.join(app.on.config.DATA_DIR, 'thumbnails')
    await mkdir(folder, { recursive: true })
    await writeFile(path.join(folder, 'ana.jpg'), 'x')
    const takeBack = await plantKey()
    await login.query(`
      alter table app.contacts add column birthday date;
      create table app.moods (mood text);
      update app.messages set payload = payload || '{"shopping_list": {"note": "x"}}'`)
    expect(await findings()).toEqual([
      'column contacts.birthday undeclared',
      'column moods.mood undeclared',
      'path messages.payload: shopping_list.note undeclared',
      'key typing undeclared',
      'file thumbnails/ana.jpg undeclared',
    ])
    await takeBack()
    await rm(folder, { recursive: true })
    await login.query(`
      alter table app.contacts drop column birthday;
      drop table app.moods;
      update app.messages set payload = payload - 'shopping_list'`)
    expect(await findings()).toEqual([])
  })

  if (backend === 'postgres')
    test('a view, another schema, a column that was renamed, dropped or became JSON are named too', async () => {
      await login.query(`
        create view app.names as select name from app.contacts;
        create schema extra; create table extra.notes (note text);
        alter table app.drafts rename column updated_at to touched_at;
        alter table app.connections drop column quality;
        alter table app.connections alter column throughput drop default,
          alter column throughput type jsonb using to_jsonb(throughput)`)
      expect(await findings()).toEqual([
        'column drafts.touched_at undeclared',
        'column names.name undeclared',
        'column extra.notes.note undeclared',
        'path connections.throughput undeclared',
        'column connections.quality gone',
        'column drafts.updated_at gone',
      ])
    })
})
