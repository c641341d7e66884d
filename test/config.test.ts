import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { inspect } from 'node:util'
import { completeConfig, ConfigError, readVariables, type Env } from '../src/config.ts'
import { Secret } from '../src/secret.ts'

const MASTER_KEY = `k1:${Buffer.alloc(32, 'a key for a test ').toString('base64')}`
const whole: Env = {
  DATABASE_URL: 'postgres://u:p@db/chatflow?sslmode=verify-full',
  CHATFLOW_MASTER_KEY: MASTER_KEY,
}
const read = (env: Env): ReturnType<typeof completeConfig> => completeConfig(readVariables(env))

/** The line that stops the start. */
function refusal(env: Env): string {
  try {
    read(env)
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
  throw new Error('the configuration was taken')
}

test('a database and a master key are enough for production; the rest has defaults', () => {
  expect(read({ ...whole, NODE_ENV: 'production' })).toMatchObject({
    PORT: 3000,
    HOST: '0.0.0.0',
    APP_URL: 'http://localhost:3000',
    GRAPH_API_URL: 'https://graph.facebook.com',
    GRAPH_API_VERSION: 'v26.0',
    PRIVACY_CONTACT: 'firstfashionstore0@gmail.com',
    SIGNUP: 'open',
    SANDBOX: false,
    opsEmails: [],
    firstUserIsOps: false,
  })
})

test('embedded mode brings its own database and key, listens on loopback and has a sandbox', () => {
  const found = { databaseUrl: 'postgres://127.0.0.1/x', masterKey: MASTER_KEY, port: 4000 }
  expect(completeConfig(readVariables({}), found)).toMatchObject({
    HOST: '127.0.0.1',
    APP_URL: 'http://localhost:4000',
    SANDBOX: true,
    GRAPH_API_URL: 'http://127.0.0.1:4000/sandbox/graph',
    firstUserIsOps: true,
  })
})

test('an empty value is an absent one, as compose files write it', () => {
  expect(read({ ...whole, REDIS_URL: '', PORT: '', SMTP_URL: '' })).toMatchObject({ PORT: 3000 })
})

test.each(['DATABASE_URL', 'CHATFLOW_MASTER_KEY'])('without %s the line names it', (name) => {
  const line = refusal({ ...whole, [name]: undefined })
  expect(line).toMatch(new RegExp(`^${name} is missing, e\\.g\\. ${name}=\\S`))
})

/** For each variable something that is wrong in it; `canary` must never come back. */
const WRONG: Record<string, string[]> = {
  NODE_ENV: ['canary'],
  LOG_LEVEL: ['canary'],
  PORT: ['canary', '65536', '-1', '3000.5'],
  APP_URL: [
    'canary',
    'ftp://canary.example',
    'https://crm.example/canary',
    'https://a:canary@b.example',
  ],
  TRUST_PROXY: ['canary', 'true', '11'],
  DATABASE_URL: ['canary', 'mysql://canary/x'],
  PLAIN_HOSTS: ['canary!', 'canary;redis'],
  STORAGE_ATTESTATION: ['canary', 'Canary; LUKS2; 2026-02-30', 'a disk; 2026-02-13'],
  DATABASE_POOL: ['canary', '1', '1000'],
  REDIS_URL: ['canary', 'http://canary:6379'],
  REDIS_ALLOW_EVICTION: ['canary', 'yes'],
  QUEUE_ALLOW_WEAK_DURABILITY: ['canary'],
  WORKER_QUEUES: ['canary!', 'inbound;outbound'],
  CHATFLOW_MASTER_KEY: [
    'canary',
    'k1:canary',
    `k1:${Buffer.alloc(31, 'canary').toString('base64')}`,
    `k1:${Buffer.alloc(32, 0).toString('base64')}`,
    `${MASTER_KEY},${MASTER_KEY}`,
    `k 1:${Buffer.alloc(32, 'canary').toString('base64')}`,
  ],
  SESSION_SECRET: ['canary'],
  GRAPH_API_URL: ['canary', 'file:///canary'],
  GRAPH_API_VERSION: ['canary', '26', 'v26'],
  META_APP_ID: ['canary'],
  META_APP_SECRET: ['canary'],
  MEDIA_URL: ['canary', 'http://canary/x'],
  SMTP_URL: ['canary', 'http://canary'],
  MAIL_FROM: ['canary\r\nBcc: canary@example.com'],
  EGRESS_ALLOW_CIDR: ['canary', '10.0.0.0/33', '10.0.0.0'],
  METRICS_TOKEN: ['canary'],
  METRICS_PORT: ['canary', '65536'],
  OPS_EMAILS: ['canary', 'a@example.com,canary'],
  PRIVACY_CONTACT: ['canary'],
  SANDBOX: ['canary'],
  SIGNUP: ['canary'],
  DELETION_CONFIRM_DAYS: ['canary', '0', '6'],
  EXPORT_HOURS: ['canary', '0', '169'],
  DELETION_GRACE_DAYS: ['canary', '-1', '8'],
  PURGE_BUDGET_DAYS: ['canary', '0', '6'],
  BACKUP_RETENTION_DAYS: ['canary', '0', '17'],
  DEADLINE_ALARM_DAYS: ['canary', '0', '8'],
  IP_RETENTION_DAYS: ['canary', '-1', '31'],
  USAGE_RAW_DAYS: ['canary', '0', '181', '30.5'],
  USAGE_AGGREGATE_MONTHS: ['canary', '0', '37'],
  UNKNOWN_NUMBER_DAYS: ['canary', '-1', '9'],
  JOB_DONE_MINUTES: ['canary', '0', '1441'],
  JOB_FAILED_DAYS: ['canary', '0', '15'],
  DEAD_LETTER_DAYS: ['canary', '0', '15'],
  LOG_RETENTION_DAYS: ['canary', '0', '15'],
  AUDIT_DAYS: ['canary', '89', '731'],
  SUPPRESSION_DAYS: ['canary', '27', '29', '366'],
  CERTIFICATE_DAYS: ['canary', '364', '3651'],
}
const wrongOnes = Object.entries(WRONG).flatMap(([name, values]) =>
  values.map((value) => [name, value] as const),
)

test.each(wrongOnes)(
  'a wrong %s stops the start with one line that names it (%#)',
  (name, value) => {
    const line = refusal({ ...whole, [name]: value })
    expect(line).toMatch(new RegExp(`^${name} .+, e\\.g\\. ${name}=\\S`))
    expect(line).not.toContain('\n')
    expect(line).not.toContain('canary')
    expect(line).not.toContain(value.length > 6 ? value : 'canary')
  },
)

test('every variable that can be wrong is tried above', () => {
  const asked = new Set<string>()
  const spy = new Proxy<Env>({}, { get: (_env, name) => void asked.add(String(name)) })
  readVariables(spy)
  const names = [...asked].filter((name) => !name.endsWith('_FILE'))
  const anyText = new Set(['HOST', 'DATA_DIR', 'PROMISES_REPORT', 'META_VERIFY_TOKEN'])
  expect(names).toContain('PORT')
  expect(names.filter((name) => !(name in WRONG) && !anyText.has(name))).toEqual([])
})

describe('NAME_FILE', () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'chatflow-config-'))
  afterAll(() => rmSync(folder, { recursive: true }))
  const fileOf = (text: string): string => {
    const file = path.join(folder, `secret-${text.length}`)
    writeFileSync(file, text)
    return file
  }

  test.each([
    ['DATABASE_URL', 'postgres://u:from-a-file@db/chatflow', undefined],
    ['SESSION_SECRET', 'a secret from a file, long enough for it', 'sign_cookies'],
    ['META_APP_SECRET', 'app-secret-from-a-file', 'check_signature'],
    ['META_VERIFY_TOKEN', 'verify-token-from-a-file', 'handshake'],
    ['REDIS_URL', 'redis://:from-a-file@redis:6379', undefined],
    ['SMTP_URL', 'smtps://u:from-a-file@mail.example.com', 'send_mail'],
    ['METRICS_TOKEN', 'metrics-token-from-a-file', 'scrape'],
  ] as const)(
    '%s is read from the file it names, without its line end, and wins',
    (name, secret, purpose) => {
      const env = { ...whole, [name]: 'canary', [`${name}_FILE`]: fileOf(`${secret}\n`) }
      const found = read(env)[name]
      expect(found instanceof Secret && purpose ? found.reveal(purpose) : found).toBe(secret)
      // Where the configuration is printed, only the addresses of stores show what stands in them.
      const printed = JSON.stringify(read(env)) + inspect(read(env))
      expect(printed.includes('from-a-file')).toBe(purpose === undefined)
    },
  )

  test('the master key may come from a file as well', () => {
    const env = { ...whole, CHATFLOW_MASTER_KEY: undefined }
    const config = read({ ...env, CHATFLOW_MASTER_KEY_FILE: fileOf(`${MASTER_KEY}\n`) })
    expect(config.masterKeys.map(({ id }) => id)).toEqual(['k1'])
  })

  test('a file that cannot be read is named by its variable', () => {
    const line = refusal({ ...whole, SESSION_SECRET_FILE: path.join(folder, 'canary') })
    expect(line).toMatch(/^SESSION_SECRET_FILE names a file that cannot be read, e\.g\. \S+$/)
  })

  test('what a file holds is checked like the variable and not shown', () => {
    const line = refusal({ ...whole, SESSION_SECRET_FILE: fileOf('canary') })
    expect(line).toMatch(/^SESSION_SECRET .+, e\.g\. /)
    expect(line).not.toContain('canary')
  })
})

