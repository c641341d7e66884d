import { createHash } from 'node:crypto'
import { appendFileSync, copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import express from 'express'
import { joinWithPassword } from '../../src/accounts/joining.ts'
import { mailAnnouncements } from '../../src/announcements/mailing.ts'
import { announcePolicy } from '../../src/announcements/policy-notice.ts'
import { openPasswords } from '../../src/accounts/passwords.ts'
import { rows } from '../../src/db.ts'
import {
  openPolicy,
  policyText,
  PUBLISHED,
  type Policy,
  type PolicyVersion,
} from '../../src/privacy/policy-versions.ts'
import { policyRoutes } from '../../src/privacy/routes.ts'
import { ROOT } from '../../src/root.ts'
import { startApp, type Running } from '../support/app.ts'
import type { Org, Person } from '../support/org.ts'
import { signInAs } from '../support/sign-in.ts'
import { visit } from '../support/visitor.ts'

const FIRST = '2026-02-13'
const NEXT = '2026-12-01'

describe('P2 — the policy has versions, and the date on it is true', () => {
  let app: Running
  let folder: string
  let now: Date
  beforeAll(async () => {
    app = await startApp({ workers: false, now: () => now })
    openPasswords(app.on, { ln: 4, r: 8, p: 1 })
    folder = mkdtempSync(path.join(os.tmpdir(), 'chatflow-policy-'))
    copyFileSync(path.join(ROOT, `src/policy/${FIRST}.txt`), path.join(folder, `${FIRST}.txt`))
  })
  beforeEach(() => {
    now = new Date('2026-11-20T10:00:00Z')
  })
  afterAll(async () => {
    rmSync(folder, { recursive: true })
    await app.stop()
  })

  /** A version of our own after the real one, as its file would say it. */
  function written(id: string, dates = ['2026-10-15', NEXT, 'December 1, 2026']): PolicyVersion {
    const [publishedOn = '', effectiveOn = '', inWords = ''] = dates
    const dated = policyText().replace('February 13, 2026', inWords)
    writeFileSync(path.join(folder, `${id}.txt`), dated)
    const sha256 = createHash('sha256').update(dated).digest('hex')
    return { id, publishedOn, effectiveOn, sha256, summary: 'The date.', material: true }
  }
  const withNext = (): Policy => openPolicy([...PUBLISHED, written(NEXT)], folder)

  /** What the product's own routes answer as plain text with this policy. */
  async function asked(policy: Policy, page: string): Promise<{ status: number; text: string }> {
    const server = express().use(policyRoutes(app.on, policy)).listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    const { port } = server.address() as AddressInfo
    const headers = { accept: 'text/plain', connection: 'close' }
    const answer = await fetch(`http://127.0.0.1:${port}${page}`, { headers })
    const text = await answer.text()
    await new Promise((resolve) => server.close(resolve))
    return { status: answer.status, text }
  }

  const shownTo = (emails: string[]): Promise<object[]> =>
    app.on.db.withSystem((tx) =>
      rows(
        tx,
        `select email, version, road, at from policy_acceptances p join users u on u.id = p.user_id
          where email = any(?) order by email`,
        [emails],
      ),
    )

  async function invited(org: Org, email: string): Promise<string> {
    const owner = visit(app, { cookie: await signInAs(app.on, org, org.owner) })
    const { text } = await owner.post('/settings/members/invitations', { email, role: 'agent' })
    return /\/invite\/([\w-]{43})/.exec(text)?.[1] ?? ''
  }

  test('the page changes when the day of a version begins, in UTC', async () => {
    const policy = withNext()
    now = new Date('2026-11-30T23:59:59.999Z')
    expect((await asked(policy, '/privacy')).text).toContain('Last updated: February 13, 2026')
    now = new Date('2026-12-01T00:00:00Z')
    expect((await asked(policy, '/privacy')).text).toContain('Last updated: December 1, 2026')
  })

  test('an earlier and a coming version keep their addresses', async () => {
    const policy = withNext()
    expect((await asked(policy, `/privacy/${NEXT}`)).text).toContain('December 1, 2026')
    now = new Date('2027-01-01T00:00:00Z')
    expect((await asked(policy, `/privacy/${FIRST}`)).text).toBe(policyText())
  })

  test('of two versions on one day the later one holds', () => {
    const policy = openPolicy([...PUBLISHED, written(NEXT), written(`${NEXT}-2`)], folder)
    expect(policy.inForce(new Date(`${NEXT}T12:00:00Z`)).id).toBe(`${NEXT}-2`)
  })

  test('a published text that was edited is refused, as is one with another date', () => {
    const edited = written('2026-12-01-3')
    appendFileSync(path.join(folder, '2026-12-01-3.txt'), ' ')
    expect(() => openPolicy([...PUBLISHED, edited], folder)).toThrow(/not the text/)
    const misdated = { ...written(NEXT), effectiveOn: '2026-12-02' }
    expect(() => openPolicy([...PUBLISHED, misdated], folder)).toThrow(/does not say its date/)
    expect(() => openPolicy([written(NEXT), ...PUBLISHED], folder)).toThrow(/begins before/)
  })

  test('a material change comes a month after it was published, or the product does not start', () => {
    const hasty = { ...written(NEXT), publishedOn: '2026-11-02' }
    expect(() => openPolicy([...PUBLISHED, hasty], folder)).toThrow(/less than 30 days/)
    const onTime = { ...hasty, publishedOn: '2026-11-01' }
    expect(openPolicy([...PUBLISHED, onTime], folder).versions).toHaveLength(2)
    const wording = { ...hasty, material: false }
    expect(openPolicy([...PUBLISHED, wording], folder).versions).toHaveLength(2)
  })

  test('what changed between two versions can be read word by word', async () => {
    const policy = withNext()
    const { text } = await asked(policy, `/privacy/diff/${FIRST}/${NEXT}`)
    expect(text).toContain('Last updated: [-February 13,-] {+December 1,+} 2026')
    expect(text.match(/\[-|\{\+/g)).toHaveLength(2)
    const collapsed = (words: string): string => words.replace(/\s+/g, ' ').trim()
    const earlier = text.replace(/\{\+.*?\+\}/gs, '').replace(/\[-|-\]/g, '')
    expect(collapsed(earlier)).toBe(collapsed(policyText()))
    expect((await asked(policy, `/privacy/diff/${FIRST}/2020-01-01`)).status).toBe(404)
    const same = await visit(app).get(`/privacy/diff/${FIRST}/${FIRST}`)
    expect(same.text).toContain('Both versions say the same.')
  })

  describe('a new material version', () => {
    // Sign-ins end by the clock of the machine, so this is later than any.
    const COMING = '2099-03-01'
    const noticed = new Date('2099-01-20T10:00:00Z')
    const withComing = (): Policy =>
      openPolicy([...PUBLISHED, written(COMING, ['2099-01-15', COMING, 'March 1, 2099'])], folder)
    let org: Org
    let reader: Person
    beforeEach(async () => {
      now = new Date()
      org = await app.org()
      reader = await org.person('agent')
      now = noticed
      for (const table of ['announcements', 'mail_outbox', 'alarms'])
        await app.on.db.withSystem((tx) => rows(tx, `delete from ${table}`))
    })
    const look = async (): Promise<void> => {
      await announcePolicy(app.on, now, withComing())
      await mailAnnouncements(app.on, now)
    }
    const mailsTo = (user: string): Promise<{ kind: string }[]> =>
      app.on.db.withSystem((tx) =>
        rows(tx, `select kind from mail_outbox where user_id = ?`, [user]),
      )
    const roads = async (user: string): Promise<string[]> => {
      const found = await app.on.db.withSystem((tx) =>
        rows<{ road: string }>(
          tx,
          `select road from policy_acceptances where user_id = ? and version = ? order by road`,
          [user, COMING],
        ),
      )
      return found.map(({ road }) => road)
    }
    const alarms = (): Promise<object[]> =>
      app.on.db.withSystem((tx) => rows(tx, `select kind, ref, stage from alarms`))

    test('is mailed once to each active person, however often and by how many the job is run', async () => {
      await app.on.db.withSystem((tx) =>
        rows(tx, `update users set disabled_at = now() where id = ?`, [org.owner.id]),
      )
      await Promise.all([look(), look()])
      await look()
      expect(await mailsTo(reader.id)).toEqual([{ kind: 'announcement_policy' }])
      expect(await mailsTo(org.owner.id)).toEqual([])
      expect(await alarms()).toEqual([])
      // Whoever came meanwhile has not heard of it; whose account goes hears no more.
      const late = await org.person('agent')
      await look()
      expect(await mailsTo(late.id)).toHaveLength(1)
      await app.on.db.withSystem((tx) => rows(tx, `delete from users where id = ?`, [reader.id]))
      expect(await mailsTo(reader.id)).toEqual([])
    })

    test('stands above every page until its day, and both roads are kept as shown, none as consent', async () => {
      await look()
      expect(await roads(reader.id)).toEqual(['mail'])
      const visitor = visit(app, { cookie: await signInAs(app.on, org, reader) })
      const words = 'Our privacy policy changes on March 1, 2099'
      for (const page of ['/inbox', '/contacts', '/settings/profile'])
        expect((await visitor.get(page)).text).toContain(words)
      expect(await roads(reader.id)).toEqual(['banner', 'mail'])
      now = new Date('2099-03-01T00:00:00Z')
      const then = visit(app, { cookie: await signInAs(app.on, org, reader) })
      expect((await then.get('/contacts')).text).not.toContain(words)
    })

    test('is announced to those who were here before only when it came in too late, and that is an alarm', async () => {
      now = new Date('2099-03-05T10:00:00Z')
      await app.on.db.withSystem((tx) =>
        rows(
          tx,
          `insert into policy_acceptances (user_id, version, road, at) values (?, ?, 'sign_up', ?)`,
          [org.owner.id, COMING, now],
        ),
      )
      await look()
      await look()
      expect(await mailsTo(reader.id)).toHaveLength(1)
      expect(await mailsTo(org.owner.id)).toEqual([])
      expect(await alarms()).toEqual([{ kind: 'policy', ref: COMING, stage: 'short_notice' }])
    })
  })

  test('what was published stays published', () => {
    expect(PUBLISHED[0]).toMatchObject({
      id: FIRST,
      sha256: '4614b566db826ef4f604e19f2dcf10532c2712543da18b443d20a867f491886a',
    })
  })

  test('all versions are listed, and one that never was is not found', async () => {
    const list = await visit(app).get('/privacy/versions')
    expect(list.text).toContain('href="/privacy/2026-02-13"')
    expect(list.text).toContain('In force. The first version.')
    expect((await visit(app).get('/privacy/2026-02-14')).status).toBe(404)
    expect((await visit(app).get('/privacy/..%2fpackage.json')).status).toBe(404)
  })

  test('an invitation that is accepted leaves one row too', async () => {
    now = new Date()
    const org = await app.org()
    await joinWithPassword(app.on, await invited(org, 'leo@example.test'), {
      name: 'Leo',
      password: 'quiet harbour lantern',
    })
    const row = { email: 'leo@example.test', version: FIRST, road: 'invitation', at: now }
    expect(await shownTo(['leo@example.test'])).toEqual([row])
  })

  test('a sign-up leaves one row of what was shown, also when it is sent twice', async () => {
    // The first person of an installation goes straight in; the next one waits for the mail.
    for (const email of ['first@example.test', 'next@example.test', 'next@example.test'])
      await visit(app).post('/signup', {
        organization: 'Quiet Shop',
        name: 'Maya',
        email,
        password: 'quiet harbour lantern',
      })
    const row = { version: FIRST, road: 'sign_up', at: now }
    expect(await shownTo(['first@example.test', 'next@example.test'])).toEqual([
      { email: 'first@example.test', ...row },
      { email: 'next@example.test', ...row },
    ])
  })
})
