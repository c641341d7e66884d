import { openThrottles } from '../../src/accounts/throttle.ts'
import { rows } from '../../src/db.ts'
import { newId } from '../../src/ids.ts'
import { createWeb } from '../../src/listener.ts'
import { sweepRetention } from '../../src/privacy/retention.ts'
import { closeQuiet } from '../../src/support/quiet.ts'
import { startApp, type Running } from '../support/app.ts'
import { chatWith } from '../support/inbox.ts'
import { audited, operator } from '../support/operator.ts'
import type { Org, Person } from '../support/org.ts'
import { waysInto } from '../support/routes.ts'
import { signInAs } from '../support/sign-in.ts'
import { visit, type Answer, type Visitor } from '../support/visitor.ts'
import { PNG, sendFiles, type NamedFile } from '../support/uploads.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR

describe('P22 — support without a skeleton key', () => {
  let app: Running
  let org: Org
  let now: Date
  let staff: Visitor
  beforeAll(async () => {
    now = new Date()
    const env = { OPS_EMAILS: 'ops@example.test', TRUST_PROXY: '1' }
    app = await startApp({ workers: false, now: () => now, env })
    staff = await operator(app)
  })
  beforeEach(async () => {
    now = new Date()
    org = await app.org()
    for (const table of ['mail_outbox', 'throttles', 'support_tickets'])
      await app.on.db.withSystem((tx) => rows(tx, `delete from ${table}`))
  })
  afterAll(() => app.stop())

  const as = async (person: Person, at = org): Promise<Visitor> =>
    visit(app, { cookie: await signInAs(app.on, at, person) })
  const system = <T>(sql: string, values: string[] = []): Promise<T[]> =>
    app.on.db.withSystem((tx) => rows<T>(tx, sql, values))

  const ask = (visitor: Visitor, text = 'The canary sings', files: NamedFile[] = []) =>
    sendFiles(app, visitor, '/support', { subject: 'About canaries', text, files })
  const letters = (): Promise<{ user_id: string | null; kind: string }[]> =>
    system('select user_id, kind from mail_outbox order by created_at, id')
  const everything = async (): Promise<string> => {
    const tables = ['support_tickets', 'support_messages', 'support_files', 'mail_outbox']
    const texts = tables.map((table) => `select t::text from ${table} t`)
    return JSON.stringify(await system(texts.join(' union all ')))
  }

  describe('a question', () => {
    test('is sealed, with its files; answered at the desk; and the answer is seen here and told without its words', async () => {
      const asker = await as(await org.person('agent'))
      const opened = await ask(asker, 'The canary sings', [['bird canary.png', PNG]])
      expect([opened.status, opened.location]).toEqual([
        303,
        expect.stringMatching(/^\/support\/[\w-]{36}$/),
      ])
      expect(await everything()).not.toMatch(/canar/i)
      expect(await letters()).toEqual([{ user_id: null, kind: 'support' }])

      const ticket = opened.location.split('/').at(-1) ?? ''
      const desk = await staff.get(`/ops/support/${ticket}`)
      expect(desk.text).toContain('The canary sings')
      const [, file = ''] = /\/files\/([\w-]{36})/.exec(desk.text) ?? []
      const { headers } = await staff.get(`/ops/support/${ticket}/files/${file}`)
      expect(headers.get('content-disposition')).toBe('attachment; filename="bird canary.png"')
      expect(headers.get('content-security-policy')).toContain('sandbox')
      await sendFiles(app, staff, `/ops/support/${ticket}/messages`, { text: 'Give it seeds' })
      expect((await asker.get(opened.location)).text).toContain('Give it seeds')
      expect(await letters()).toHaveLength(2)
      const mail = (await staff.get('/ops/mail')).text
      expect(mail).toContain('There is an answer for you')
      expect(mail).not.toMatch(/seeds|canar/i)
    })

    test('sent twice is one, and nobody of another organization reads it', async () => {
      const asker = await as(await org.person('agent'))
      const token = newId()
      const fields = { subject: 'Twice', text: 'Once is enough', token }
      const [first, second] = [
        await sendFiles(app, asker, '/support', fields),
        await sendFiles(app, asker, '/support', fields),
      ]
      expect(second.location).toBe(first.location)
      expect(await letters()).toHaveLength(1)
      const colleague = await as(await org.person('agent'))
      const admin = await as(await org.person('admin'))
      expect((await colleague.get(first.location)).status).toBe(404)
      expect((await admin.get(first.location)).status).toBe(200)
      const elsewhere = await app.org()
      const other = await as(elsewhere.owner, elsewhere)
      expect((await other.get(first.location)).status).toBe(404)
      expect(
        (await sendFiles(app, other, `${first.location}/messages`, { text: 'x' })).status,
      ).toBe(404)
    })

    test('may be asked without an account, is answered to its address, and its page opens for its link alone', async () => {
      const stranger = visit(app)
      const fields = { subject: 'Before I sign up', text: 'How much?', email: 'Noor@Example.test' }
      const opened = await sendFiles(app, stranger, '/support', fields)
      expect(opened.location).toMatch(/^\/support\/ticket\/[\w-]{46}$/)
      const page = await stranger.get(opened.location)
      expect([page.status, page.headers.get('x-robots-tag')]).toEqual([200, 'noindex'])
      const madeUp = opened.location.replace(/.{10}$/, 'AAAAAAAAAA')
      expect((await stranger.get(madeUp)).status).toBe(404)
      const [ticket] = await system<{ id: string }>('select id from support_tickets')
      await sendFiles(app, staff, `/ops/support/${ticket?.id}/messages`, { text: 'Nothing at all' })
      const mail = (await staff.get('/ops/mail')).text
      expect(mail).toContain('noor@example.test')
      expect(mail).toContain(`${app.url}${opened.location}`)
      await sendFiles(app, stranger, `${opened.location}/messages`, { text: 'Good' })
      expect((await staff.get(`/ops/support/${ticket?.id}`)).text).toContain('Good')
      expect(
        (
          await sendFiles(app, stranger, '/support', {
            subject: 'a',
            text: 'b',
            email: 'no address',
          })
        ).status,
      ).toBe(422)
    })

    test('of strangers from one network is taken twenty times an hour', async () => {
      const ip = '203.0.113.9'
      const form = { token: newId(), subject: 'a', text: 'b', email: 'a@example.test' }
      const again = (): Promise<Answer> => visit(app, { ip }).post('/support', form)
      const throttles = openThrottles(app.on)
      for (let n = 1; n < 20; n++) await throttles.support(ip)
      expect([(await again()).status, (await again()).status]).toEqual([303, 429])
    })

    test('with a program attached, or more than fits, is refused; what was typed is still there', async () => {
      const asker = await as(org.owner)
      const program: NamedFile[] = [['picture.png', Buffer.from('4d5a9000', 'hex')]]
      const refused = await ask(asker, 'Look at this', program)
      expect(refused.status).toBe(422)
      expect(refused.text).toContain('picture.png is no picture, PDF or plain text.')
      expect(refused.text).toContain('Look at this')
      expect((await ask(asker, 'x', [['a', Buffer.alloc(7_000_000)]])).status).toBe(413)
      expect(await system('select 1 from support_tickets')).toEqual([])
    })

    test('that holds what looks like a secret comes back masked, and only so can it be sent', async () => {
      const asker = await as(org.owner)
      const secret = 'EAABsbCS1iHgBO7ZA0pJ9canary'
      const token = newId()
      const first = await sendFiles(app, asker, '/support', {
        subject: 'Token',
        text: `It is ${secret}`,
        token,
      })
      expect(first.status).toBe(422)
      expect(first.text).toContain('looks like a password or key')
      expect(first.text).toContain('It is [masked]')
      expect(first.text).not.toContain(secret)
      expect(await system('select 1 from support_tickets')).toEqual([])
      expect(
        (
          await sendFiles(app, asker, '/support', {
            subject: 'Token',
            text: 'It is [masked]',
            token,
          })
        ).status,
      ).toBe(303)
    })
  })

  describe('an organization', () => {
    let conversation: string
    let pages: string[]
    beforeEach(async () => {
      conversation = (await chatWith(app, org, 'my canary is ill')).id
      const home = `/ops/organizations/${org.id}`
      pages = [home, `${home}/conversations`, `${home}/conversations/${conversation}`]
    })
    const allow = async (scope: string, hours: string, owner = org.owner): Promise<Answer> =>
      (await as(owner)).post('/settings/privacy/support-access', { scope, hours })
    const states = async (): Promise<number[]> => {
      const found = []
      for (const page of pages) found.push((await staff.get(page)).status)
      return found
    }
    const told = (action: string): Promise<object[]> => audited(app, org, action)

    test('is not there for whoever operates the product, on any of their pages', async () => {
      expect(await states()).toEqual([404, 404, 404])
      const ways = waysInto(createWeb(app.on).app).filter(
        ({ level, method }) => level === 'ops' && method === 'GET',
      )
      expect(ways.length).toBeGreaterThan(8)
      for (const id of [org.id, conversation])
        for (const { path } of ways) {
          const { text } = await staff.get(path.replace(':org', org.id).replace(/:\w+/g, id))
          expect([path, /canary|Customer \d/.test(text)]).toEqual([path, false])
        }
      expect(await told('support.viewed')).toEqual([])
    })

    test('opens with an owner’s grant, one line in its own audit log for each page, words masked', async () => {
      expect((await allow('configuration', '4')).status).toBe(303)
      expect(await states()).toEqual([200, 200, 200])
      const scope = 'configuration'
      expect(await told('support.viewed')).toEqual(
        ['overview', 'conversations', 'conversation'].map((page) => ({
          actor_kind: 'operator',
          detail: { page, scope },
        })),
      )
      expect(await told('support.granted')).toEqual([
        { actor_kind: 'user', detail: { scope, hours: 4 } },
      ])
      for (const page of pages)
        expect((await staff.get(page)).text).not.toMatch(/canary|Customer \d/)
      expect((await staff.get(pages[2] ?? '')).text).toContain('••••••')
      const log = await (await as(org.owner)).get('/settings/security/audit?action=support.viewed')
      expect(log.text).toContain('Support looked at a page')
      await allow('content', '1')
      expect((await staff.get(pages[2] ?? '')).text).toContain('my canary is ill')
    })

    test('closes when the time is over, at the very moment, though the operator stays signed in', async () => {
      await allow('configuration', '1')
      now = new Date(now.getTime() + HOUR - 1)
      expect(await states()).toEqual([200, 200, 200])
      now = new Date(now.getTime() + 1)
      expect(await states()).toEqual([404, 404, 404])
      expect((await staff.get('/ops/organizations')).status).toBe(200)
      expect(await told('support.viewed')).toHaveLength(3)
    })

    test('closes when the grant is taken back, or whoever gave it owns the organization no more', async () => {
      await allow('content', '72')
      const owner = await as(org.owner)
      const settings = await owner.get('/settings/privacy/support-access')
      const [, id] = /support-access\/([\w-]{36})\/revocation/.exec(settings.text) ?? []
      await owner.post(`/settings/privacy/support-access/${id}/revocation`)
      expect(await states()).toEqual([404, 404, 404])
      const second = await org.person('owner')
      await allow('content', '72', second)
      expect((await states())[0]).toBe(200)
      const change = (sql: string): Promise<unknown> =>
        app.on.db.withTenant(org.id, (tx) => rows(tx, sql, [org.id, second.id]))
      await change(`update memberships set role = 'admin' where org_id = ? and user_id = ?`)
      expect(await states()).toEqual([404, 404, 404])
      await change(`update memberships set role = 'owner' where org_id = ? and user_id = ?`)
      expect((await states())[0]).toBe(200)
      await change(`delete from memberships where org_id = ? and user_id = ?`)
      expect(await states()).toEqual([404, 404, 404])
    })

    test('is opened by owners alone, for three days at most', async () => {
      for (const role of ['agent', 'admin'])
        expect((await allow('content', '1', await org.person(role))).status).toBe(403)
      expect((await allow('content', '73')).status).toBe(422)
      const values = [org.id, newId(), org.owner.id, now, new Date(now.getTime() + 73 * HOUR)]
      const sql = `insert into support_access (org_id, id, granted_by, scope, granted_at, until) values (?, ?, ?, 'content', ?, ?)`
      const insert = app.on.db.withTenant(org.id, (tx) => rows(tx, sql, values))
      await expect(insert).rejects.toThrow(/violates check constraint/)
      expect(await states()).toEqual([404, 404, 404])
    })

    test('shows everybody in it that support may look in, and nobody else', async () => {
      await allow('configuration', '1')
      const agent = await as(await org.person('agent'))
      for (const page of ['/inbox', '/contacts', '/settings/profile'])
        expect((await agent.get(page)).text).toContain('Support may look in')
      const elsewhere = await app.org()
      const stranger = await as(elsewhere.owner, elsewhere)
      expect((await stranger.get('/contacts')).text).not.toContain('Support may look in')
      now = new Date(now.getTime() + HOUR)
      expect((await agent.get('/contacts')).text).not.toContain('Support may look in')
    })
  })

  test('a ticket goes 180 days after it was closed, with its words and files, and one that fell silent closes', async () => {
    const asker = await as(org.owner)
    const { location } = await ask(asker, 'The canary sings', [['a.png', PNG]])
    const ticket = location.split('/').at(-1) ?? ''
    await sendFiles(app, staff, `/ops/support/${ticket}/messages`, { text: 'Answered' })
    const started = now.getTime()
    expect(await closeQuiet(app.on, new Date(started + 30 * DAY))).toBe(0)
    const closed = new Date(started + 30 * DAY + 1)
    expect(await closeQuiet(app.on, closed)).toBe(1)
    const left = (): Promise<object[]> =>
      system(
        'select 1 from support_tickets union all select 1 from support_messages union all select 1 from support_files',
      )
    await sweepRetention(app.on, new Date(closed.getTime() + 180 * DAY))
    expect(await left()).toHaveLength(4)
    await sweepRetention(app.on, new Date(closed.getTime() + 180 * DAY + 1))
    expect(await left()).toEqual([])
  })
})
