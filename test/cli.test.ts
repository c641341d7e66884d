import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { Readable } from 'node:stream'
import pg from 'pg'
import { runCommand } from '../src/cli/run.ts'
import { cloneDatabase, type TestDatabase } from './support/database.ts'
import { chatflow, freePort, newHome, processesIn, run, start } from './support/product.ts'
import { until } from './support/until.ts'

const OTHER_KEY = `k2:${Buffer.alloc(32, 'other').toString('base64')}`
jest.setTimeout(120_000)

const SECRETS = {
  access_token: 'EAAG-token-of-meta',
  app_secret: 'a'.repeat(32),
  verify_token: 'shake',
}
const masterKey = `k1:${Buffer.alloc(32, 'a test master key').toString('base64')}`

/** A command in this process, for what is decided before anything is opened. */
async function here(args: string[], stdin: string) {
  const written = { stdout: '', stderr: '' }
  const into = (name: 'stdout' | 'stderr') => ({
    write: (text: string) => (written[name] += text),
  })
  const streams = { stdin: Readable.from([stdin]), stdout: into('stdout'), stderr: into('stderr') }
  const code = await runCommand(args, streams)
  return { code, result: JSON.parse(written.stdout) as object, stderr: written.stderr }
}

describe('against a given database', () => {
  let database: TestDatabase
  let env: Record<string, string>

  beforeAll(async () => {
    database = await cloneDatabase()
    env = { DATABASE_URL: database.url, CHATFLOW_MASTER_KEY: masterKey }
  })
  afterAll(() => database.drop())

  const create = (args: string[], stdin: object) => chatflow(args, env, JSON.stringify(stdin))
  const newOrg = async (email: string): Promise<string> => {
    const args = ['org', 'create', '--name', 'A shop', '--owner-email', email]
    const { result } = await create(args, { password: 'nine green bottles' })
    return String(result['org_id'])
  }

  test('an organization, a person, a number and a key are made, each answered with its ids', async () => {
    const owner = await create(
      [
        'org',
        'create',
        '--name',
        'Olive',
        '--owner-email',
        'Owner@olive.test',
        '--owner-name',
        'Ona',
      ],
      { password: 'nine green bottles' },
    )
    expect([owner.code, Object.keys(owner.result)]).toEqual([0, ['org_id', 'user_id']])
    const org = String(owner.result['org_id'])

    const agent = await create(
      ['user', 'create', '--org', org, '--email', 'ben@olive.test', '--role', 'agent'],
      { password: 'ten green bottles' },
    )
    expect([agent.code, Object.keys(agent.result)]).toEqual([0, ['user_id']])

    const number = await create(
      [
        'connection',
        'create',
        '--org',
        org,
        '--phone-number-id',
        '1055501',
        '--waba-id',
        '2055501',
      ],
      SECRETS,
    )
    expect(number.code).toBe(0)
    expect(number.result['webhook_path']).toBe(
      `/webhooks/whatsapp/${String(number.result['connection_id'])}`,
    )
    for (const secret of Object.values(SECRETS))
      expect(JSON.stringify(number.result) + number.stderr).not.toContain(secret)

    const key = await chatflow(['api-key', 'create', '--org', org, '--name', 'a script'], env)
    expect(key.code).toBe(0)
    expect(key.result['key']).toMatch(/^cf_/)
  })

  test('the audit log tells what the operator did, and a forged one is exit 1', async () => {
    const org = await newOrg('audited@shop.test')
    const login = new pg.Client({ connectionString: database.url })
    await login.connect()
    const { rows } = await login.query(
      'select actor_kind, action from app.audit_log where org_id = $1',
      [org],
    )
    expect(rows).toEqual([{ actor_kind: 'operator', action: 'organization.created' }])
    const verify = () => chatflow(['audit', 'verify', '--org', org], env)
    expect(await verify()).toMatchObject({ code: 0, result: { valid: true, first: 1, last: 1 } })
    await login.query(`
      alter table app.audit_log disable trigger frozen;
      update app.audit_log set action = 'sign_in.ok';
      alter table app.audit_log enable trigger frozen;`)
    await login.end()
    expect(await verify()).toMatchObject({ code: 1, result: { valid: false, first_bad: 1 } })
  })

  test('a new master key is taken into use, and a data key is changed', async () => {
    const own = await cloneDatabase()
    const next = `k2:${Buffer.alloc(32, 'the next master key').toString('base64')}`
    const at = (keys: string) => ({ DATABASE_URL: own.url, CHATFLOW_MASTER_KEY: keys })
    const { result } = await chatflow(
      ['org', 'create', '--name', 'A shop', '--owner-email', 'rotated@shop.test'],
      at(masterKey),
      JSON.stringify({ password: 'nine green bottles' }),
    )
    const master = await chatflow(['keys', 'rotate'], at(`${next},${masterKey}`))
    expect(master).toMatchObject({ code: 0, result: { master_key: 'k2', left: { data_keys: 0 } } })
    const org = String(result['org_id'])
    const data = await chatflow(['keys', 'rotate', '--data', '--org', org], at(next))
    expect(data).toMatchObject({ code: 0, result: { resealed: {}, destroyed: [] } })
    await own.drop()
  })

  test('what people can mend is refused with a code and exit 1', async () => {
    await newOrg('twice@shop.test')
    const twice = await create(
      ['org', 'create', '--name', 'B', '--owner-email', 'twice@shop.test'],
      {
        password: 'nine green bottles',
      },
    )
    expect(twice).toMatchObject({ code: 1, result: { error: { code: 'email_taken' } } })

    const stranger = '00000000-0000-7000-8000-000000000000'
    const nowhere = await chatflow(['api-key', 'create', '--org', stranger, '--name', 'x'], env)
    expect(nowhere).toMatchObject({ code: 1, result: { error: { code: 'not_found' } } })
  })

  test.each([
    [['org', 'create', '--name', 'B'], '{"password":"x"}', '--owner-email is missing'],
    [['org', 'create', '--nome', 'B'], '{"password":"x"}', "Unknown option '--nome'"],
    [
      ['user', 'create', '--org', 'B', '--email', 'e', '--role', 'agent'],
      '{}',
      '--org is not valid',
    ],
    [['fly', 'away'], '', 'there is no command fly away'],
    [[], '', 'there is no command'],
    [['migrate', 'now'], '', 'unexpected now'],
    [['keys', 'rotate', '--data', '--master'], '', '--master or --data, not both'],
    [['dead-letters', 'show'], '', 'expected ID'],
    [['dead-letters', 'show', '7'], '', 'ID is not the id of a dead letter'],
  ])('wrong usage %j is exit 2 and says what was expected', async (args, stdin, message) => {
    const { code, result } = await here(args, stdin)
    expect(code).toBe(2)
    expect(result).toMatchObject({ error: { code: 'usage' } })
    expect(JSON.stringify(result)).toContain(message)
  })

  test.each([
    ['', 'stdin must hold'],
    ['not json', 'stdin is not a JSON object'],
    ['["a"]', 'stdin is not a JSON object'],
    ['{"passwort": "hunter2hunter2"}', 'password is missing'],
  ])('secrets that cannot be read (%s) are exit 2 and not repeated', async (stdin, message) => {
    const args = ['org', 'create', '--name', 'B', '--owner-email', 'nobody@shop.test']
    const { code, result, stderr } = await here(args, stdin)
    expect(code).toBe(2)
    expect(JSON.stringify(result)).toContain(message)
    expect(JSON.stringify(result) + stderr).not.toContain('hunter2')
  })

  test('a pipe that stays open is no reason to hang, and an empty one is told what is awaited', async () => {
    const command = run(
      'cli.ts',
      ['org', 'create', '--name', 'C', '--owner-email', 'c@shop.test'],
      {
        env,
      },
    )
    await until(() => command.stderr().includes('Waiting for {"password": "…"} on stdin'))
    command.child.stdin?.write('{"password": "nine green bottles"}')
    expect(await command.ended).toBe(0)

    expect(await chatflow(['keys', 'generate'], {})).toMatchObject({ code: 0 })
  })

  test('keys are generated without a database, and their state is told without the keys', async () => {
    const { result } = await chatflow(['keys', 'generate'], {})
    expect(result['master_key']).toMatch(/^k[0-9a-f]{8}:[A-Za-z0-9+/]{43}=$/)

    await newOrg('keys@shop.test')
    const status = await chatflow(['keys', 'status'], env)
    expect(status).toMatchObject({ code: 0, result: { master_keys: ['k1'], unreadable: [] } })
    const other = { ...env, CHATFLOW_MASTER_KEY: String(result['master_key']) }
    const unreadable = await chatflow(['keys', 'status'], other)
    expect(unreadable.result['unreadable']).not.toEqual([])
  })

  test('an organization is exported to a file and imported from it; nothing is written over', async () => {
    const [from, to] = [await newOrg('from@shop.test'), await newOrg('to@shop.test')]
    const ids = ['--phone-number-id', '1055501', '--waba-id', '2055501']
    await create(['connection', 'create', '--org', from, ...ids], SECRETS)
    const file = path.join(mkdtempSync(path.join(os.tmpdir(), 'chatflow-cli-')), 'shop.zip')
    const made = await chatflow(['export', 'run', '--org', from, '--out', file], env)
    expect(made).toMatchObject({ code: 0, result: { file, records: { connections: 1, users: 1 } } })
    const hash = createHash('sha256').update(readFileSync(file)).digest('hex')
    expect(made.result['sha256']).toBe(hash)
    const again = await chatflow(['export', 'run', '--org', from, '--out', file], env)
    expect(again).toMatchObject({ code: 1, result: { error: { code: 'file_exists' } } })
    expect(await chatflow(['import', file, '--org', to], env)).toMatchObject({
      code: 0,
      result: { records: { connections: 1, contacts: 0 }, skipped: {} },
    })
    rmSync(path.dirname(file), { recursive: true })
    const both = await here(['export', 'run', '--org', from, '--user', to, '--out', file], '')
    expect(both).toMatchObject({ code: 2, result: { error: { code: 'usage' } } })
  })

  test('queues are counted, and migrating twice applies nothing', async () => {
    const queues = await chatflow(['queues', 'status'], env)
    expect(queues).toMatchObject({
      code: 0,
      result: { backend: 'postgres', queues: { inbound: { waiting: 0 } } },
    })
    expect(await chatflow(['migrate'], env)).toMatchObject({ code: 0, result: { applied: [] } })
    const letters = await chatflow(['dead-letters', 'list'], env)
    expect(letters).toMatchObject({ code: 0, result: { dead_letters: [] } })
  })

  test('doctor looks at everything and names the mend', async () => {
    const port = String(await freePort())
    const { code, result } = await chatflow(['doctor'], { ...env, PORT: port, SANDBOX: 'on' })
    const checks = result['checks'] as { name: string; state: string; mend?: string }[]
    const stateOf = (name: string) => checks.find((check) => check.name === name)?.state
    expect(
      ['node', 'database', 'migrations', 'keys', 'queue', 'clock', 'port'].map(stateOf),
    ).toEqual(Array.from({ length: 7 }, () => 'ok'))
    expect([stateOf('login'), stateOf('workers')]).toEqual(['warn', 'warn'])
    expect(checks.find(({ name }) => name === 'login')?.mend).toContain('create role')
    // The server of the tests does not sync.
    expect([code, result['state'], stateOf('durability')]).toEqual([1, 'fail', 'fail'])
  })

  test('doctor finds a master key that opens nothing and a database that is away', async () => {
    await newOrg('doctor@shop.test')
    const strange = { ...env, CHATFLOW_MASTER_KEY: OTHER_KEY }
    const { result } = await chatflow(['doctor'], strange)
    expect(result['checks']).toContainEqual(
      expect.objectContaining({ name: 'keys', state: 'fail' }),
    )

    const away = { ...env, DATABASE_URL: `postgres://x@127.0.0.1:${await freePort()}/x` }
    const gone = await chatflow(['doctor'], away)
    expect(gone.code).toBe(1)
    expect(gone.result['checks']).toContainEqual(
      expect.objectContaining({ name: 'database', state: 'fail' }),
    )
  })

  test('a missing variable is an answer too', async () => {
    const { code, result } = await chatflow(['queues', 'status'], { DATABASE_URL: database.url })
    const message = expect.stringContaining('CHATFLOW_MASTER_KEY is missing') as string
    expect([code, result]).toMatchObject([1, { error: { code: 'configuration', message } }])
  })
})

test('on an empty DATA_DIR a command starts the database, two at once take turns, and none stays', async () => {
  const home = newHome()
  const env = { DATA_DIR: home.dataDir, PORT: String(await freePort()) }
  const both = await Promise.all([
    chatflow(['queues', 'status'], env),
    chatflow(
      ['org', 'create', '--name', 'First', '--owner-email', 'first@shop.test'],
      env,
      '{"password":"nine green bottles"}',
    ),
  ])
  expect(both.map(({ code }) => code)).toEqual([0, 0])
  expect(processesIn(home.dataDir)).toEqual([])

  const product = await start(env)
  const beside = await chatflow(['keys', 'status'], env)
  expect(beside).toMatchObject({ code: 0, result: { data_keys: { active: 1 } } })
  expect(product.child.exitCode).toBeNull()
  expect((await chatflow(['doctor'], env)).code).toBe(0)
  product.child.kill('SIGTERM')
  expect(await product.ended).toBe(0)
  home.remove()
})