test('the first of several master keys seals', () => {
  const second = `k2:${Buffer.alloc(32, 'another key ').toString('base64')}`
  const { masterKeys } = read({ ...whole, CHATFLOW_MASTER_KEY: `${second}, ${MASTER_KEY}` })
  expect(masterKeys.map(({ id }) => id)).toEqual(['k2', 'k1'])
})

test('the sandbox refuses to start in production', () => {
  const line = refusal({ ...whole, NODE_ENV: 'production', SANDBOX: 'on' })
  expect(line).toMatch(/^SANDBOX.+SANDBOX=off$/)
})

test('deletion must fit into the shortest month, backups included', () => {
  const days = { DELETION_CONFIRM_DAYS: '5', DELETION_GRACE_DAYS: '7', PURGE_BUDGET_DAYS: '2' }
  expect(read({ ...whole, ...days, BACKUP_RETENTION_DAYS: '14' })).toMatchObject({
    PURGE_BUDGET_DAYS: 2,
  })
  const line = refusal({ ...whole, ...days, BACKUP_RETENTION_DAYS: '15' })
  for (const name of [...Object.keys(days), 'BACKUP_RETENTION_DAYS']) expect(line).toContain(name)
})

test('OPS_EMAILS are taken in lower case, without the spaces around them', () => {
  expect(read({ ...whole, OPS_EMAILS: ' Ops@Example.com , two@example.com' }).opsEmails).toEqual([
    'ops@example.com',
    'two@example.com',
  ])
})

test('APP_URL loses a slash at its end, so that addresses can be put behind it', () => {
  expect(read({ ...whole, APP_URL: 'https://CRM.example.com/' }).APP_URL).toBe(
    'https://crm.example.com',
  )
})
