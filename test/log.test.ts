import { createHmac, randomBytes } from 'node:crypto'
import { format, inspect } from 'node:util'
import { createOrganization } from '../src/accounts/accounts.ts'
import { createApiKey } from '../src/accounts/api-keys.ts'
import { createConnection } from '../src/connections/connections.ts'
import { describeError, openLog, type Fields } from '../src/log.ts'
import { hidden, Secret } from '../src/secret.ts'
import { BACKENDS, startApp } from './support/app.ts'
import { startGraph } from './support/graph.ts'
import { until } from './support/until.ts'
import { visit } from './support/visitor.ts'

const word = (what: string): string => `${what}-${randomBytes(6).toString('hex')}`

/** One value per kind of thing that a log may never hold. */
const canaries = () => ({
  email: `${word('mail')}@example.test`,
  password: `${word('password')} long enough`,
  person: word('Person'),
  customer: word('Customer'),
  phone: `1555${randomBytes(4).readUInt32BE()}`.slice(0, 11).padEnd(11, '7'),
  question: word('question'),
  answer: word('answer'),
  token: word('access-token'),
  secret: word('app-secret'),
  verify: word('verify-token'),
  search: word('search'),
})

describe.each(BACKENDS)('with queues in %s', (backend) => {
  test('the whole main path leaves no text, name, number or secret in any log line', async () => {
    const graph = await startGraph()
    const app = await startApp({ backend, env: { GRAPH_API_URL: graph.url, LOG_LEVEL: 'trace' } })
    const secret = canaries()
    const { org } = await createOrganization(app.on, {
      name: 'Shop',
      ownerEmail: secret.email,
      ownerName: secret.person,
      password: secret.password,
    })
    const connection = await createConnection(app.on, org, {
      phoneNumberId: '106000000001',
      wabaId: '206000000001',
      accessToken: secret.token,
      appSecret: secret.secret,
      verifyToken: secret.verify,
    })
    const { key } = await createApiKey(app.on, org, { name: 'log', scopes: ['read', 'write'] })
    const hook = app.url + connection.webhookPath

    const body = JSON.stringify({
      object: 'whatsapp_business_account',
      entry: [
        {
          id: '206000000001',
          changes: [
            {
              field: 'messages',
              value: {
                messaging_product: 'whatsapp',
                metadata: { phone_number_id: '106000000001', display_phone_number: secret.phone },
                contacts: [{ profile: { name: secret.customer }, wa_id: secret.phone }],
                messages: [
                  {
                    from: secret.phone,
                    id: `wamid.${secret.question}`,
                    timestamp: String(Math.floor(Date.now() / 1000)),
                    type: 'text',
                    text: { body: secret.question },
                  },
                ],
              },
            },
          ],
        },
      ],
    })
    const post = (signature: string): Promise<Response> =>
      fetch(hook, {
        method: 'POST',
        body,
        headers: { 'content-type': 'application/json', 'x-hub-signature-256': signature },
      })
    expect((await post('sha256=00')).status).toBe(401)
    expect(
      (await post(`sha256=${createHmac('sha256', secret.secret).update(body).digest('hex')}`))
        .status,
    ).toBe(200)
    await fetch(`${hook}?hub.mode=subscribe&hub.verify_token=${secret.verify}&hub.challenge=1`)

    const browser = visit(app)
    await browser.post('/login', { email: secret.email, password: `${secret.password}-wrong` })
    await browser.post('/login', { email: secret.email, password: secret.password })
    const cookie = [...browser.cookies.values()].join(' ')
    expect((await browser.get('/inbox')).status).toBe(200)
    await browser.get(`/inbox?q=${secret.search}`)
    await browser.get(`/contacts?q=${secret.phone}`)

    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
    const list = async (): Promise<{ id: string }[]> =>
      (
        (await (await fetch(`${app.url}/api/v1/conversations`, { headers })).json()) as {
          data: { id: string }[]
        }
      ).data
    const [conversation] = await until(async () => (await list()).length > 0 && (await list()))
    graph.script({ code: 131_026 })
    const answer = JSON.stringify({ type: 'text', text: { body: secret.answer } })
    for (let n = 0; n < 2; n += 1)
      await fetch(`${app.url}/api/v1/conversations/${conversation?.id}/messages`, {
        method: 'POST',
        headers,
        body: answer,
      })
    await fetch(`${app.url}/api/v1/conversations/${conversation?.id}/messages`, {
      method: 'POST',
      headers,
      body: `{"type":"text","text":{"body":"${secret.answer}`,
    })
    await until(() => graph.calls.length === 2)
    await app.on.db
      .withTenant(org, (tx) => tx.raw('select ?::int', [secret.answer]))
      .catch((error: unknown) => app.on.log.error({ err: error }, 'provoked'))
    await app.stop()
    await graph.stop()

    const log = app.lines.join('')
    expect(log).toContain('"queue":"inbound"')
    expect(log).toMatch(/"request":"[0-9a-f-]{36}"/)
    const unseen = { ...secret, key, cookie, wamid: `wamid.${secret.question}` }
    for (const [what, value] of Object.entries(unseen)) {
      for (const shape of [
        value,
        encodeURIComponent(value),
        Buffer.from(value).toString('base64').replace(/=+$/, ''),
        Buffer.from(value).toString('hex'),
      ]) {
        expect({ what, found: log.includes(shape) }).toEqual({ what, found: false })
      }
    }
  })
})

