import net from 'node:net'
import pg from 'pg'
import { rows } from '../../src/db.ts'
import { manifest } from '../../src/privacy/manifest.ts'
import { PURPOSES } from '../../src/privacy/words.ts'
import { startApp, type Running } from '../support/app.ts'
import { dumpAll, newCanary, searchDump } from '../support/canaries.ts'
import { startMailServer, type MailServer } from '../support/smtp.ts'
import { until } from '../support/until.ts'
import { visit, type Answer } from '../support/visitor.ts'

const FORM = {
  organization: 'Quiet Shop',
  name: 'Maya',
  email: 'maya@example.test',
  password: 'quiet harbour lantern',
}
type Form = Record<string, string>
/** What stands in a column that nobody filled in. */
const EMPTY = new Set<unknown>([null, false, '{}'])

describe('P5 — sign-up asks for name, e-mail and organization, and for nothing else', () => {
  let app: Running
  let mail: MailServer
  let login: pg.Client
  beforeAll(async () => {
    mail = await startMailServer()
    app = await startApp({ env: { SMTP_URL: mail.url, MAIL_FROM: 'crm@example.test' } })
    login = new pg.Client({ connectionString: app.on.config.DATABASE_URL })
    await login.connect()
  })
  afterAll(async () => {
    await login.end()
    await app.stop()
    await mail.stop()
  })

  const signUp = (form: Form, headers: Form = {}): Promise<Answer> =>
    visit(app).post('/signup', form, headers)
  const people = async (): Promise<number> =>
    (await app.on.db.withSystem((tx) => rows(tx, 'select id from users'))).length

  /** The columns of a table that a person fills in, by the manifest. */
  const given = (table: string): string[] =>
    Object.entries(manifest.tables.find((each) => each.table === table)?.columns ?? {})
      .filter(([, { collectedFrom }]) => collectedFrom === 'person')
      .map(([column]) => column)

  test('the form has four fields, and under each stands why it is asked, in the words of the policy', async () => {
    const { text } = await visit(app).get('/signup')
    const fields = [...text.matchAll(/<input[^>]* name="(\w+)"/g)].map(([, name]) => name)
    expect(fields).toEqual(['organization', 'name', 'email', 'password'])
    const why = (field: string): string =>
      new RegExp(`id="${field}-hint">([^<]*)<`).exec(text)?.[1] ?? ''
    expect(why('organization')).toBe(`We ask ${PURPOSES.provide}.`)
    expect(why('name')).toBe(`We ask ${PURPOSES.provide}.`)
    expect(why('email')).toBe(`We ask ${PURPOSES.provide} and ${PURPOSES.communicate}.`)
    expect(why('password')).toContain('Kept as a digest only.')
  })

  test.each(['phone', 'birthday', 'utm_source', '__proto__', 'constructor', 'preferences[signup]'])(
    'a field more, %s, is refused by its name, and nobody is signed up',
    async (field) => {
      const before = await people()
      const canary = newCanary()
      // An object would make no field of the one name.
      const body = new URLSearchParams([...Object.entries(FORM), [field, canary]])
      const answer = await fetch(`${app.url}/signup`, {
        method: 'POST',
        headers: { Origin: app.url },
        body,
      })
      expect(answer.status).toBe(422)
      expect(await answer.text()).toContain(`“${field}” is not asked for here`)
      expect(await people()).toBe(before)
      expect(app.lines.join('\n')).not.toContain(canary)
    },
  )

  test('who fills in the form has no other value in any column that a person fills', async () => {
    expect(given('users')).toEqual(['email', 'name', 'password_hash', 'preferences'])
    expect(given('organizations')).toEqual([
      'name',
      'settings',
      'require_2fa',
      'no_usage',
      'no_personalisation',
      'no_optional_mail',
    ])
    const connect = jest.spyOn(net.Socket.prototype, 'connect')
    const { text } = await signUp(FORM)
    expect(text).toContain('Check your mail')
    const letter = await until(() => mail.received.find((one) => one.includes(FORM.email)))
    const link = /\/signup\/([\w-]+)/.exec(letter.replaceAll('=\n', ''))?.[1] ?? ''
    const confirmed = await visit(app).post(`/signup/${link}`, { password: FORM.password })
    expect(confirmed.status).toBe(303)
    const where = connect.mock.calls.map((call) => portOf(call as unknown[]))
    connect.mockRestore()

    const own = new Set(
      [app.on.config.DATABASE_URL, app.url, mail.url].map((url) => new URL(url).port),
    )
    expect(where.filter((port) => !own.has(String(port)))).toEqual([])
    expect(where.map(String)).toContain(new URL(mail.url).port)

    const filled: string[] = []
    for (const table of ['users', 'organizations']) {
      const { rows: found } = await login.query<Record<string, unknown>>(
        `select * from app.${table}`,
      )
      expect(found).toHaveLength(1)
      for (const column of given(table))
        if (!EMPTY.has(asText(found[0]?.[column]))) filled.push(`${table}.${column}`)
    }
    expect(filled).toEqual([
      'users.email',
      'users.name',
      'users.password_hash',
      'organizations.name',
    ])
  })

  test('where somebody came from and with what is kept nowhere', async () => {
    const [source, referrer, agent] = [newCanary(), newCanary(), newCanary()]
    const headers = {
      Referer: `https://ads.example/?c=${referrer}`,
      'User-Agent': `Mozilla/5.0 ${agent}`,
    }
    const visitor = visit(app)
    expect((await visitor.get(`/signup?utm_source=${source}`, headers)).status).toBe(200)
    const form = { ...FORM, email: 'leo@example.test' }
    const answer = await visitor.post(`/signup?utm_source=${source}`, form, headers)
    expect(answer.status).toBe(200)
    const dump = await dumpAll(app, login, app.queuePrefix)
    expect(searchDump(dump, [source, referrer, agent])).toEqual([])
  })

  test('an invitation holds the address, the role, the organization and who invited', () => {
    const columns = manifest.tables.find(({ table }) => table === 'invitations')?.columns ?? {}
    const about = Object.entries(columns)
      .filter(([, { category }]) => !['system', 'secret'].includes(category))
      .map(([column]) => column)
    expect(about).toEqual(['email'])
    expect(Object.keys(columns)).toEqual(
      'org_id id code_digest email role invited_by expires_at used_at created_at'.split(' '),
    )
  })
})

const asText = (value: unknown): unknown =>
  typeof value === 'object' && value !== null ? JSON.stringify(value) : value

/** `connect` takes options, or a list of them, or a port. */
function portOf([first]: unknown[]): unknown {
  const options = (Array.isArray(first) ? first[0] : first) as { port?: unknown } | number
  return typeof options === 'object' ? options.port : options
}
