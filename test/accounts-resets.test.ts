import { createUser } from '../src/accounts/accounts.ts'
import { openPasswords } from '../src/accounts/passwords.ts'
import { rows } from '../src/db.ts'
import { deliverMail, dueMail, pruneMail } from '../src/ops/delivery.ts'
import { listKept, queueMail } from '../src/ops/mail.ts'
import { mail } from '../workers/mail.ts'
import { startApp, type Running } from './support/app.ts'
import type { Org } from './support/org.ts'
import { signInAs } from './support/sign-in.ts'
import { startMailServer, type MailServer } from './support/smtp.ts'
import { until } from './support/until.ts'
import { visit, type Visitor } from './support/visitor.ts'

const PASSWORD = 'quiet harbour lantern'
const CHEAP = { ln: 4, r: 8, p: 1 }
let app: Running
let operated: Org
let ahead = 0
let made = 0

const newVisitor = (): Visitor => visit(app, { ip: `10.${(made += 1)}.0.1` })

async function newAgent(): Promise<string> {
  const org = await app.org()
  const email = `reset${(made += 1)}@example.test`
  await createUser(app.on, { org: org.id, email, role: 'agent', password: PASSWORD })
  return email
}

async function resetLink(email: string): Promise<string> {
  const answer = await newVisitor().post('/reset', { email })
  expect(answer.status).toBe(200)
  const letter = (await listKept(app.on)).find(({ to }) => to === email)
  return /https?:\/\/[^/]+(\/reset\/\S+)/.exec(letter?.text ?? '')?.[1] ?? ''
}

const canSignIn = async (email: string, password: string): Promise<boolean> =>
  (await newVisitor().post('/login', { email, password })).status === 303

beforeAll(async () => {
  const now = (): Date => new Date(Date.now() + ahead)
  app = await startApp({ workers: false, now, env: { TRUST_PROXY: '1' } })
  openPasswords(app.on, CHEAP)
  operated = await app.org()
})
beforeEach(() => {
  ahead = 0
})
afterAll(() => app.stop())

describe('a forgotten password', () => {
  test('the answer is the same for an address with an account and for one without, and only one gets mail', async () => {
    const email = await newAgent()
    const there = await newVisitor().post('/reset', { email })
    const absent = await newVisitor().post('/reset', { email: 'absent@example.test' })
    expect([there.status, absent.status]).toEqual([200, 200])
    expect(absent.text).toBe(there.text)
    const recipients = (await listKept(app.on)).map(({ to }) => to)
    expect(recipients).toContain(email)
    expect(recipients).not.toContain('absent@example.test')
  })

  test('the link sets a new password once and ends every session', async () => {
    const email = await newAgent()
    const before = newVisitor()
    await before.post('/login', { email, password: PASSWORD })
    const link = await resetLink(email)
    expect((await newVisitor().get(link)).text).toContain(email)

    const weak = await newVisitor().post(link, { password: 'short' })
    expect(weak.status).toBe(422)
    expect(weak.text).toContain('Use at least 12 characters')
    const done = await newVisitor().post(link, { password: 'amber river stone' })
    expect([done.status, done.location]).toEqual([303, '/login?done=reset'])

    expect((await before.get('/settings/profile')).status).toBe(303)
    expect(await canSignIn(email, PASSWORD)).toBe(false)
    expect(await canSignIn(email, 'amber river stone')).toBe(true)
    expect((await newVisitor().get(link)).status).toBe(410)
    expect((await newVisitor().post(link, { password: 'yet another phrase' })).status).toBe(410)
    expect(await canSignIn(email, 'amber river stone')).toBe(true)
  })

  test('of two uses at once one counts', async () => {
    const email = await newAgent()
    const link = await resetLink(email)
    const passwords = ['amber river stone', 'copper field morning']
    const answers = await Promise.all(
      passwords.map((password) => newVisitor().post(link, { password })),
    )
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([303, 410])
    const winner = passwords[answers.findIndex(({ status }) => status === 303)] ?? ''
    expect(await canSignIn(email, winner)).toBe(true)
  })

  test('a later link voids the earlier, and each lasts half an hour', async () => {
    const email = await newAgent()
    const first = await resetLink(email)
    const second = await resetLink(email)
    expect(second).not.toBe(first)
    expect((await newVisitor().get(first)).status).toBe(410)
    ahead = 29 * 60_000
    expect((await newVisitor().get(second)).status).toBe(200)
    ahead = 31 * 60_000
    expect((await newVisitor().get(second)).status).toBe(410)
    expect((await newVisitor().post(second, { password: 'amber river stone' })).status).toBe(410)
  })

  test('only a digest of the link is kept beside the account', async () => {
    const email = await newAgent()
    const token = (await resetLink(email)).split('/').at(-1) ?? ''
    expect(token).toMatch(/^[\w-]{43}$/)
    const kept = await app.on.db.withSystem((tx) => rows(tx, 'select * from password_resets'))
    const mails = await app.on.db.withSystem((tx) => rows(tx, 'select * from mail_outbox'))
    const dump = JSON.stringify([kept, mails])
    expect(dump).not.toContain(token)
    expect(dump).not.toContain(email)
  })

  test('three mails an hour to one address, said to nobody', async () => {
    const email = await newAgent()
    const answers = []
    for (let i = 0; i < 5; i += 1) answers.push((await newVisitor().post('/reset', { email })).text)
    expect(new Set(answers).size).toBe(1)
    expect((await listKept(app.on)).filter(({ to }) => to === email)).toHaveLength(3)
  })

  test('links begin with the configured address, whatever the request says of the host', async () => {
    const email = await newAgent()
    await newVisitor().post(
      '/reset',
      { email },
      { Host: 'evil.example', 'X-Forwarded-Host': 'evil.example' },
    )
    const letter = (await listKept(app.on)).find(({ to }) => to === email)
    expect(letter?.text).toContain(`${app.url}/reset/`)
    expect(letter?.text).not.toContain('evil')
  })

  test('who signed up and forgot the password before confirming is let in by the link, which proves the address', async () => {
    const email = 'unconfirmed@example.test'
    const form = { organization: 'Late Linen', name: 'Lea', email, password: PASSWORD }
    await newVisitor().post('/signup', form)
    await newVisitor().post(await resetLink(email), { password: 'amber river stone' })
    const lea = newVisitor()
    await lea.post('/login', { email, password: 'amber river stone' })
    expect((await lea.get('/settings/organization')).text).toContain('Late Linen')
  })
})