test('an error is logged by kind, code and place, never by its words', () => {
  const error = Object.assign(new Error('Key (email)=(ana@example.test) already exists.'), {
    code: '23505',
    detail: 'ana@example.test',
  })
  const described = describeError(error)
  expect(described).toMatchObject({ type: 'Error', code: '23505' })
  expect(JSON.stringify(described)).not.toContain('ana@')
})

test('words that look like the place of an error stay out of its place', () => {
  const error = new Error(
    'no\n    at ana@example.test (/home/ana.ts:1:1)\n    at 4915112345678:1:1',
  )
  const told = JSON.stringify(describeError(error))
  expect(told).toMatch(/log\.test\.ts:\d+/)
  expect(told).not.toMatch(/ana|49151/)
})

test('a line has fields of a closed set with ids, codes, counts and times, and counts what it withholds', () => {
  const lines: string[] = []
  const log = openLog('debug', { write: (line: string) => void lines.push(line) })
  const ours = { job: '17', status: 200, due: new Date(0), counts: { contacts: 2 } }
  const theirs = { phone: '4915112345678', headers: { authorization: 'Bearer x' }, token: 'x' }
  const odd = { reason: 'Ana wrote to us', code: 'EAAB0123456789abcdefgh', row: { name: 'Ana' } }
  const loose: object = { ...ours, ...theirs, ...odd }
  log.child({ org: 'o1' }).warn(loose as Fields, 'told')
  const told = JSON.parse(lines.join('')) as Record<string, unknown>
  const due = '1970-01-01T00:00:00.000Z'
  expect(told).toMatchObject({ ...ours, due, org: 'o1', withheld: 6, msg: 'told' })
  expect(Object.keys(told)).toHaveLength(9)
})

test('a secret shows itself nowhere, and serves only what it is there for', () => {
  const secret = new Secret('hunter22', 'handshake')
  const both = { secret, bytes: hidden(Buffer.from('hunter22')) }
  const shown = [JSON.stringify(both), inspect(both), format('%s %o %j', secret, secret, secret)]
  shown.push(String(secret), JSON.stringify(Object.entries(secret)))
  shown.push(inspect(structuredClone(secret)))
  expect(shown.join()).not.toMatch(/hunter22|68 75 6e 74|104,117/)
  expect(secret.reveal('handshake')).toBe('hunter22')
  expect(() => secret.reveal('call_graph')).toThrow('not there to call_graph')
})
