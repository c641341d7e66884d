import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo, type Server } from 'node:net'
import path from 'node:path'
import { createUser } from '../../src/accounts/accounts.ts'
import { openPasswords } from '../../src/accounts/passwords.ts'
import { completeConfig, ConfigError, readVariables, type Env } from '../../src/config.ts'
import { createContact } from '../../src/contacts/changes.ts'
import { openDb } from '../../src/db.ts'
import { createWeb } from '../../src/listener.ts'
import { attestedAt, readEncryption } from '../../src/privacy/encryption.ts'
import { sealedOf } from '../../src/privacy/export-place.ts'
import { advanceExport, requestExport } from '../../src/privacy/exports.ts'
import { countStoredFiles } from '../../src/privacy/stored-files.ts'
import { startApp, type Running } from '../support/app.ts'
import { newCanary, searchDump } from '../support/canaries.ts'
import { postWebhook } from '../support/meta.ts'
import { run } from '../support/product.ts'
import { waysInto } from '../support/routes.ts'
import { visit } from '../support/visitor.ts'

const KEY = `k1:${Buffer.alloc(32, 'a key for a test ').toString('base64')}`
const SAFE: Env = {
  NODE_ENV: 'production',
  CHATFLOW_MASTER_KEY: KEY,
  APP_URL: 'https://crm.example.com',
  DATABASE_URL: 'postgres://u:p@db.example.com/chatflow?sslmode=verify-full',
  REDIS_URL: 'rediss://redis.example.com:6379',
}

describe('P24 — encrypted on the way', () => {
  const refusal = (env: Env): string => {
    try {
      completeConfig(readVariables({ ...SAFE, ...env }))
      return ''
    } catch (error) {
      if (error instanceof ConfigError) return error.message
      throw error
    }
  }
  const database = (rest: string): Env => ({ DATABASE_URL: `postgres://u:p@${rest}` })

  test.each<[string, Env]>([
    ['DATABASE_URL', database('db.example.com/x?sslmode=disable')],
    ['DATABASE_URL', database('db.example.com/x')],
    ['DATABASE_URL', database('db.example.com/x?sslmode=no-verify')],
    ['DATABASE_URL', database('db.example.com/x?sslmode=require&uselibpqcompat=true')],
    ['DATABASE_URL', database('db.example.com/x?sslmode=verify-full&sslmode=disable')],
    ['DATABASE_URL', database('localhost/x?host=db.example.com')],
    ['REDIS_URL', { REDIS_URL: 'redis://redis.example.com:6379' }],
    ['APP_URL', { APP_URL: 'http://crm.example.com' }],
    ['GRAPH_API_URL', { GRAPH_API_URL: 'http://graph.example.com' }],
  ])('production does not start when %s leads over a network in the clear (%#)', (name, env) => {
    expect(refusal(env)).toMatch(new RegExp(`^${name} crosses the network without TLS.+e\\.g\\.`))
    expect(refusal({ ...env, NODE_ENV: 'development' })).toBe('')
  })

  test.each<Env>([
    {},
    database('127.0.0.1:5432/x'),
    database('localhost/x?sslmode=disable'),
    database('%2Fvar%2Frun%2Fpostgresql/x'),
    { REDIS_URL: 'redis://127.0.0.1:6379' },
    { APP_URL: 'http://localhost:3000' },
    { ...database('db/x'), REDIS_URL: 'redis://redis:6379', PLAIN_HOSTS: 'db, redis' },
  ])(
    'it starts with TLS, on its own machine, and with hosts the operator vouches for (%#)',
    (env) => {
      expect(refusal(env)).toBe('')
    },
  )

  test('the process ends with 1 and names the variable', async () => {
    const plain = { ...SAFE, ...database('db.example.com/x?sslmode=disable') }
    const product = run('web.ts', [], { env: plain as Record<string, string> })
    expect(await product.ended).toBe(1)
    expect(product.stderr()).toMatch(/DATABASE_URL crosses the network without TLS/)
  })

  test('a database that says it has no TLS hears nothing more', async () => {
    const heard: Buffer[] = []
    const server = createServer((socket) => {
      socket.on('error', () => undefined)
      socket.on('data', (bytes) => void (heard.push(bytes) === 1 && socket.write('N')))
    })
    const port = await listen(server)
    const db = openDb(`postgres://u:secret@127.0.0.1:${port}/x?sslmode=verify-full`, 2)
    await expect(db.ping()).rejects.toThrow(/SSL/)
    await db.close()
    server.close()
    // The eight bytes that ask for TLS, and no name, no password.
    expect(Buffer.concat(heard)).toEqual(Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]))
  })
})

const listen = (server: Server): Promise<number> =>
  new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))
  })