describe('mail', () => {
  let server: MailServer
  let sending: Running
  beforeAll(async () => {
    server = await startMailServer()
    sending = await startApp({
      workers: false,
      now: () => new Date(Date.now() + ahead),
      env: { SMTP_URL: server.url },
    })
    openPasswords(sending.on, CHEAP)
  })
  afterAll(async () => {
    await sending.stop()
    await server.stop()
  })
  const stateOf = async (id: string): Promise<Record<string, unknown> | undefined> => {
    const [row] = await sending.on.db.withSystem((tx) =>
      rows<Record<string, unknown>>(
        tx,
        'select state, attempts, recipient, body from mail_outbox where id = ?',
        [id],
      ),
    )
    return row
  }
  const write = (subject: string): Promise<string> =>
    sending.on.db.withSystem((tx) =>
      queueMail(tx, sending.on, {
        to: 'Ana@example.test',
        kind: 'password_reset',
        subject,
        text: 'Olá, Ana.\n',
      }),
    )

  test('without a mail server it is kept for the operator, links to follow, and nobody else', async () => {
    const link = await resetLink(await newAgent())
    const page = await visit(app, {
      cookie: await signInAs(app.on, operated, operated.owner),
    }).get('/ops/mail')
    expect(page.status).toBe(200)
    expect(page.text).toContain(`href="${app.url}${link}"`)
    const other = await app.org()
    const cookie = await signInAs(app.on, other, other.owner)
    expect((await visit(app, { cookie }).get('/ops/mail')).status).toBe(403)
  })

  test('with one it is sent by the worker, once, and what it said is forgotten', async () => {
    mail(sending.on)
    const answer = await visit(sending).post('/signup', {
      organization: 'Blue Linen',
      name: 'Ana',
      email: 'ana@example.test',
      password: PASSWORD,
    })
    expect(answer.text).toContain('Check your mail')
    const [message = ''] = await until(() => server.received.length > 0 && server.received)
    expect(message).toMatch(/^To: ana@example\.test$/m)
    expect(message).toMatch(/^Subject: Confirm your e-mail for ChatFlow$/m)
    expect(message).toContain('/signup/')
    await until(async () => {
      const sent = await sending.on.db.withSystem((tx) =>
        rows(
          tx,
          `select id from mail_outbox where state = 'sent' and body = '' and recipient = ''`,
        ),
      )
      return sent.length === 1
    })
    expect(server.received).toHaveLength(1)
  })

  test('a line break in a subject begins no header', async () => {
    const id = await write('Hello\r\nBcc: everybody@example.test')
    await deliverMail(sending.on, id)
    const message = server.received.at(-1) ?? ''
    expect(message).toMatch(/^Subject: Hello {1,2}Bcc: everybody@example\.test$/m)
    expect(message).not.toMatch(/^Bcc:/m)
    await deliverMail(sending.on, id)
    expect(server.received.filter((text) => text.includes('everybody'))).toHaveLength(1)
  })

  test('a server that refuses is asked three times, then the mail is shown as failed', async () => {
    server.refuse(true)
    const id = await write('Not now')
    for (const state of ['pending', 'pending', 'failed']) {
      await expect(deliverMail(sending.on, id)).rejects.toThrow('not now')
      expect(await stateOf(id)).toMatchObject({ state })
    }
    server.refuse(false)
    await deliverMail(sending.on, id)
    expect(await stateOf(id)).toMatchObject({ state: 'failed', attempts: 3 })
    expect((await listKept(sending.on)).map(({ id: kept }) => kept)).toContain(id)
  })

  test('a mail is forgotten after thirty days', async () => {
    const id = await write('Old')
    await pruneMail(sending.on)
    expect(await stateOf(id)).toMatchObject({ state: 'pending' })
    ahead = 30 * 86_400_000 + 1_000
    await pruneMail(sending.on)
    expect(await stateOf(id)).toBeUndefined()
  })

  test('a mail whose job was lost, or whose sender died, is due again after two minutes', async () => {
    const id = await write('Lost')
    expect(await dueMail(sending.on)).not.toContain(id)
    await sending.on.db.withSystem((tx) =>
      rows(tx, `update mail_outbox set state = 'claimed', lease_until = ? where id = ?`, [
        new Date(Date.now() + 120_000),
        id,
      ]),
    )
    ahead = 121_000
    expect(await dueMail(sending.on)).toContain(id)
    await deliverMail(sending.on, id)
    expect(await stateOf(id)).toMatchObject({ state: 'sent' })
  })
})
