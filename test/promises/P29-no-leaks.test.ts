import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import pg from 'pg'
import { startServer } from '../../src/embedded/cluster.ts'
import { ROOT } from '../../src/root.ts'
import { startWorkers } from '../../src/work.ts'
import { BACKENDS, startApp, type Running } from '../support/app.ts'
import { dumpAll, newCanary, type Dump } from '../support/canaries.ts'
import { exportOf } from '../support/exports.ts'
import {
  findIn,
  judge,
  openEars,
  type Allowed,
  overhear,
  recordJobs,
  recordRedis,
} from '../support/leaks.ts'
import { startMail, startQuotingGraph, tellStory, type Story } from '../support/leak-story.ts'
import { INSTALLATION } from '../support/leak-values.ts'
import { chatflow } from '../support/product.ts'

jest.setTimeout(120_000)

const LINK = String.raw`/[\w-]{43}`
/** Where an answer may hold what: pages and answers to whoever it belongs to, and what is shown this once. */
const ALLOWED: Allowed[] = [
  // Each signed-in page names whom it is shown to.
  [/^owner /, /^owner$/],
  [/^colleague /, /^colleague$/],
  // Whoever works there sees the customers, the talk and the colleagues.
  [
    /^(owner|colleague) (GET|POST) \/(inbox|contacts|settings).* 20[01]$/,
    /^(owner|email|colleague|colleagueEmail)$/,
  ],
  [
    /^(owner|colleague) (GET|POST) \/(inbox|contacts).* 20[01]$/,
    /^(customer|phone|username|userId|contactEmail|question|odd|answer|refused|lost|draft|search)$/,
  ],
  [/^program GET \/api\/v1\/conversations.* 200$/, /^(question|odd|answer|refused|lost)$/],
  // A form that is not right comes back as it was filled in, but for passwords, tokens and secrets.
  [
    /^owner POST \/(signup|contacts|settings\/members\/invitations|login) 422$/,
    /^(owner|email|customer|broken)$/,
  ],
  [/^stranger POST \/privacy\/contact 422$/, /^(customer|asked)$/],
  [/^owner GET \/login\?/, /^search$/],
  // Who holds a link sees whose it is, and the form that it leads to holds it too.
  [new RegExp(`^owner (GET|POST) /signup${LINK} (200|422)$`), /^(email|signupLink)$/],
  [new RegExp(`^owner (GET|POST) /reset${LINK} (200|422)$`), /^(email|resetLink)$/],
  [
    new RegExp(`^colleague (GET|POST) /invite${LINK} (200|422)$`),
    /^(owner|colleagueEmail|inviteLink)$/,
  ],
  // Shown once, to the one who has to write it down.
  [/^owner POST \/settings\/members\/invitations 201$/, /^inviteLink$/],
  [/^owner POST \/settings\/connections 201$/, /^verifyToken$/],
  [/^owner POST \/settings\/api-keys 201$/, /^(readKey|writeKey)$/],
  [/^owner GET \/settings\/security\/second-factor 200$/, /^factor$/],
  [/^owner POST \/settings\/security\/second-factor\/confirmation 200$/, /^recovery\d$/],
]

/** A mail tells its reader their own address, and carries the link that it is written for. */
const MAILED: Allowed[] = [
  [/Confirm your e-mail/, /^(email|signupLink)$/],
  [/second factor|recovery code/, /^email$/],
  [/You are invited/, /^(owner|colleagueEmail|inviteLink)$/],
  [/Your request .* has reached us/, /^contactEmail$/],
  [/Choose a new password/, /^(email|resetLink)$/],
]

