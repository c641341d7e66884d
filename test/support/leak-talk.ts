import { rows } from '../../src/db.ts'
import { apiOf, INSTALLATION, PART, PATIENCE_MS, type Told } from './leak-values.ts'
import { bodyAround, messageOf, messagesBody, postWebhook, statusOf } from './meta.ts'
import { operator } from './operator.ts'
import { until } from './until.ts'
import type { Visitor } from './visitor.ts'

export async function connect(
  { app, ears, given, secrets }: Told,
  owner: Visitor,
): Promise<{ id: string; appSecret: string; phoneNumberId: string; wabaId: string }> {
  const ids = { phone_number_id: '106000000001', waba_id: '206000000001' }
  const form = { ...ids, name: 'Desk', access_token: given.accessToken }
  await owner.post('/settings/connections', {
    ...form,
    app_secret: given.appSecret,
    verify_token: given.verifyToken,
    waba_id: 'none',
  })
  await owner.post('/settings/connections', {
    ...form,
    app_secret: given.appSecret,
    verify_token: given.verifyToken,
  })
  const cards = await owner.get('/settings/connections')
  const [, id = ''] = /whatsapp\/([0-9a-f-]{36})/.exec(cards.text) ?? []
  await owner.post(`/settings/connections/${id}/checks`)
  await owner.post(`/settings/connections/${id}/secrets`, { access_token: `${given.otherToken} é` })
  await owner.get('/settings/connections')
  for (const token of [given.verifyToken, given.wrongPassword])
    await ears.ask(
      'meta',
      `${app.url}/webhooks/whatsapp/${id}?hub.mode=subscribe&hub.verify_token=${token}&hub.challenge=42`,
    )
  for (const scopes of ['read', 'write']) {
    const page = await owner.post('/settings/api-keys', { name: 'Till', scopes })
    secrets[`${scopes}Key`] = /cf_[\w-]{20,}/.exec(page.text)?.[0] ?? ''
  }
  return { id, appSecret: given.appSecret, phoneNumberId: '106000000001', wabaId: '206000000001' }
}

export async function receive(
  { app, ears, personal }: Told,
  hook: { id: string; appSecret: string; phoneNumberId: string; wabaId: string },
): Promise<void> {
  const { phone, userId, username, customer: name } = personal
  const who = { phone, userId, username, name }
  const odd = { type: 'hologram', hologram: { says: personal.odd } }
  const failed = statusOf('wamid.unknown', 'failed', new Date(), {
    recipient_id: phone,
    errors: [{ code: 131_026, title: personal.odd, error_data: { details: personal.odd } }],
  })
  const bodies = [
    messagesBody(hook, who, messageOf(who, personal.question), messageOf(who, '', odd)),
    bodyAround(hook, { statuses: [failed] }),
    messagesBody({ ...hook, phoneNumberId: '1' }, who, messageOf(who, personal.stray)),
  ]
  await postWebhook(app.url, hook, bodies[0] ?? {}, { 'x-hub-signature-256': 'sha256=00' })
  for (const body of bodies) await deliver(() => postWebhook(app.url, hook, body))
  const shared = JSON.stringify(
    messagesBody({ ...hook, wabaId: '7', phoneNumberId: '8' }, who, messageOf(who, personal.stray)),
  )
  const platform = { id: '', appSecret: INSTALLATION.metaSecret }
  await deliver(() => postWebhook(app.url, platform, shared))
  await ears.ask('meta', `${app.url}/webhooks/whatsapp/${hook.id}`, {
    method: 'POST',
    body: personal.stray,
  })
}

/** As Meta does: until it is taken. */
const deliver = (post: () => Promise<Response>): Promise<true> =>
  until(async () => (await post()).status === 200, PATIENCE_MS)

