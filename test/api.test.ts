import { createApiKey, findApiKey, revokeApiKey } from '../src/accounts/api-keys.ts'
import { rows } from '../src/db.ts'
import { startApp, type Running } from './support/app.ts'
import type { Org } from './support/org.ts'
import { program, talkWith } from './support/program.ts'
import { signInAs } from './support/sign-in.ts'
import { until } from './support/until.ts'

let app: Running
let org: Org
beforeAll(async () => {
  app = await startApp({ workers: false })
})
beforeEach(async () => {
  org = await app.org()
})
afterAll(() => app.stop())

const TEXT = { type: 'text', text: { body: 'Hello' } }
const call = (path: string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${app.url}/api/v1${path}`, { headers })

describe('who may call', () => {
  test('a key is shown once and only its digest is kept', async () => {
    const { key, id } = await createApiKey(app.on, org.id, { name: 'Orders' })
    expect(key).toMatch(/^cf_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}$/)
    const [row] = await app.on.db.withTenant(org.id, (tx) =>
      rows<{ row: string }>(tx, 'select k::text as row from api_keys k where id = ?', [id]),
    )
    expect(row?.row).not.toContain(key.slice(3, 46))
    expect(await findApiKey(app.on, key)).toEqual({ org: org.id, id, scopes: ['read', 'write'] })
  })

  test.each([
    ['no name', { name: ' ' }],
    ['an unknown scope', { name: 'x', scopes: ['admin'] }],
    ['no scope', { name: 'x', scopes: [] }],
  ])('a key with %s is refused', async (_what, wanted) => {
    await expect(createApiKey(app.on, org.id, wanted)).rejects.toMatchObject({ status: 422 })
  })

  test('a key for no organization is refused', async () => {
    const unknown = '0197a5f0-0000-7000-8000-000000000000'
    await expect(createApiKey(app.on, unknown, { name: 'x' })).rejects.toMatchObject({
      status: 404,
    })
  })

  test('only a bearer key opens the door, and what it says is a problem document', async () => {
    const { key } = await program(app, org)
    const typo = key.replace(/^cf_./, (start) => (start === 'cf_a' ? 'cf_b' : 'cf_a'))
    const signs = {
      none: '',
      word: 'Bearer',
      basic: `Basic ${key}`,
      other: 'Bearer x',
      typo: `Bearer ${typo}`,
    }
    for (const authorization of Object.values(signs)) {
      const answer = await call('/conversations', authorization ? { authorization } : {})
      expect(answer.status).toBe(401)
      expect(answer.headers.get('content-type')).toBe('application/problem+json; charset=utf-8')
      expect(answer.headers.get('www-authenticate')).toContain('Bearer')
      expect(await answer.json()).toMatchObject({ status: 401, code: 'unauthorized' })
    }
    expect((await call('/conversations', { authorization: `Bearer ${key}` })).status).toBe(200)
    expect((await call('/conversations', { authorization: `bearer ${key}` })).status).toBe(200)
  })

  test('a revoked or expired key is refused at once', async () => {
    const { id, key } = await createApiKey(app.on, org.id, { name: 'Old' })
    const late = await createApiKey(app.on, org.id, { name: 'Late' })
    await revokeApiKey(app.on, org.id, id)
    await app.on.db.withTenant(org.id, (tx) =>
      rows(tx, `update api_keys set expires_at = now() - interval '1 second' where id = ?`, [
        late.id,
      ]),
    )
    for (const gone of [key, late.key])
      expect((await call('/contacts', { authorization: `Bearer ${gone}` })).status).toBe(401)
  })

  test('a key in the address is refused, whatever else is sent', async () => {
    const { key } = await program(app, org)
    for (const query of [`access_token=${key}`, `x=${key}`, 'api_key=abc']) {
      const answer = await call(`/contacts?${query}`, { authorization: `Bearer ${key}` })
      expect(answer.status).toBe(400)
      expect(await answer.json()).toMatchObject({ code: 'key_in_query' })
    }
  })

  test('a session cookie neither replaces a key nor goes with one', async () => {
    const { key } = await program(app, org)
    const cookie = await signInAs(app.on, org, org.owner)
    expect((await call('/contacts', { cookie })).status).toBe(401)
    const both = await call('/contacts', { cookie, authorization: `Bearer ${key}` })
    expect(await both.json()).toMatchObject({ status: 400, code: 'two_identities' })
  })

  test('a scope allows its half', async () => {
    const { contact } = await talkWith(app, org)
    const reader = await program(app, org, ['read'])
    const writer = await program(app, org, ['write'])
    expect((await reader.get('/contacts')).status).toBe(200)
    expect((await writer.get('/contacts')).status).toBe(403)
    const change = { name: 'New' }
    expect((await reader.send('PATCH', `/contacts/${contact}`, change)).status).toBe(403)
    expect((await writer.send('PATCH', `/contacts/${contact}`, change)).status).toBe(200)
  })

  test('the day a key was used is kept', async () => {
    const { get } = await program(app, org)
    await get('/contacts')
    const day = app.on.now().toISOString().slice(0, 10)
    const used = until(async () => {
      const [row] = await app.on.db.withTenant(org.id, (tx) =>
        rows<{ day: string }>(
          tx,
          'select last_used_on::text as day from api_keys where org_id = ?',
          [org.id],
        ),
      )
      return row?.day
    })
    expect(await used).toBe(day)
  })
})

/** Nothing else is wrong with it but a connection that is not there, which would be 404. */
const DEEP = JSON.stringify({
  connection_id: '0197a5f0-0000-7000-8000-000000000000',
  to: '+14155550100',
  type: 'template',
  template: {
    name: 'order_ready',
    language: { code: 'en' },
    components: [{ type: 'body', parameters: [{ type: 'text', text: 'DEEP' }] }],
  },
}).replace('"DEEP"', '['.repeat(40) + ']'.repeat(40))

describe('what is refused', () => {
  test.each([
    ['an unknown address', 'GET', '/nothing', undefined, 404],
    ['an unknown id', 'GET', '/contacts/0197a5f0-0000-7000-8000-000000000000', undefined, 404],
    ['no id at all', 'GET', '/contacts/me', undefined, 404],
    ['another method', 'DELETE', '/connections', undefined, 405],
    ['a limit over 100', 'GET', '/contacts?limit=101', undefined, 422],
    ['a limit of nothing', 'GET', '/contacts?limit=0', undefined, 422],
    ['an unknown filter', 'GET', '/conversations?state=open', undefined, 422],
    ['a filter given twice', 'GET', '/conversations?status=open&status=open', undefined, 422],
    ['an unknown status', 'GET', '/conversations?status=closed', undefined, 422],
    ['an assignee that is no id', 'GET', '/conversations?assignee=me', undefined, 422],
    ['a made-up cursor', 'GET', '/contacts?cursor=abc.def', undefined, 422],
    ['a NUL in the search', 'GET', '/contacts?q=a%00b', undefined, 422],
    ['broken JSON', 'POST', '/contacts', '{"phone":', 400],
    ['JSON that is no object', 'POST', '/contacts', '"text"', 400],
    ['a list', 'POST', '/contacts', '[]', 422],
    ['no body', 'POST', '/contacts', '', 422],
    ['an unknown field', 'POST', '/contacts', '{"phone":"+14155550100","role":"x"}', 422],
    [
      'a field of the prototype',
      'POST',
      '/contacts',
      '{"phone":"+14155550100","__proto__":{}}',
      422,
    ],
    ['a NUL in a text', 'POST', '/contacts', '{"phone":"+14155550100","name":"a\\u0000"}', 422],
    ['half a pair', 'POST', '/contacts', '{"phone":"+14155550100","name":"\\ud83d"}', 422],
    ['a deep body', 'POST', '/messages', DEEP, 422],
    ['a huge body', 'POST', '/contacts', JSON.stringify({ name: 'x'.repeat(300_000) }), 413],
  ])('%s', async (...[, method, path, body, status]) => {
    const { send, get } = await program(app, org)
    const answer = method === 'GET' ? await get(path) : await send(method, path, body ?? '{}')
    expect(answer.status).toBe(status)
    expect(answer.headers.get('content-type')).toContain('application/problem+json')
    expect(answer.body).toMatchObject({
      status,
      type: expect.any(String) as string,
      title: expect.any(String) as string,
      detail: expect.any(String) as string,
    })
    expect(JSON.stringify(answer.body)).not.toMatch(/at \w+ \(|node_modules|select /)
  })

  test('unknown fields are named by their place', async () => {
    const { send } = await program(app, org)
    const { conversation } = await talkWith(app, org)
    const body = { type: 'text', text: { body: 'x', bold: true }, to: '+14155550100' }
    const answer = await send('POST', `/conversations/${conversation}/messages`, body)
    expect(answer.status).toBe(422)
    const fields = (answer.body['errors'] as { field: string }[]).map(({ field }) => field)
    expect(fields.toSorted()).toEqual(['text.bold', 'to'])
  })

  test('a body that is not JSON is 415 and a method that is not there names those that are', async () => {
    const { send } = await program(app, org)
    const form = { 'content-type': 'application/x-www-form-urlencoded' }
    expect((await send('POST', '/contacts', 'phone=1', form)).status).toBe(415)
    const wrong = await send('DELETE', '/contacts', {})
    expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'GET, POST'])
  })
})

test('another organization’s things are the same 404 as unknown ones', async () => {
  const theirs = await talkWith(app, await app.org())
  const sent = await (await program(app, await app.org())).get('/contacts')
  expect(sent.body['data']).toEqual([])
  const { get, send } = await program(app, org)
  const unknown = '0197a5f0-0000-7000-8000-000000000000'
  const answers = async (talk: { contact: string; conversation: string }): Promise<unknown[]> => {
    const { contact, conversation } = talk
    const all = [
      await get(`/conversations/${conversation}`),
      await get(`/conversations/${conversation}/messages`),
      await send('PATCH', `/conversations/${conversation}`, { status: 'resolved' }),
      await send('POST', `/conversations/${conversation}/messages`, TEXT),
      await get(`/contacts/${contact}`),
      await send('PATCH', `/contacts/${contact}`, { name: 'Mine' }),
      await get(`/messages/${conversation}`),
    ]
    return all.map(({ status, body }) => ({ status, body: { ...body, instance: '' } }))
  }
  const foreign = await answers(theirs)
  expect(foreign).toEqual(await answers({ contact: unknown, conversation: unknown }))
  expect(foreign.map((each) => (each as { status: number }).status)).toEqual(Array(7).fill(404))
})

test('the description names every call with its body, and the page shows them', async () => {
  const answer = await call('/openapi.json')
  expect(answer.status).toBe(200)
  const api = (await answer.json()) as {
    openapi: string
    paths: Record<string, Record<string, { requestBody?: object }>>
    components: { schemas: Record<string, { properties: object }> }
  }
  expect(api.openapi).toBe('3.1.0')
  expect(Object.keys(api.paths)).toEqual([
    '/conversations',
    '/conversations/{id}',
    '/conversations/{id}/messages',
    '/messages',
    '/messages/{id}',
    '/media',
    '/media/{id}',
    '/contacts',
    '/contacts/{id}',
    '/contacts/{id}/export',
    '/connections',
    '/templates',
    '/events',
  ])
  expect(api.paths['/messages']?.['post']?.requestBody).toBeDefined()
  expect(Object.keys(api.components.schemas['Conversation']?.properties ?? {})).toContain('unread')
  // Each reference leads somewhere.
  for (const [, name] of JSON.stringify(api).matchAll(/"#\/components\/schemas\/(\w+)"/g))
    expect(api.components.schemas).toHaveProperty(name ?? '')
  const page = await (await fetch(`${app.url}/api/docs`)).text()
  expect(page).toContain('POST /api/v1/conversations/{id}/messages')
})
