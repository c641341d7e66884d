import { listConnections, noteHandshake, noteWebhook } from '../src/connections/connections.ts'
import { startApp, type Running } from './support/app.ts'
import { refusedBy, startMeta, type Meta } from './support/graph-questions.ts'
import type { Org } from './support/org.ts'
import { signInAs } from './support/sign-in.ts'
import { openTalk } from './support/talk.ts'
import { until } from './support/until.ts'
import { visit, type Visitor } from './support/visitor.ts'

const HOME = '/settings/connections'
/** Sign-ins end by the database's clock, so this one may stand still but not be wrong. */
const NOW = new Date()
let meta: Meta
let app: Running
let org: Org
let admin: Visitor

beforeAll(async () => {
  meta = await startMeta()
  app = await startApp({ workers: false, now: () => NOW, env: { GRAPH_API_URL: meta.url } })
})
afterAll(async () => {
  await app.stop()
  await meta.stop()
})
beforeEach(async () => {
  org = await app.org()
  admin = visit(app, { cookie: await signInAs(app.on, org, await org.person('admin')) })
})

const pageOf = async (visitor: Visitor): Promise<string> => (await visitor.get(HOME)).text
const connections = () => app.on.db.withTenant(org.id, (tx) => listConnections(tx, org.id))

describe('a card', () => {
  test('says that Meta has not called yet, then when it did, then when the last webhook came', async () => {
    const { id } = org.connection
    expect(await pageOf(admin)).toMatch(
      /Waiting for Meta[^]*Meta has not called the callback address yet[^]*No webhook yet/,
    )
    await fetch(
      `${app.url}/webhooks/whatsapp/${id}?hub.mode=subscribe&hub.challenge=42&hub.verify_token=${org.connection.verifyToken}`,
    )
    const noted = async () => {
      const [one] = await connections()
      return one?.settings.handshake_at
    }
    expect(await until(noted)).toBe(NOW.toISOString())
    expect(await pageOf(admin)).toMatch(/Callback address confirmed by Meta[^]*0 s ago/)
    const earlier = new Date(NOW.getTime() - 5 * 60_000)
    await app.on.db.withTenant(org.id, (tx) => noteWebhook(tx, org.id, id, earlier))
    expect(await pageOf(admin)).toMatch(/Last webhook[^]*5 min ago/)
  })

  test('is checked on request and comes back with the answer', async () => {
    const { id, phoneNumberId } = org.connection
    await noteHandshake(app.on, org.id, id)
    meta.answer(`/${phoneNumberId}`, {
      status: 200,
      body: { quality_rating: 'YELLOW', display_phone_number: '+1 555 0142' },
    })
    const answer = await admin.post(`${HOME}/${id}/checks`)
    expect(answer.status).toBe(303)
    expect(answer.location).toBe(`${HOME}#connection-${id}`)
    expect(await pageOf(admin)).toMatch(
      /\+1 555 0142[^]*Healthy[^]*Meta accepts the access token\.[^]*Quality medium/,
    )
  })

  test('says nothing of not being able to send when Meta is only busy', async () => {
    meta.answer(`/${org.connection.phoneNumberId}`, refusedBy(80_008, 'Too many calls'))
    await noteHandshake(app.on, org.id, org.connection.id)
    await admin.post(`${HOME}/${org.connection.id}/checks`)
    const page = await pageOf(admin)
    expect(page).toMatch(/Check failed[^]*Meta takes no more questions for now[^]*Too many calls/)
    expect(page).not.toContain('Cannot send')
  })

  test('of a suspended number says why, how many replies wait, and offers new secrets first', async () => {
    const { id } = org.connection
    const suspend = { state: 'suspended', state_reason: '190/463' }
    await app.on.db.withTenant(org.id, (tx) =>
      tx('connections').where({ org_id: org.id, id }).update(suspend),
    )
    const talk = await openTalk(app.on, org)
    await talk.say('Yes, two left')
    expect(await pageOf(admin)).toMatch(
      /Cannot send[^]*The access token has expired\.[^]* 1 reply waits [^]*class="btn primary" id="secrets-/,
    )
    await talk.say('And one in blue')
    expect(await pageOf(admin)).toContain('2 replies wait and will go out when this is mended.')
  })

  test('is switched off and on again', async () => {
    const { id } = org.connection
    const state = async () => (await connections())[0]?.state
    await admin.post(`${HOME}/${id}/state`, { state: 'disabled' })
    expect(await state()).toBe('disabled')
    expect(await pageOf(admin)).toMatch(/Switched off[^]*Switch on/)
    await admin.post(`${HOME}/${id}/state`, { state: 'active' })
    expect(await state()).toBe('active')
    expect((await admin.post(`${HOME}/${id}/state`, { state: 'removed' })).status).toBe(422)
  })

  test('of an organization without a number is an invitation to connect one', async () => {
    await app.on.db.withTenant(org.id, (tx) =>
      tx('connections').where({ org_id: org.id }).update({ state: 'removed' }),
    )
    expect(await pageOf(admin)).toContain('No number is connected yet')
  })
})