export async function talk(
  { app, ears, personal, secrets }: Told,
  owner: Visitor,
  hook: { id: string },
): Promise<void> {
  const org = app.on.directory.find(hook.id)?.org ?? ''
  const read = (sql: string): Promise<{ is: string }[]> =>
    app.on.db.withTenant(org, (tx) => rows<{ is: string }>(tx, sql, [org]))
  const [found] = await until(async () => {
    const all = await read('select id as is from conversations where org_id = ?')
    return all.length > 0 && all
  }, PATIENCE_MS)
  const at = `/inbox/${found?.is}`
  await owner.get(`/inbox?q=${encodeURIComponent(personal.search)}`)
  await owner.get(at)
  await owner.post(`${at}/messages`, { text: `${personal.answer}${'.'.repeat(4_096)}` }, PART)
  for (const text of [personal.answer, personal.refused, personal.lost])
    await owner.post(`${at}/messages`, { text }, PART)
  await until(async () => {
    const all = await read('select status as is from messages where org_id = ?')
    const states = new Set(all.map(({ is }) => is))
    return ['accepted', 'failed', 'unknown'].every((state) => states.has(state))
  }, PATIENCE_MS)
  await apiOf(app, ears, secrets)('GET', `/conversations/${found?.is}/messages`)
  await owner.post(`${at}/draft`, { text: personal.draft }, PART)
  await owner.get(at)
  await owner.get(at, PART)
  await owner.post(
    '/contacts',
    { name: personal.customer, phone: personal.broken, email: personal.broken },
    PART,
  )
  await owner.post('/contacts', {
    name: 'Dora',
    phone: '+49 30 123456',
    email: personal.contactEmail,
  })
}

export async function useApi(
  { app, ears, given, personal, secrets }: Told,
  owner: Visitor,
): Promise<void> {
  const api = apiOf(app, ears, secrets)
  const text = JSON.stringify({ type: 'text', to: personal.phone, text: { body: personal.answer } })
  await api('POST', '/messages', text.slice(0, -1))
  await api('POST', '/messages', JSON.stringify({ type: personal.broken, to: personal.broken }))
  await api('GET', `/messages?wamid=${personal.broken}`)
  await api('GET', `/contacts?q=${personal.search}&limit=${personal.broken}`)
  await api('GET', `/contacts/${personal.broken}`)
  await ears.ask('program', `${app.url}/api/v1/contacts?access_token=${secrets['readKey']}`)
  await apiOf(app, ears, { readKey: given.wrongKey })('GET', '/contacts')
  await owner.get('/settings/api-keys')
}

/** The database as it fails with the words of a row in its mouth, for a page, a part of one and a program. */
export async function fail(
  { app, ears, personal, given, secrets }: Told,
  owner: Visitor,
): Promise<void> {
  const { withTenant } = app.on.db
  app.on.db.withTenant = () =>
    Promise.reject(
      Object.assign(
        new Error(`value too long: ${personal.broken}\n    at ${personal.broken} (/a.ts:1:1)`),
        {
          code: 'XX001',
          detail: personal.broken,
          config: { headers: { Authorization: `Bearer ${given.accessToken}` } },
          cause: new Error(`https://x/?access_token=${given.accessToken}`),
        },
      ),
    )
  const form = { name: personal.customer, phone: personal.phone, email: '' }
  await owner.post('/contacts', form)
  await owner.post('/contacts', form, PART)
  await apiOf(app, ears, secrets)('GET', '/contacts')
  app.on.db.withTenant = withTenant
}

const OPERATOR_SEES = [
  '/ops',
  '/ops/mail',
  '/ops/dead-letters',
  '/ops/queues',
  '/ops/rights',
  '/ops/findings',
]

const QUEUES = ['inbound', 'outbound', 'mail', 'usage']

/** Whoever may look into the machinery, and whoever may not look at all. */
export async function look({ app, ears }: Told, owner: Visitor): Promise<void> {
  const ops = await operator(app)
  const eye = ears.browser(app, 'operator', {
    cookie: [...ops.cookies].map((pair) => pair.join('=')).join('; '),
  })
  for (const path of OPERATOR_SEES) await eye.get(path)
  const letters = await eye.get('/ops/dead-letters')
  for (const [, path = ''] of letters.text.matchAll(/href="(\/ops\/dead-letters\/[0-9a-f-]{36})"/g))
    await eye.get(path)
  for (const queue of QUEUES)
    await eye.get(
      `/ops/queues/api/queues?activeQueue=${queue}&status=completed&page=1&jobsPerPage=50`,
    )
  const page = await owner.get('/contacts')
  const [, contact = ''] = /\/contacts\/([0-9a-f-]{36})/.exec(page.text) ?? []
  for (const path of ['/inbox', '/contacts', `/contacts/${contact}`, '/settings/connections'])
    await eye.get(path)
  await owner.get(`/contacts/${contact}`)
  await owner.get('/settings/security/audit')
}