describe('P24 — a site over https', () => {
  let app: Running
  beforeAll(async () => {
    const env = { TRUST_PROXY: '1', APP_URL: 'https://crm.example.test' }
    app = await startApp({ workers: false, env })
    openPasswords(app.on, { ln: 8, r: 8, p: 1 })
  })
  afterAll(() => app.stop())

  const HSTS = 'strict-transport-security'
  const ask = (at: string, proto: string, init: RequestInit = {}): Promise<Response> =>
    fetch(app.url + at, {
      ...init,
      redirect: 'manual',
      headers: { 'x-forwarded-proto': proto, 'sec-fetch-site': 'same-origin' },
    })

  test('says on every route that it is to be reached this way only, for two years', async () => {
    const org = await app.org()
    const ways = waysInto(createWeb(app.on).app)
    expect(ways.length).toBeGreaterThan(100)
    const answers = await Promise.all(
      ways.map(async ({ method, path: at }) => {
        const isRead = ['GET', 'ALL'].includes(method)
        const answer = await ask(at.replace(/:\w+/g, 'x'), 'https', {
          method: isRead ? 'GET' : method,
        })
        await answer.body?.cancel()
        return [`${method} ${at}`, answer.headers.get(HSTS)] as const
      }),
    )
    const hook = await postWebhook(app.url, org.connection, '{}', { 'x-hub-signature-256': '' })
    answers.push(['POST webhook', hook.headers.get(HSTS)])
    answers.push(['GET nowhere', (await ask('/nowhere', 'https')).headers.get(HSTS)])
    expect(answers.filter(([, value]) => value !== 'max-age=63072000; includeSubDomains')).toEqual(
      [],
    )
  })
  test('leads whoever comes in the clear to the same page over TLS, and takes nothing from them', async () => {
    const page = await ask('/login?next=%2Finbox', 'http')
    expect([page.status, page.headers.get('location')]).toEqual([
      308,
      'https://crm.example.test/login?next=%2Finbox',
    ])
    const sent = await ask('/login', 'http', { method: 'POST', body: 'email=a' })
    expect([sent.status, sent.headers.get('set-cookie')]).toEqual([403, null])
    expect((await ask('/api/v1/contacts', 'http', { method: 'POST' })).status).toBe(403)
    expect((await ask('/health/live', 'http')).status).toBe(200)
  })

  test('signs in with a cookie that never leaves TLS, this host, or the hands of the browser', async () => {
    const org = await app.org()
    const email = 'ana@example.test'
    const password = 'a long password for tests'
    await createUser(app.on, { org: org.id, email, role: 'agent', password })
    const answer = await visit(app).post(
      '/login',
      { email, password },
      { 'x-forwarded-proto': 'https' },
    )
    const cookies = answer.headers.getSetCookie()
    expect(cookies.some((line) => line.startsWith('__Host-cf='))).toBe(true)
    for (const line of cookies) {
      expect(line).toMatch(/^__Host-\w+=.+; Path=\/;.*HttpOnly; Secure; SameSite=Lax$/)
      expect(line).not.toMatch(/domain=/i)
    }
  })
})

describe('P24 — encrypted at rest', () => {
  const now = new Date('2026-11-24T10:00:00Z')
  let app: Running
  beforeAll(async () => {
    const STORAGE_ATTESTATION = 'Example Hosting; LUKS2 aes-xts; 2026-10-25'
    app = await startApp({ workers: false, now: () => now, env: { STORAGE_ATTESTATION } })
  })
  afterAll(() => app.stop())

  test('each file begins as an envelope does and shows nothing, and one that does not is counted', async () => {
    const org = await app.org()
    const canary = newCanary()
    await createContact(app.on, org.id, { name: canary, phone: '+4915112345678' })
    const id = await requestExport(app.on, { kind: 'org', org: org.id }, org.owner.id)
    await advanceExport(app.on, id)
    expect(await countStoredFiles(app.on)).toEqual({ files: 1, unsealed: 0 })
    const file = await readFile(sealedOf(app.on, { id, org_id: org.id, location: null }))
    expect(searchDump(new Map([['export', file]]), [canary])).toEqual([])

    const media = path.join(app.on.config.DATA_DIR, 'media', org.id)
    await mkdir(media, { recursive: true })
    await writeFile(path.join(media, 'thumbnail'), 'GIF89a')
    expect(await countStoredFiles(app.on)).toEqual({ files: 2, unsealed: 1 })
    await rm(media, { recursive: true })
  })

  test('what is shown of it is read now, and the operator’s word on the disks is shown as a word', async () => {
    expect(await readEncryption(app.on)).toMatchObject({
      site: 'this machine',
      database: { transport: 'this machine', protocol: null },
      disks: { state: 'stated', days: 30, provider: 'Example Hosting', method: 'LUKS2 aes-xts' },
      files: { unsealed: 0 },
      probe: true,
    })
  })

  test('no word, an old one and one of a day to come are no evidence', () => {
    expect(attestedAt(undefined, now)).toEqual({ state: 'missing' })
    expect(attestedAt('a; b; 2025-11-23', now)).toMatchObject({ state: 'stale', days: 366 })
    expect(attestedAt('a; b; 2026-11-25', now)).toMatchObject({ state: 'stale' })
    expect(attestedAt('a; b; 2025-11-24', now)).toMatchObject({ state: 'stated', days: 365 })
  })
})
