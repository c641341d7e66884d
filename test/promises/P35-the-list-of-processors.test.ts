import { listAudit } from '../../src/audit/log.ts'
import { rows } from '../../src/db.ts'
import { allowedBy, type Processor } from '../../src/door.ts'
import { openEgress } from '../../src/egress.ts'
import { listKept } from '../../src/ops/mail.ts'
import { manifest } from '../../src/privacy/manifest.ts'
import { announceProcessors, isAnnounced } from '../../src/processors/notices.ts'
import { listProcessors, noteHosts } from '../../src/processors/processors.ts'
import { REGISTER } from '../../src/register.ts'
import { Secret } from '../../src/secret.ts'
import { startApp, type Running } from '../support/app.ts'
import { startGraph, type Graph } from '../support/graph.ts'
import { member } from '../support/member.ts'
import { until } from '../support/until.ts'

let app: Running
let graph: Graph
let now = new Date('2026-11-24T10:00:00Z')
beforeAll(async () => {
  graph = await startGraph()
  const env = { GRAPH_API_URL: graph.url, SMTP_URL: 'smtp://u:hidden-word@mail.example.com:2525' }
  app = await startApp({ workers: false, now: () => now, env })
})
afterAll(async () => {
  await app.stop()
  await graph.stop()
})

/** A service that is announced for the first of January and reached where our Graph API stands. */
const coming = (): Processor => ({
  ...(REGISTER.find(({ id }) => id === 'meta') as Processor),
  id: 'newcomer',
  name: 'Newcomer Ltd',
  publishedOn: '2026-11-24',
  effectiveOn: '2026-12-30',
})