describe.each(BACKENDS)(
  'P29 — no secret and no content where it does not belong, queues in %s',
  (backend) => {
    const ears = openEars()
    const ends: (() => Promise<unknown>)[] = []
    let app: Running
    let story: Story
    let dump: Dump
    let printed: string[]
    let written: Buffer[] = []
    beforeAll(async () => {
      const [graph, { mail, url }] = [await startQuotingGraph(), await startMail()]
      const redis = backend === 'redis' ? await recordRedis() : undefined
      written = redis?.said ?? []
      app = await startApp({
        backend,
        workers: false,
        env: {
          GRAPH_API_URL: graph.url,
          SMTP_URL: url,
          OPS_EMAILS: 'ops@example.test',
          META_APP_ID: '4711',
          META_APP_SECRET: INSTALLATION.metaSecret,
          META_VERIFY_TOKEN: INSTALLATION.metaVerify,
          METRICS_TOKEN: INSTALLATION.metrics,
          SESSION_SECRET: INSTALLATION.cookies,
          ...(redis ? { REDIS_URL: redis.url } : {}),
        },
      })
      const login = new pg.Client({ connectionString: app.on.config.DATABASE_URL })
      login.on('error', () => undefined)
      await login.connect()
      ends.push(() => login.end(), app.stop, graph.stop, mail.stop)
      if (redis) ends.push(redis.proxy.stop)
      await recordJobs(login)
      ends.unshift(startWorkers(app.on))
      printed = overhear()
      story = await tellStory({ app, ears, graph, mail })
      dump = await dumpAll(app, login, app.queuePrefix)
    })
    afterAll(async () => {
      jest.restoreAllMocks()
      for (const end of ends) await end()
    })

    const everything = () => ({ ...story.personal, ...story.secrets })
    const inDump = (name: RegExp): [string, Buffer][] =>
      [...dump].filter(([place]) => name.test(place))

    test('the story told it all: every value is a value, and content lies where it belongs', () => {
      for (const [name, value] of Object.entries(everything()))
        expect([name, value.length > 9]).toEqual([name, true])
      const stored = findIn(inDump(/^table app\./), story.personal).map(({ name }) => name)
      for (const name of [
        'email',
        'colleagueEmail',
        'customer',
        'phone',
        'question',
        'answer',
        'draft',
      ])
        expect(stored).toContain(name)
      expect(ears.heard.filter(({ status }) => status >= 400).length).toBeGreaterThan(20)
      expect(story.mails.length).toBeGreaterThan(5)
    })

    test('no line of the log and nothing that the process prints holds any of it', () => {
      const log = app.lines.join('')
      for (const said of [
        '"queue":"inbound"',
        '"msg":"posted"',
        '"msg":"request failed"',
        '"msg":"dead letters"',
      ])
        expect(log).toContain(said)
      const places = [
        ['the log', log],
        ['what was printed', printed.join('')],
      ] as const
      expect(judge(findIn(places, everything()), [])).toEqual([])
    })

    test('the queues never held any of it, in whatever state a job was', () => {
      const places = [
        ...inDump(/^(redis|table (jobs|public)\.)/),
        ['said to Redis', Buffer.concat(written)] as const,
      ]
      const all = Buffer.concat(places.map(([, bytes]) => Buffer.from(bytes))).toString('latin1')
      // What they do hold: sealed bodies and ids.
      expect(all).toMatch(/v1\.d[0-9a-f]{12}\.[\w-]{100}/)
      expect(judge(findIn(places, everything()), [])).toEqual([])
    })

    test('no row holds a secret, and no file holds any of it', () => {
      expect(judge(findIn(inDump(/^table app\./), story.secrets), [])).toEqual([])
      expect(judge(findIn(inDump(/^file /), everything()), [])).toEqual([])
    })

    test('no answer holds it but those that are there for it', () => {
      const answers = ears.heard.map(
        ({ who, what, status, text }) => [`${who} ${what} ${status}`, text] as const,
      )
      expect(judge(findIn(answers, everything()), ALLOWED)).toEqual([])
    })

    test('no mail holds more than its own link and address', () => {
      const mails = story.mails.map(
        (text) => [/Subject: (.*)/.exec(text)?.[1] ?? '', text] as const,
      )
      expect(judge(findIn(mails, everything()), MAILED)).toEqual([])
    })

    test('an export holds what people wrote, and no secret', async () => {
      const { files } = await exportOf(app, { kind: 'org', org: story.org })
      const found = findIn(Object.entries(files), everything())
      expect(found.map(({ name }) => name)).toEqual(
        expect.arrayContaining(['question', 'customer']),
      )
      expect(
        judge(found, [[/./, new RegExp(`^(${Object.keys(story.personal).join('|')})$`)]]),
      ).toEqual([])
    })
  },
)

test.each(['web', 'worker', 'start', 'cli'])(
  'P29 — %s is deaf to DEBUG before it loads a library',
  (entry) => {
    const source = readFileSync(path.join(ROOT, 'src', `${entry}.ts`), 'utf8')
    expect(source.split('\n')[0]).toBe("import './quiet.ts'")
  },
)

test('P29 — a library that was told to explain itself says nothing', async () => {
  const app = await startApp({ backend: BACKENDS.at(-1) ?? 'postgres', workers: false })
  const { DATABASE_URL, REDIS_URL, DATA_DIR, masterKeys } = app.on.config
  const [key] = masterKeys.map((one) => `${one.id}:${one.key.toString('base64')}`)
  const env = {
    DATABASE_URL,
    DATA_DIR,
    ...(REDIS_URL ? { REDIS_URL } : {}),
    LOG_LEVEL: 'error',
  }
  const made = await chatflow(
    ['org', 'create', '--name', 'Till', '--owner-email', `${newCanary()}@example.test`],
    { ...env, CHATFLOW_MASTER_KEY: key ?? '', DEBUG: '*' },
    JSON.stringify({ password: `${newCanary()} is long` }),
  )
  expect({ ...made, result: {} }).toEqual({ code: 0, result: {}, stderr: '' })
})

test('P29 — the log of the embedded database quotes neither rows nor parameters', async () => {
  const folder = path.join(os.tmpdir(), `chatflow-quiet-${randomBytes(6).toString('hex')}`)
  const logFile = path.join(folder, 'postgres.log')
  const server = await startServer({ folder, password: 'quiet', durable: false, logFile })
  const client = new pg.Client({ connectionString: `${server.url}/postgres` })
  await client.connect()
  const word = newCanary()
  await client.query('create table told (word text unique)')
  await client.query('insert into told values ($1)', [word])
  const again = () => client.query('insert into told values ($1)', [word])
  await expect(again()).rejects.toThrow('duplicate key')
  await expect(client.query('select $1::text::int', [word])).rejects.toThrow(word)
  // Somebody looks for a fault, and has errors and slow statements logged.
  await client.query(`set log_min_messages = 'error'`)
  await client.query(`set log_min_error_statement = 'error'`)
  await client.query('set log_min_duration_statement = 0')
  await expect(again()).rejects.toThrow('duplicate key')
  await client.query('select $1::text', [word])
  // Parameters are left out for themselves, not only as one of the details.
  await client.query(`set log_error_verbosity = 'default'`)
  await client.query('select $1::text', [word])
  await client.end()
  await server.stop()
  const log = await readFile(logFile, 'utf8')
  await rm(folder, { recursive: true, force: true })
  expect(log).toMatch(/ERROR: .*duplicate key/)
  expect(log).toMatch(/duration: .*select \$1::text/)
  expect(judge(findIn([['log', log]], { word }), [])).toEqual([])
})
