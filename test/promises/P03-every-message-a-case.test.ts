import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { readVariables } from '../../src/config.ts'
import { rows } from '../../src/db.ts'
import { advanceDue } from '../../src/deletions/advance.ts'
import { findDeletion } from '../../src/deletions/deletion.ts'
import { requestDeletion } from '../../src/deletions/request.ts'
import { deliverMail } from '../../src/ops/delivery.ts'
import { listKept } from '../../src/ops/mail.ts'
import { ROOT } from '../../src/root.ts'
import { startApp, type Running } from '../support/app.ts'
import type { Org } from '../support/org.ts'
import { signInAs } from '../support/sign-in.ts'
import { startMailServer } from '../support/smtp.ts'
import { visit, type Visitor } from '../support/visitor.ts'

const CONTACT = 'answers@privacy.example'
const DEFAULT = 'firstfashionstore0@gmail.com'
const MINUTE = 60_000
const DAY = 86_400_000

describe('P3 — one address, always reachable, every message becomes a case', () => {
  let app: Running
  let org: Org
  let now = new Date('2026-11-20T10:00:00Z')
  let networks = 0
  beforeAll(async () => {
    const env = { PRIVACY_CONTACT: CONTACT, TRUST_PROXY: '1' }
    app = await startApp({ workers: false, now: () => now, env })
    // The first person of an installation operates it.
    org = await app.org()
  })
  beforeEach(() => {
    now = new Date(now.getTime() + MINUTE)
  })
  afterAll(() => app.stop())

  /** Somebody without an account or scripts, from a network of their own. */
  const stranger = (): Visitor => visit(app, { ip: `10.${(networks += 1)}.1.1` })
  const FORM = { kind: 'access', text: 'What do you keep about me?', email: 'ana@example.test' }
  const numberIn = (page: string): string => /R-[0-9A-Z]{4}-[0-9A-Z]{4}/.exec(page)?.[0] ?? ''
  const ask = async (form: Partial<typeof FORM> & { name?: string }, as = stranger()) => {
    const sent = await as.post('/privacy/contact', { ...FORM, ...form })
    return sent.status === 303
      ? { ...(await as.get(sent.location)), at: sent.location }
      : { ...sent, at: '' }
  }
  const cases = (): Promise<
    { kind: string; user_id: string | null; deletion_id: string | null }[]
  > =>
    app.on.db.withSystem((tx) =>
      rows(
        tx,
        `select kind, user_id, deletion_id from privacy_requests where org_id is null order by recorded_at, id`,
      ),
    )
  const deletionOf = async (user: string) => {
    const [found] = await app.on.db.withSystem((tx) =>
      rows<{ state: string; requested_at: Date; deadline_at: Date }>(
        tx,
        'select state, requested_at, deadline_at from deletions where subject_id = ?',
        [user],
      ),
    )
    return found
  }
  const mailTo = async (address: string): Promise<string[]> =>
    (await listKept(app.on, 500)).filter(({ to }) => to === address).map(({ subject }) => subject)

  describe('the address', () => {
    test('has one source, which pages, mails and certificates show', async () => {
      for (const page of ['/login', '/privacy/contact', '/deletion', '/privacy'])
        expect((await stranger().get(page)).text).toContain(`mailto:${CONTACT}`)
      expect((await stranger().get('/.well-known/security.txt')).text).toContain(CONTACT)
      const gone = await app.org()
      const by = { kind: 'system' as const }
      const { code } = await requestDeletion(app.on, {
        kind: 'org',
        subject: gone.id,
        road: 'cli',
        by,
      })
      expect((await stranger().get(`/deletion/${code}`)).text).toContain(`mailto:${CONTACT}`)
      now = new Date(now.getTime() + 8 * DAY)
      await advanceDue(app.on, { now })
      expect((await findDeletion(app.on, code))?.certificate).toMatchObject({
        certificate: { contact: CONTACT },
      })
    })

    test('is the published one unless it is set, and refuses to be none', () => {
      expect(readVariables({}).PRIVACY_CONTACT).toBe(DEFAULT)
      expect(() => readVariables({ PRIVACY_CONTACT: 'nobody' })).toThrow(/PRIVACY_CONTACT/)
    })

    test('is typed nowhere else', () => {
      const files = ['src', 'views', 'workers', 'public/js'].flatMap((folder) =>
        readdirSync(path.join(ROOT, folder), { recursive: true, encoding: 'utf8' })
          .filter((file) => /\.(ts|ejs|js)$/.test(file))
          .map((file) => path.join(folder, file)),
      )
      expect(files.length).toBeGreaterThan(200)
      const typed = files.filter((file) =>
        readFileSync(path.join(ROOT, file), 'utf8').includes(DEFAULT),
      )
      // The default of the setting, and the sentence of the policy.
      expect(typed).toEqual(['src/config.ts', 'src/privacy/promises.ts'])
    })

    test('stands under the policy where it is another than the text says, which stays as it is', async () => {
      const { text } = await stranger().get('/privacy')
      const [policy, below] = text.split('</main>')
      expect(policy).toContain(DEFAULT)
      expect(policy).not.toContain(CONTACT)
      expect(below).toContain(CONTACT)
    })
  })

  describe('the form', () => {
    test('takes a message from anybody, and answers with a case number and the time that is left', async () => {
      const before = (await cases()).length
      const page = await ask({ name: '', text: 'Quais dados vocês têm? ありがとう 🙂' })
      expect(page.status).toBe(200)
      expect(numberIn(page.text)).not.toBe('')
      expect(page.text).toContain('30 d left')
      expect(page.headers.get('x-robots-tag')).toBe('noindex')
      expect((await cases()).length).toBe(before + 1)
      expect(await mailTo(CONTACT)).toContain(`Privacy request ${numberIn(page.text)}`)
      expect(await mailTo(FORM.email)).toEqual([
        `Your request ${numberIn(page.text)} has reached us`,
      ])
      expect(await ask({ text: 'x'.repeat(10_001) })).toMatchObject({ status: 422 })
      expect(await ask({ email: 'not an address' })).toMatchObject({ status: 422 })
      expect(await ask({ kind: 'everything' })).toMatchObject({ status: 422 })
    })

    test('sent twice is one case, also at once, until that is answered', async () => {
      const before = (await cases()).length
      const form = { email: 'twice@example.test' }
      const pages = await Promise.all([ask(form), ask(form), ask(form)])
      expect(new Set(pages.map(({ at }) => at)).size).toBe(1)
      expect((await ask(form)).at).toBe(pages[0]?.at)
      expect((await cases()).length).toBe(before + 1)
      expect(await mailTo(form.email)).toHaveLength(1)
    })

    test('says the same of an address with an account and of one without, and takes as long', async () => {
      const person = await org.person('agent')
      const known = await ask({ kind: 'erase', email: person.email })
      const unknown = await ask({ kind: 'erase', email: 'nobody@example.test' })
      const plain = (text: string): string => text.replaceAll(/R-[0-9A-Z]{4}-[0-9A-Z]{4}/g, 'R')
      expect(plain(known.text)).toBe(plain(unknown.text))
      // Nor later: what nobody confirms stays open in both.
      now = new Date(now.getTime() + 4 * DAY)
      await advanceDue(app.on, { now })
      expect((await deletionOf(person.id))?.state).toBe('cancelled')
      const [later, other] = [await stranger().get(known.at), await stranger().get(unknown.at)]
      expect(plain(later.text)).toBe(plain(other.text))
    })

    test('that asks for a deletion begins one, which waits for a link and is dated from now', async () => {
      const person = await org.person('agent')
      await ask({ kind: 'erase', email: person.email.toUpperCase() })
      const deletion = await deletionOf(person.id)
      expect(deletion).toMatchObject({ state: 'requested', requested_at: now })
      const left = (deletion?.deadline_at.getTime() ?? 0) - now.getTime()
      expect([left >= 28 * DAY, left <= 30 * DAY]).toEqual([true, true])
      expect(await mailTo(person.email)).toContain('Delete your ChatFlow account?')
      expect((await cases()).at(-1)).toMatchObject({ kind: 'erase', user_id: person.id })
      expect((await cases()).at(-1)?.deletion_id).not.toBeNull()
    })

    test('is closed to writes from elsewhere, and to one network that writes without end', async () => {
      const evil = { Origin: 'https://evil.example', 'Sec-Fetch-Site': 'cross-site' }
      expect((await stranger().post('/privacy/contact', FORM, evil)).status).toBe(403)
      const one = stranger()
      const texts = Array.from({ length: 12 }, (_one, n) => `Question ${n}`)
      const answers = await Promise.all(
        texts.map((text) => one.post('/privacy/contact', { ...FORM, text })),
      )
      const statuses = answers.map(({ status }) => status).toSorted((a, b) => a - b)
      expect(statuses).toEqual([...Array<number>(10).fill(303), 429, 429])
      // An address that others type gets three mails an hour and no more.
      expect(await mailTo(FORM.email)).toHaveLength(3)
    })
  })

  test('what a name holds stays a name: no header of a mail is made of it', async () => {
    const server = await startMailServer()
    const mailing = await startApp({ workers: false, env: { SMTP_URL: server.url } })
    const visitor = visit(mailing)
    server.refuse(true)
    const sent = await visitor.post('/privacy/contact', {
      ...FORM,
      name: 'Ana\r\nBcc: everybody@example.test\r\nSubject: Hello',
    })
    expect(sent.status).toBe(303)
    const ids = (): Promise<{ id: string }[]> =>
      mailing.on.db.withSystem((tx) =>
        rows<{ id: string }>(tx, `select id from mail_outbox where state = 'pending'`),
      )
    expect(await ids()).toHaveLength(2)
    // The server is down: the case is there, and the mail goes out later.
    for (const { id } of await ids())
      await expect(deliverMail(mailing.on, id)).rejects.toThrow(/451|not now/)
    server.refuse(false)
    for (const { id } of await ids()) await deliverMail(mailing.on, id)
    expect(server.received).toHaveLength(2)
    for (const mail of server.received) {
      expect(mail).not.toMatch(/everybody@example\.test/)
      expect(mail.split('\r\n\r\n')[0]?.match(/^Subject: /gm)).toHaveLength(1)
      expect(mail).toContain(mailing.on.config.PRIVACY_CONTACT)
    }
    await mailing.stop()
    await server.stop()
  })

  describe('a mail that is typed in by staff', () => {
    const TYPED = { ...FORM, road: 'mail', name: '', mandate: '' }

    test('has the clock of the day it really came; the future is refused', async () => {
      const person = await org.person('agent')
      const came = new Date(now.getTime() - 20 * DAY)
      const given = (at: Date) => ({ ...TYPED, received_at: at.toISOString().slice(0, 16) })
      const form = { ...given(came), kind: 'erase', email: person.email }
      const operator = visit(app, { cookie: await signInAs(app.on, org, org.owner) })
      const answer = await operator.post('/ops/rights/new', form)
      expect(answer.status).toBe(303)
      const page = await operator.get(answer.location)
      expect(page.text).toMatch(/\b(9|10) d left/)
      const deletion = await deletionOf(person.id)
      expect(deletion?.requested_at.toISOString().slice(0, 16)).toBe(
        came.toISOString().slice(0, 16),
      )
      expect(deletion?.deadline_at.getTime()).toBeLessThan(now.getTime() + 11 * DAY)
      const before = (await cases()).length
      const late = await operator.post(
        '/ops/rights/new',
        given(new Date(now.getTime() + 2 * MINUTE)),
      )
      expect([late.status, late.text]).toEqual([422, expect.stringContaining('still to come')])
      expect((await cases()).length).toBe(before)
    })
  })
})