describe('P35 — sub-processors are on a public list', () => {
  test('everybody who is reached is on the page, with what, where, why and since when', async () => {
    const answer = await fetch(`${app.url}/trust/processors`)
    const page = await answer.text()
    for (const { id, name, place, publishedOn, deletion, basis } of REGISTER) {
      expect(page).toContain(`<section id="${id}"`)
      for (const words of [name, place, publishedOn, deletion, basis]) expect(page).toContain(words)
    }
    expect(page).toContain('mail.example.com')
    expect(page).not.toContain('hidden-word')
    expect(page).toContain('/settings/privacy/destinations')
    const json = await fetch(`${app.url}/trust/processors`, {
      headers: { accept: 'application/json' },
    })
    const { processors, notice_days } = (await json.json()) as {
      processors: { id: string; state: string }[]
      notice_days: number
    }
    expect(notice_days).toBe(30)
    expect(processors.map(({ id, state }) => `${id}: ${state}`)).toEqual([
      'meta: in use',
      'mail: in use',
      'database: not used here',
      'queue: not used here',
      'media_store: not used here',
    ])
  })

  test('each host belongs to one processor, and what is sent there is what is said', () => {
    const at = {
      ...app.on.config,
      REDIS_URL: 'rediss://redis.example.com',
      DATABASE_URL: 'postgres://db.example.com/x',
      MEDIA_URL: 's3://bucket/x?endpoint=https://s3.example.com',
    }
    const hosts = REGISTER.flatMap((one) =>
      one.hosts(at).map(({ name, port }) => `${name}:${port}`),
    )
    expect(hosts.length).toBeGreaterThan(REGISTER.length)
    expect(new Set(hosts).size).toBe(hosts.length)
    const known = new Set(
      manifest.tables.flatMap(({ columns }) => Object.values(columns).map((c) => c.category)),
    )
    const words = new Set<string>([...known, ...manifest.stores.map(({ category }) => category)])
    for (const { id, categories, uses } of REGISTER) {
      expect([id, categories.filter((word) => !words.has(word as never))]).toEqual([id, []])
      const carried = uses.flatMap(({ carries }) => carries)
      expect([id, carried.filter((word) => !categories.includes(word))]).toEqual([id, []])
    }
  })

  test('an entry that comes later is announced thirty days before, or says why it could not be', () => {
    const later = REGISTER.filter(({ publishedOn }) => publishedOn !== '2026-02-13')
    expect(later.filter((one) => !isAnnounced(one))).toEqual([])
    expect(isAnnounced(coming())).toBe(true)
    expect(isAnnounced({ ...coming(), effectiveOn: '2026-12-23' })).toBe(false)
    const replaced = { ...coming(), effectiveOn: '2026-11-24', emergency: 'the other one ended' }
    expect(isAnnounced(replaced)).toBe(true)
  })

  test('until its day the door is shut for it', async () => {
    const register = [coming()]
    const egress = openEgress(app.on.config, { register, now: () => now })
    const call = { purpose: 'check_installation', org: null, method: 'GET', path: '/me' } as const
    const before = graph.calls.length
    now = new Date('2026-12-29T23:59:59Z')
    expect(await egress.graph(call)).toEqual({ outcome: 'not_sent', reason: 'EGRESS_DENIED' })
    expect(graph.calls.length).toBe(before)
    now = new Date('2026-12-30T00:00:00Z')
    expect((await egress.graph(call)).outcome).toBe('answered')
    await egress.close()
    now = new Date('2026-11-24T10:00:00Z')
  })

  test('each admin is told once, and nobody of what is used already', async () => {
    const org = await app.org()
    const admin = await org.person('admin')
    await org.person('agent')
    expect(await announceProcessors(app.on, org.id)).toBe(0)
    expect(await announceProcessors(app.on, org.id, [coming()])).toBe(2)
    expect(await announceProcessors(app.on, org.id, [coming()])).toBe(0)
    const mails = (await listKept(app.on)).filter(({ kind }) => kind === 'processor')
    expect(mails.map(({ to }) => to).toSorted()).toEqual([admin.email, org.owner.email].toSorted())
    expect(mails[0]?.text).toMatch(
      /Newcomer Ltd[^]+Nothing goes there before 2026-12-30[^]+\/trust\//,
    )
    const used = { ...coming(), effectiveOn: '2026-11-24' }
    expect(await announceProcessors(app.on, (await app.org()).id, [used])).toBe(0)
  })

  test('an admin objects, which is kept, logged and told to whoever answers for privacy', async () => {
    const org = await app.org()
    const admin = await member(app, org, 'admin')
    const page = '/settings/privacy/destinations'
    const object = (id: string) => admin.post(`${page}/${id}/objection`)
    expect((await object('mail')).status).toBe(303)
    expect((await object('mail')).status).toBe(303)
    expect((await object('nobody')).status).toBe(404)
    expect(await (await admin.get(page)).text()).toContain('You objected on')
    const told = (await listKept(app.on)).filter(({ to }) => to === app.on.config.PRIVACY_CONTACT)
    expect(told.map(({ subject }) => subject)).toEqual(['An organization objects to Mail server'])
    expect((await admin.post(`${page}/mail/acceptance`)).status).toBe(303)
    expect(await (await admin.get(page)).text()).not.toContain('You objected on')
    const acts = await app.on.db.withTenant(org.id, (tx) => listAudit(tx, org.id, { limit: 9 }))
    expect(acts.map(({ action }) => action)).toEqual(['processor.accepted', 'processor.objected'])
  })

  test('a host that was replaced stays in the list with its time', async () => {
    await noteHosts(app.on)
    const SMTP_URL = new Secret('smtps://new.example.com', 'send_mail')
    const other = { ...app.on, config: { ...app.on.config, SMTP_URL } }
    now = new Date('2026-11-26T10:00:00Z')
    await noteHosts(other)
    const mail = (await listProcessors(other)).find(({ id }) => id === 'mail')
    expect(mail?.hosts).toEqual([
      { host: 'new.example.com', since: now, until: null },
      {
        host: 'mail.example.com',
        since: new Date('2026-11-24T10:00:00Z'),
        until: new Date('2026-11-24T10:00:00Z'),
      },
    ])
    now = new Date('2026-11-24T10:00:00Z')
  })

  test('no two entries answer for one purpose at one address', () => {
    const url = new URL(`${graph.url}/v26.0/1/messages`)
    const found = REGISTER.filter((one) =>
      allowedBy([one], { purpose: 'send_message', url, now }, app.on.config),
    )
    expect(found.map(({ id }) => id)).toEqual(['meta'])
  })

  test('what an organization sent is shown to it, and a neighbour’s is not', async () => {
    const [org, neighbour] = [await app.org(), await app.org()]
    for (const { id } of [org, neighbour, neighbour])
      await app.on.egress.graph({
        purpose: 'check_connection',
        org: id,
        method: 'GET',
        path: '/1',
        token: new Secret('canary-token', 'call_graph'),
      })
    const page = await until(async () => {
      const text = await (
        await (await member(app, org, 'admin')).get('/settings/privacy/destinations')
      ).text()
      return text.includes('check connection') && text
    })
    expect(page).toMatch(/check connection<\/td><td class="n">1<\/td>/)
    const [log] = await app.on.db.withSystem((tx) =>
      rows<{ text: string }>(tx, `select string_agg(l::text, E'\\n') as text from egress_log l`),
    )
    expect(log?.text).not.toContain('canary-token')
  })
})
