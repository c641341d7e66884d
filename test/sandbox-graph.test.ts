import { openSandbox } from '../src/sandbox/sandbox.ts'
import { startApp, type Running } from './support/app.ts'
import type { Org } from './support/org.ts'
import { read } from './support/inbound.ts'
import { until } from './support/until.ts'
import { openPhones, type SandboxClient } from './support/phone.ts'
import { signInAs } from './support/sign-in.ts'
import { visit } from './support/visitor.ts'

let app: Running
let org: Org
let phones: SandboxClient
let line: { accessToken: string; appSecret: string; verifyToken: string }

beforeAll(async () => {
  app = await startApp()
  org = await app.org()
  phones = await openPhones(app, org)
  const found = openSandbox(app.on).lines.find((one) => one.org === org.id)
  if (!found) throw new Error('no line')
  line = found
})
afterAll(() => app.stop())

const graph = async (
  path: string,
  body?: object | string,
  token = line.accessToken,
): Promise<{ status: number; body: { error?: { code: number; error_subcode?: number } } }> => {
  const answer = await fetch(`${app.url}/sandbox/graph/v26.0${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  return { status: answer.status, body: (await answer.json()) as object }
}
const send = async (body: object | string, token?: string) =>
  graph(`/${(await phones.report()).phone_number_id}/messages`, body, token)

test('answers what Meta answers to sends that cannot be', async () => {
  const { phone } = await phones.person()
  const base = { messaging_product: 'whatsapp', to: `+${phone}` }
  const codeOf = async (body: object | string, token?: string): Promise<number | undefined> =>
    (await send(body, token)).body.error?.code

  expect(await codeOf({ ...base, type: 'text' }, 'wrong')).toBe(190)
  expect((await send(base, 'wrong')).status).toBe(401)
  expect(await codeOf('{"half":')).toBe(100)
  expect(await codeOf('[]')).toBe(100)
  expect(await codeOf({ to: '1', type: 'text', text: { body: 'x' } })).toBe(100)
  expect(await codeOf({ ...base, type: 'telepathy', telepathy: {} })).toBe(100)
  expect(await codeOf({ ...base, type: 'text' })).toBe(131_008)
  expect(await codeOf({ ...base, type: 'text', text: {} })).toBe(131_008)
  expect(await codeOf({ ...base, type: 'text', text: { body: 'x'.repeat(4_097) } })).toBe(100)
  expect(await codeOf({ ...base, type: 'image', image: { link: 'not a link' } })).toBe(131_009)
  expect(await codeOf({ messaging_product: 'whatsapp', type: 'text', text: { body: 'x' } })).toBe(
    100,
  )
  expect(await codeOf({ ...base, to: '+19995550000', type: 'text', text: { body: 'x' } })).toBe(
    131_026,
  )
  // This customer has never written.
  expect(await codeOf({ ...base, type: 'text', text: { body: 'x' } })).toBe(131_047)
  expect(await codeOf({ ...base, status: 'read', message_id: 'wamid.none' })).toBe(131_009)
})

test('tells about the number, the token and the subscription, and of nothing else', async () => {
  const { phone_number_id } = await phones.report()
  expect((await graph(`/${phone_number_id}?fields=verified_name`)).body).toEqual({
    id: phone_number_id,
    verified_name: 'Test shop',
  })
  expect((await graph('/123456')).body.error).toMatchObject({ code: 100, error_subcode: 33 })
  expect((await graph(`/debug_token?input_token=${line.accessToken}`)).body).toMatchObject({
    data: { is_valid: true },
  })
  expect((await graph('/123456/subscribed_apps')).body.error?.code).toBe(100)
})

test('keeps a file that was uploaded until it is deleted', async () => {
  const { phone_number_id } = await phones.report()
  const body = new FormData()
  body.set('messaging_product', 'whatsapp')
  body.set('file', new Blob(['x'], { type: 'text/plain' }), 'x.txt')
  const headers = { authorization: `Bearer ${line.accessToken}` }
  const call = async (method: string, path: string, form?: FormData) => {
    const url = `${app.url}/sandbox/graph/v26.0/${path}`
    const answer = await fetch(url, { method, headers, body: form ?? null })
    return (await answer.json()) as { id?: string; success?: boolean; error?: object }
  }
  const { id = '' } = await call('POST', `${phone_number_id}/media`, body)
  expect(await call('GET', id)).toMatchObject({ id })
  expect(await call('DELETE', id)).toEqual({ success: true })
  expect((await call('DELETE', id)).error).toMatchObject({ code: 100, error_subcode: 33 })
})

test('has templates of every shape, lists them page by page, and takes those that are approved and filled', async () => {
  const { phone } = await phones.person()
  const waba = openSandbox(app.on).lines.find((one) => one.org === org.id)?.wabaId ?? ''
  type Page = {
    data: { name: string; status: string }[]
    paging: { next?: string; cursors: { after: string } }
  }
  const page = async (query: string): Promise<Page> =>
    (await graph(`/${waba}/message_templates?${query}`)).body as unknown as Page
  const first = await page('limit=10&fields=name,status')
  const rest = await page(`limit=10&after=${first.paging.cursors.after}`)
  expect(first.paging.next).toContain('after=')
  expect(rest.paging.next).toBeUndefined()
  expect([...first.data, ...rest.data].map(({ name }) => name)).toContain('login_code')
  expect((await page('status=PAUSED')).data).toHaveLength(1)
  expect((await graph('/123456/message_templates')).body.error?.code).toBe(100)

  const ask = async (name: string, components: object[], code = 'en') =>
    (
      await send({
        messaging_product: 'whatsapp',
        to: `+${phone}`,
        type: 'template',
        template: { name, language: { code }, components },
      })
    ).body.error?.code
  const words = (...texts: string[]) => [
    { type: 'body', parameters: texts.map((text) => ({ type: 'text', text })) },
  ]
  expect(await ask('nothing', [])).toBe(132_001)
  expect(await ask('size_survey', [])).toBe(132_001)
  expect(await ask('flash_sale', words('Ana'))).toBe(132_015)
  expect(await ask('appointment_tomorrow', words('Ana'), 'pt_BR')).toBe(132_000)
  expect(await ask('appointment_tomorrow', words('Ana', 'a\nb'), 'pt_BR')).toBe(132_018)
  expect(await ask('invoice', words('Ana', 'May'))).toBe(132_012)
  expect(await ask('coupon', words('20 %'))).toBe(131_008)
  // No window is open: this is what templates are for.
  expect(await ask('appointment_tomorrow', words('Ana', '10:00'), 'pt_BR')).toBeUndefined()
  const chat = JSON.stringify(await phones.report())
  expect(chat).toContain('Olá Ana, esperamos você amanhã às 10:00')
})

test('looks at a template that is made or edited, tells how it decided, and lets it go', async () => {
  const waba = openSandbox(app.on).lines.find((one) => one.org === org.id)?.wabaId ?? ''
  const shelf = `/${waba}/message_templates`
  const draft = (name: string, text: string, more: object = {}) => ({
    name,
    language: 'en',
    category: 'UTILITY',
    components: [{ type: 'BODY', text, ...more }],
  })
  const refusal = async (body: object) => (await graph(shelf, body)).body.error?.error_subcode
  expect(await refusal(draft('order_ready', 'There already'))).toBe(2_388_024)
  expect(await refusal(draft('long', 'x'.repeat(1_025)))).toBe(2_388_040)
  expect(await refusal(draft('edge', '{{1}} comes first'))).toBe(2_388_299)
  expect(await refusal(draft('bare', 'Hi {{1}}!'))).toBe(2_388_043)
  expect((await graph(shelf, draft('Not a name', 'x'))).body.error?.code).toBe(100)

  const made = (await graph(shelf, draft('fresh', 'It came.'))).body as { id?: string }
  expect(made).toMatchObject({ status: 'PENDING', category: 'UTILITY' })
  expect((await graph(`/${made.id}`, draft('fresh', 'Too early.'))).body.error?.error_subcode).toBe(
    2_388_039,
  )
  const decided = (status: string): Promise<unknown> =>
    until(async () => {
      const rows = await read<{ status: string }>(
        app.on,
        org,
        `select status from templates where org_id = :org and name = 'fresh'`,
      )
      return rows[0]?.status === status
    })
  await decided('APPROVED')
  expect((await graph(`/${made.id}`, draft('fresh', 'Please reject me.'))).body).toEqual({
    success: true,
  })
  await decided('REJECTED')
  const url = `${app.url}/sandbox/graph/v26.0${shelf}?name=fresh&hsm_id=${made.id}`
  const headers = { authorization: `Bearer ${line.accessToken}` }
  expect((await fetch(url, { method: 'DELETE', headers })).status).toBe(200)
  await decided('DELETED')
  expect((await fetch(url, { method: 'DELETE', headers })).status).toBe(400)
})

test('never shows a secret', async () => {
  const cookie = await signInAs(app.on, org, org.owner)
  const { id } = await phones.person()
  await phones.post(`/people/${id}/messages`, { text: 'Hi' })
  const pages = await Promise.all(
    ['/sandbox', '/sandbox/wire'].flatMap((path) =>
      ['text/html', 'application/json'].map(async (accept) =>
        (await fetch(app.url + path, { headers: { cookie, accept } })).text(),
      ),
    ),
  )
  for (const secret of [line.accessToken, line.appSecret, line.verifyToken])
    expect(pages.join('')).not.toContain(secret)
})

test('is another one for each organization, and connecting is for admins', async () => {
  const other = await app.org()
  const agent = visit(app, {
    cookie: await signInAs(app.on, other, await other.person('agent')),
  })
  const page = await agent.get('/sandbox')
  expect(page.text).toContain('Try it without a Meta account')
  expect((await agent.post('/sandbox/connection')).status).toBe(403)

  const theirs = await openPhones(app, other)
  const mine = await phones.person()
  await expect(theirs.post(`/people/${mine.id}/messages`, { text: 'x' })).rejects.toThrow('404')
  await expect(theirs.post('/connection')).rejects.toThrow('409')
})

test('works by forms and reload where there are no scripts', async () => {
  const shop = await app.org()
  const owner = visit(app, { cookie: await signInAs(app.on, shop, shop.owner) })
  expect((await owner.post('/sandbox/connection')).status).toBe(303)
  const made = await owner.post('/sandbox/people', {
    name: 'Zoë',
    place: 'Germany',
    username: '',
  })
  const address = made.location
  const person = new URL(address, app.url).searchParams.get('person')
  const said = await owner.post(`/sandbox/people/${person}/messages`, { text: '<b>Grüße</b>' })
  expect(said.location).toBe(address)
  const page = await owner.get(address)
  expect(page.text).toContain('&lt;b&gt;Grüße&lt;/b&gt;')
  expect((await owner.post(`/sandbox/people/${person}/messages`, { text: ' ' })).status).toBe(422)
  expect((await owner.post('/sandbox/switches', { delay_seconds: '-1' })).status).toBe(422)
})

test('a signed-out person is sent to the sign-in', async () => {
  const answer = await fetch(`${app.url}/sandbox`, { redirect: 'manual' })
  expect([answer.status, answer.headers.get('location')]).toEqual([303, '/login?next=%2Fsandbox'])
})
