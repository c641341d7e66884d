import { createApiKey } from '../../src/accounts/api-keys.ts'
import { rows } from '../../src/db.ts'
import { watchIncidents } from '../../src/incidents/clock.ts'
import { closeIncident, openIncident, account } from '../../src/incidents/incidents.ts'
import { noteReach, showReach } from '../../src/incidents/reach.ts'
import { startApp, type Running } from '../support/app.ts'
import { chatWith } from '../support/inbox.ts'
import { audited, operator, OPERATORS } from '../support/operator.ts'
import type { Org, Person } from '../support/org.ts'
import { signInAs } from '../support/sign-in.ts'
import { visit, type Visitor } from '../support/visitor.ts'

const HOUR = 3_600_000

describe('P32 — a breach is noticed, timed and told', () => {
  let app: Running
  let org: Org
  let now: Date
  let aware: Date
  beforeAll(async () => {
    app = await startApp({ workers: false, now: () => now, env: { OPS_EMAILS: OPERATORS } })
  })
  beforeEach(async () => {
    now = new Date()
    aware = new Date(now.getTime() - 10 * HOUR)
    org = await app.org()
    for (const table of ['incidents', 'alarms', 'mail_outbox'])
      await app.on.db.withSystem((tx) => rows(tx, `delete from ${table}`))
  })
  afterAll(() => app.stop())

  const open = (): Promise<string> =>
    openIncident(app.on, { kind: 'confidentiality', aware_at: aware, facts: 'A key leaked' })
  const at = (hours: number, ms = 0): Date => new Date(aware.getTime() + hours * HOUR + ms)
  const stages = async (): Promise<string[]> => {
    const found = await app.on.db.withSystem((tx) =>
      rows<{ stage: string }>(
        tx,
        `select stage from alarms where kind = 'incident' and cleared_at is null order by raised_at`,
      ),
    )
    return found.map(({ stage }) => stage)
  }
  const mailsTo = (user: string): Promise<object[]> =>
    app.on.db.withSystem((tx) => rows(tx, 'select kind from mail_outbox where user_id = ?', [user]))
  const as = async (person: Person): Promise<Visitor> =>
    visit(app, { cookie: await signInAs(app.on, org, person) })

  test('the authority’s clock runs from when we knew: alarms at 48 and 71 hours, and when it is over, once each', async () => {
    await open()
    await watchIncidents(app.on, at(48, -1))
    expect(await stages()).toEqual([])
    await watchIncidents(app.on, at(48))
    await watchIncidents(app.on, at(70))
    expect(await stages()).toEqual(['authority_forty_eight'])
    await watchIncidents(app.on, at(71))
    expect(await stages()).toEqual(['authority_forty_eight', 'authority_seventy_one'])
    await watchIncidents(app.on, at(72))
    await watchIncidents(app.on, at(90))
    expect(await stages()).toHaveLength(3)
    const letters = await app.on.db.withSystem((tx) =>
      rows(tx, `select 1 from mail_outbox where kind = 'alarm'`),
    )
    expect(letters).toHaveLength(3)
  })

  test('organizations have a clock of their own, and a clock that was answered is silent', async () => {
    const id = await open()
    const leak = { exposed: 'organization' as const, id: org.id, from: aware, until: now }
    await noteReach(app.on, id, leak)
    await account(app.on, id, { authority_reason: 'No risk to anybody' })
    await watchIncidents(app.on, at(20, -1))
    expect(await stages()).toEqual([])
    await watchIncidents(app.on, at(20))
    await watchIncidents(app.on, at(24))
    expect(await stages()).toEqual(['organizations_twenty', 'organizations_late'])
    await app.on.db.withSystem((tx) => rows(tx, 'update incident_orgs set told_at = ?', [now]))
    await watchIncidents(app.on, at(25))
    expect(await stages()).toEqual([])
  })

  test('it cannot be closed before all is accounted for, by the page or by the database', async () => {
    const id = await open()
    await noteReach(app.on, id, { exposed: 'organization', id: org.id, from: aware, until: now })
    const missing = async (): Promise<string[]> =>
      closeIncident(app.on, id).then(
        () => [],
        (refused: { fields: object }) => Object.keys(refused.fields),
      )
    expect(await missing()).toEqual(['effects', 'measures', 'authority', 'organizations', 'people'])
    await account(app.on, id, {
      effects: 'None seen',
      measures: 'Revoked',
      people_reason: 'Sealed data only',
    })
    expect(await missing()).toEqual(['authority', 'organizations'])
    const force = app.on.db.withSystem((tx) => rows(tx, 'update incidents set closed_at = now()'))
    await expect(force).rejects.toThrow(/incidents_accounted/)
    await account(app.on, id, { notified_authority_at: now })
    await app.on.db.withSystem((tx) => rows(tx, 'update incident_orgs set told_at = ?', [now]))
    expect(await missing()).toEqual([])
    await expect(account(app.on, id, { facts: 'Another story' })).rejects.toMatchObject({
      code: 'closed',
    })
  })

  test('of a leaked API key the reach is exactly the rows it was given', async () => {
    const [first, second] = [await chatWith(app, org, 'hello'), await chatWith(app, org, 'salut')]
    const { id: key, key: secret } = await createApiKey(app.on, org.id, { name: 'shop' })
    const other = await createApiKey(app.on, org.id, { name: 'till' })
    const get = async (
      path: string,
      bearer = secret,
    ): Promise<{ data?: { id: string }[]; id?: string }> => {
      const answer = await fetch(`${app.url}/api/v1${path}`, {
        headers: { Authorization: `Bearer ${bearer}` },
      })
      return (await answer.json()) as { data?: { id: string }[]; id?: string }
    }
    const messages = (await get(`/conversations/${first.id}/messages`)).data ?? []
    await get(`/conversations/${first.id}`)
    await get(`/conversations/${first.id}`)
    await get(`/conversations/${second.id}/messages`, other.key)
    await get('/contacts', other.key)
    const id = await open()
    await noteReach(app.on, id, { exposed: 'api_key', id: key, from: aware, until: now })
    expect(await showReach(app.on, id)).toEqual([
      { org: org.id, table: 'conversations', rows: 1, ids: [first.id] },
      { org: org.id, table: 'messages', rows: 1, ids: messages.map((message) => message.id) },
    ])
    await noteReach(app.on, id, {
      exposed: 'api_key',
      id: key,
      from: aware,
      until: new Date(aware.getTime() + 1),
    })
    expect(await showReach(app.on, id)).toEqual([])
  })

  test('owners are told by mail and banner, people only when they are to be; the rest hears nothing', async () => {
    const staff = await operator(app)
    const elsewhere = await app.org()
    const agent = await org.person('agent')
    now = new Date(Date.now() + 60_000)
    const id = await open()
    const home = `/ops/incidents/${id}`
    const stamp = (when: Date): string => when.toISOString().slice(0, 19)
    const leak = { exposed: 'organization', id: org.id, from: stamp(aware), until: stamp(now) }
    expect((await staff.post(`${home}/notices`, { to: 'organizations', body: 'x' })).status).toBe(
      409,
    )
    expect((await staff.post(`${home}/reach`, leak)).status).toBe(303)
    const page = await staff.get(home)
    expect(page.text).toContain('GDPR Article 33')
    expect(page.text).toContain('A key leaked')
    await staff.post(`${home}/notices`, { to: 'organizations', body: 'A key leaked. Change it.' })
    expect(await mailsTo(org.owner.id)).toEqual([{ kind: 'announcement_incident' }])
    expect([await mailsTo(agent.id), await mailsTo(elsewhere.owner.id)]).toEqual([[], []])
    const words = 'A breach concerns your organization'
    expect((await (await as(org.owner)).get('/inbox')).text).toContain(words)
    expect((await (await as(agent)).get('/inbox')).text).not.toContain(words)
    expect(await audited(app, org, 'incident.told')).toHaveLength(1)
    await staff.post(`${home}/notices`, { to: 'people', body: 'Your data was in it.' })
    expect(await mailsTo(agent.id)).toEqual([{ kind: 'announcement_incident' }])
    expect(await mailsTo(elsewhere.owner.id)).toEqual([])
  })
})
