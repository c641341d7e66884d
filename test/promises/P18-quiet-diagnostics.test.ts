import { Redis } from 'ioredis'
import pg from 'pg'
import { createApiKey } from '../../src/accounts/api-keys.ts'
import { newId } from '../../src/ids.ts'
import { complain } from '../../src/lifetime.ts'
import { createWeb } from '../../src/listener.ts'
import { sealedBody } from '../support/inbound.ts'
import { waysInto, type Way } from '../support/routes.ts'
import { rows } from '../../src/db.ts'
import { BACKENDS, startApp, type Running } from '../support/app.ts'
import { newCanary } from '../support/canaries.ts'
import { messageOf, messagesBody, newCustomer, postWebhook } from '../support/meta.ts'
import type { Org } from '../support/org.ts'
import { signInAs } from '../support/sign-in.ts'
import { until } from '../support/until.ts'
import { visit } from '../support/visitor.ts'

jest.setTimeout(120_000)

describe.each(BACKENDS)('P18 — repaired without looking inside, queues in %s', (backend) => {
  let app: Running
  let org: Org
  beforeAll(async () => {
    app = await startApp({ backend })
    org = await app.org()
  })
  afterAll(() => app.stop())

  const metrics = async (): Promise<string> => (await fetch(`${app.url}/metrics`)).text()
  const said = async (): Promise<string> => `${app.lines.join('\n')}\n${await metrics()}`

  test('a failing page shows and logs nothing of what was sent to it', async () => {
    const canary = newCanary()
    const visitor = visit(app, { cookie: await signInAs(app.on, org, org.owner) })
    // A database that refuses the very statement whose values hold the canary.
    const { withTenant } = app.on.db
    app.on.db.withTenant = () =>
      Promise.reject(
        Object.assign(new Error(`duplicate key value: (${canary})`), {
          code: 'XX001',
          detail: `Key (name)=(${canary}) already exists.`,
          where: canary,
        }),
      )
    const answer = await visitor.post('/contacts', {
      name: canary,
      phone: '+4915112345678',
      email: '',
    })
    app.on.db.withTenant = withTenant
    expect(answer.status).toBe(500)
    expect(answer.text).not.toContain(canary)
    expect(answer.text).not.toMatch(/\.ts:\d+/)
    expect(app.lines.join('\n')).toContain('XX001')
    expect(await said()).not.toContain(canary)
  })

  test('a webhook that cannot be stored leaves its reason and nothing of its words', async () => {
    const canary = newCanary()
    const ana = { ...newCustomer(), name: canary }
    const odd = messageOf(ana, canary, { id: 7, [canary]: canary })
    const answer = await postWebhook(
      app.url,
      org.connection,
      messagesBody(org.connection, ana, odd),
    )
    expect(answer.status).toBe(200)
    const [letter] = await until(async () => {
      const found = await app.on.db.withSystem((tx) =>
        rows<{ text: string }>(tx, 'select d::text as text from dead_letters d where org_id = ?', [
          org.id,
        ]),
      )
      return found.length > 0 && found
    })
    expect(letter?.text).toContain('parse')
    expect(letter?.text).not.toContain(canary)
    expect(await said()).not.toContain(canary)
  })

  /** The database as it fails with the words of a row in its mouth; signing in still works. */
  function breakDatabase(canary: string): { restore(): void; broken(): number } {
    const { withTenant, withSystem } = app.on.db
    let broken = 0
    const words = (): Error => {
      broken += 1
      return Object.assign(new Error(`value too long: (${canary})`), {
        code: 'XX001',
        detail: `Key (email)=(${canary}) already exists.`,
        where: canary,
        internalQuery: `select '${canary}'`,
        query: `select '${canary}'`,
        parameters: [canary],
      })
    }
    const isEntry = /accounts\/(sessions|api-keys|sudo)\.ts/
    app.on.db.withTenant = () => Promise.reject(words())
    app.on.db.withSystem = (work) =>
      isEntry.test(new Error().stack ?? '') ? withSystem(work) : Promise.reject(words())
    return {
      restore: () => void Object.assign(app.on.db, { withTenant, withSystem }),
      broken: () => broken,
    }
  }

  type Hands = { canary: string; key: string; Cookie: string }
  const FIELDS = ['name', 'email', 'phone', 'text', 'body', 'password', 'organization', 'q', 'to']

  /** Asks at one door with the canary in everything that a stranger may choose. */
  async function knock(
    { method, path: at, level }: Way,
    { canary, key, Cookie }: Hands,
  ): Promise<{ status: number; text: string }> {
    const isRead = ['GET', 'ALL'].includes(method)
    const isKeyed = level === 'key'
    const form = Object.fromEntries(FIELDS.map((name) => [name, canary]))
    const body = isKeyed ? JSON.stringify(form) : new URLSearchParams(form)
    const answer = await fetch(`${app.url}${at.replace(/:\w+/g, org.connection.id)}?q=${canary}`, {
      method: isRead ? 'GET' : method,
      redirect: 'manual',
      headers: {
        Origin: app.url,
        'User-Agent': canary,
        'Idempotency-Key': newId(),
        'Content-Type': isKeyed ? 'application/json' : 'application/x-www-form-urlencoded',
        ...(isKeyed ? { Authorization: `Bearer ${key}` } : { Cookie }),
      },
      ...(isRead ? {} : { body }),
    })
    return { status: answer.status, text: await answer.text() }
  }

  test('every way into the product fails without a word of what was sent to it', async () => {
    const canary = newCanary()
    const { key } = await createApiKey(app.on, org.id, { name: 'quiet' })
    const Cookie = await signInAs(app.on, org, org.owner)
    const loud: string[] = []
    let failed = 0
    const database = breakDatabase(canary)
    for (const way of waysInto(createWeb(app.on).app)) {
      if (way.path.includes('stream') || way.path.includes('/events')) continue
      const { status, text } = await knock(way, { canary, key, Cookie })
      if (status < 500) continue
      failed += 1
      if (text.includes(canary)) loud.push(`${way.method} ${way.path}`)
    }
    database.restore()
    expect(database.broken()).toBeGreaterThan(30)
    expect(failed).toBeGreaterThan(30)
    expect(loud).toEqual([])
    expect((await said()).split('\n').filter((line) => line.includes(canary))).toEqual([])
    const line = app.lines.find(
      (one) => one.includes('request failed') && one.includes('"/contacts/:id"'),
    )
    expect(JSON.parse(line ?? '{}')).toMatchObject({ err: { code: 'XX001' }, org: org.id })
  })

  test('every worker fails without a word in its log or in the store of its queue', async () => {
    const canary = newCanary()
    const ana = { ...newCustomer(), name: canary }
    const body = sealedBody(
      app.on,
      org.connection,
      messagesBody(org.connection, ana, messageOf(ana, canary)),
    )
    const database = breakDatabase(canary)
    const { queues } = app.on
    await queues.addInbound([body])
    await queues.ring({ org: org.id, connection: org.connection.id })
    await queues.addMail(newId())
    await queues.addExport(newId())
    await queues.addUsage({
      org: org.id,
      events: [{ id: newId(), ref: newId(), page: '/inbox', feature: null, at: Date.now() }],
    })
    const hasFailed = (name: string): boolean =>
      app.lines.some((line) => line.includes('job failed') && line.includes(`"queue":"${name}"`))
    const isKept = (): boolean =>
      app.lines.some((line) => line.includes('XX001') && line.includes('"inbound"'))
    await until(() => ['outbound', 'mail', 'export', 'usage'].every(hasFailed) && isKept())
    database.restore()
    expect(await said()).not.toContain(canary)
    const login = new pg.Client({ connectionString: app.on.config.DATABASE_URL })
    await login.connect()
    const { rows: tables } = await login.query<{ name: string }>(
      `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname = 'jobs'
       union all select 'app.dead_letters'`,
    )
    for (const { name } of tables) {
      const { rows: kept } = await login.query<{ text: string }>(
        `select t::text as text from ${name} t`,
      )
      expect([name, kept.filter(({ text }) => text.includes(canary))]).toEqual([name, []])
    }
    await login.end()
    expect(backend === 'redis' ? await inRedis(canary) : []).toEqual([])
  })

  /** Keys of this run's queues that hold the word. */
  async function inRedis(word: string): Promise<string[]> {
    const client = new Redis(process.env['TEST_REDIS_URL'] ?? '')
    const keys = await client.keys(`*${app.queuePrefix}*`)
    expect(keys.length).toBeGreaterThan(5)
    const found: string[] = []
    for (const key of keys)
      if (
        (await client.type(key)) === 'hash' &&
        JSON.stringify(await client.hgetall(key)).includes(word)
      )
        found.push(key)
    client.disconnect()
    return found
  }
})

describe('P18 — a process that breaks', () => {
  test('says the kind and the place, also of what caused it, and no word of it', () => {
    const canary = newCanary()
    const said: string[] = []
    const write = jest
      .spyOn(process.stderr, 'write')
      .mockImplementation((text) => said.push(String(text)) > 0)
    complain(new TypeError(canary, { cause: Object.assign(new Error(canary), { detail: canary }) }))
    complain({ stray: canary })
    complain(canary)
    write.mockRestore()
    expect(said.join('')).toContain('TypeError')
    expect(said).toHaveLength(3)
    expect(said.join('')).not.toContain(canary)
  })
})
