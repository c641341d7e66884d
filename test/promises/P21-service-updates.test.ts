import { mailAnnouncements } from '../../src/announcements/mailing.ts'
import { publish, type Writable } from '../../src/announcements/announcements.ts'
import { rows } from '../../src/db.ts'
import { LETTERS, type LetterClass, type LetterKind } from '../../src/ops/letter-kinds.ts'
import { deliverMail, dueMail } from '../../src/ops/delivery.ts'
import { queueMail } from '../../src/ops/mail.ts'
import { setWanted } from '../../src/ops/refusals.ts'
import { wayOut } from '../../src/ops/way-out.ts'
import { startApp, type Running } from '../support/app.ts'
import type { Org, Person } from '../support/org.ts'
import { signInAs } from '../support/sign-in.ts'
import { startMailServer, type MailServer } from '../support/smtp.ts'
import { visit, type Visitor } from '../support/visitor.ts'

const ALL = { features: true, tips: true, surveys: true }

describe('P21 — service updates are few, marked, and optional where they can be', () => {
  let app: Running
  let server: MailServer
  let org: Org
  let reader: Person
  let now: Date
  beforeAll(async () => {
    server = await startMailServer()
    const env = { SMTP_URL: server.url, OPS_EMAILS: 'ops@example.test' }
    app = await startApp({ workers: false, now: () => now, env })
  })
  beforeEach(async () => {
    now = new Date()
    org = await app.org()
    reader = await org.person('agent')
    now = new Date(now.getTime() + 60_000)
    server.received.length = 0
    for (const table of ['announcements', 'mail_outbox'])
      await app.on.db.withSystem((tx) => rows(tx, `delete from ${table}`))
  })
  afterAll(async () => {
    await app.stop()
    await server.stop()
  })

  const announce = (kind: Writable, title = 'Night mode'): Promise<string> =>
    publish(app.on, { kind, title, body: 'It follows your device.', days: 7 })
  const queuedFor = (user: string): Promise<{ id: string; kind: LetterKind }[]> =>
    app.on.db.withSystem((tx) =>
      rows(tx, `select id, kind from mail_outbox where user_id = ? and state <> 'sent'`, [user]),
    )
  /** Everything that waits, sent as the worker would. */
  const send = async (): Promise<void> => {
    now = new Date(now.getTime() + 300_000)
    for (const id of await dueMail(app.on)) await deliverMail(app.on, id)
  }
  const lettersTo = ({ email }: Person): string[] =>
    server.received.filter((letter) => letter.includes(`To: ${email}`))
  const as = async (person: Person): Promise<Visitor> =>
    visit(app, { cookie: await signInAs(app.on, org, person) })
  const refusals = (): Promise<object[]> =>
    app.on.db.withSystem((tx) =>
      rows(tx, `select topic, road, at from mail_refusals where user_id = ?`, [reader.id]),
    )
  const pathOf = (link: string): string => link.slice(app.url.length)

  test('the class of a letter is a property of its kind, and these are all that can be refused', () => {
    const found = Object.entries(LETTERS).map(([kind, letter]): [string, LetterClass] => [
      kind,
      letter,
    ])
    const optional = found.flatMap(([kind, letter]) => ('optional' in letter ? [kind] : []))
    expect(optional).toEqual(['announcement_features', 'announcement_tips', 'announcement_surveys'])
    const needs = new Set(found.flatMap(([, one]) => ('essential' in one ? [one.essential] : [])))
    const ours = 'asked_for breach deletion disclosure operation outage policy security'.split(' ')
    expect([...needs].filter((need) => !ours.includes(need))).toEqual([])
    expect(found.filter(([, one]) => 'essential' in one).map(([kind]) => kind)).toEqual(
      expect.arrayContaining(['deletion', 'announcement_outage', 'announcement_policy']),
    )
  })

  test('an optional letter is plain, names the way out twice, and loads and follows nothing', async () => {
    await announce('features')
    await mailAnnouncements(app.on, now)
    await send()
    const [letter = ''] = lettersTo(reader)
    const link = wayOut(app.on, reader.id, 'features')
    const unfolded = letter.replace(/\n\s+/g, ' ').replace(/=\n/g, '').replaceAll('=3D', '=')
    expect(unfolded).toContain(`List-Unsubscribe: <${link}>`)
    expect(unfolded).toContain('List-Unsubscribe-Post: List-Unsubscribe=One-Click')
    expect(unfolded).toContain(`No more letters of this kind: ${link}`)
    expect(unfolded).toMatch(/Content-Type: text\/plain/i)
    expect(unfolded).not.toMatch(/text\/html|<img|multipart|Disposition-Notification/i)
    const links = unfolded.match(/https?:\/\/[^\s>]+/g) ?? []
    expect(links.length).toBeGreaterThan(2)
    expect(links.filter((one) => !one.startsWith(`${app.url}/`))).toEqual([])
    expect(links.filter((one) => one.includes('?'))).toEqual([])
  })

  test('an essential letter carries no way out, and comes though everything is refused', async () => {
    await setWanted(app.on, reader.id, { features: false, tips: false, surveys: false })
    await announce('outage', 'Maintenance on Sunday')
    await mailAnnouncements(app.on, now)
    await send()
    const [letter = ''] = lettersTo(reader)
    expect(letter).toContain('Subject: Maintenance on Sunday')
    expect(letter).not.toMatch(/unsubscribe/i)
    expect((await (await as(reader)).get('/inbox')).text).toContain('Maintenance on Sunday')
  })

  test('whoever refused is not selected by the next run, and sees no banner; the others do', async () => {
    await setWanted(app.on, reader.id, { ...ALL, tips: false })
    await announce('tips')
    await mailAnnouncements(app.on, now)
    expect(await queuedFor(reader.id)).toEqual([])
    expect(await queuedFor(org.owner.id)).toHaveLength(1)
    expect((await (await as(reader)).get('/inbox')).text).not.toContain('Night mode')
    expect((await (await as(org.owner)).get('/inbox')).text).toContain('Night mode')
    await announce('features', 'Faster search')
    await mailAnnouncements(app.on, now)
    expect((await queuedFor(reader.id)).map(({ kind }) => kind)).toEqual(['announcement_features'])
  })

  test('what waits to be sent is dropped by the refusal, and once more when it would go', async () => {
    await announce('tips')
    await mailAnnouncements(app.on, now)
    expect(await queuedFor(reader.id)).toHaveLength(1)
    await setWanted(app.on, reader.id, { ...ALL, tips: false })
    expect(await queuedFor(reader.id)).toEqual([])
    // Written by somebody who had not heard of it yet.
    const late = await app.on.db.withSystem((tx) =>
      queueMail(tx, app.on, {
        to: reader.email,
        user: reader.id,
        kind: 'announcement_tips',
        subject: 'Late',
        text: 'Late.\n',
      }),
    )
    await deliverMail(app.on, late)
    expect(await queuedFor(reader.id)).toEqual([])
    expect(lettersTo(reader)).toEqual([])
    await send()
    expect(lettersTo(reader)).toEqual([])
    expect(lettersTo(org.owner)).toHaveLength(1)
  })

  test('one letter to each person, however often the job runs and in however many organizations they are', async () => {
    const other = await app.org()
    await app.on.db.withTenant(other.id, (tx) =>
      rows(tx, `insert into memberships (org_id, user_id, role) values (?, ?, 'agent')`, [
        other.id,
        reader.id,
      ]),
    )
    await announce('security')
    await Promise.all([mailAnnouncements(app.on, now), mailAnnouncements(app.on, now)])
    await mailAnnouncements(app.on, now)
    expect(await queuedFor(reader.id)).toHaveLength(1)
  })

  test('opening the link changes nothing; pressing its button does, without a sign-in', async () => {
    const path = pathOf(wayOut(app.on, reader.id, 'tips'))
    const stranger = visit(app)
    for (const headers of [{}, { 'user-agent': 'link scanner' }]) {
      const page = await stranger.get(path, headers)
      expect([page.status, page.text.includes('Send me no more')]).toEqual([200, true])
      expect(page.headers.getSetCookie()).toEqual([])
    }
    expect((await fetch(app.url + path, { method: 'HEAD' })).status).toBe(200)
    expect(await refusals()).toEqual([])
    const pressed = await stranger.post(path, { from: 'page' })
    expect([pressed.status, pressed.location]).toEqual([303, path])
    expect(await refusals()).toEqual([{ topic: 'tips', road: 'link', at: now }])
    expect((await stranger.get(path)).text).toContain('are off for you')
  })

  test('a mail program unsubscribes with one request from elsewhere, and is not sent on', async () => {
    const path = pathOf(wayOut(app.on, reader.id, 'surveys'))
    const oneClick = (): Promise<Response> =>
      fetch(app.url + path, {
        method: 'POST',
        redirect: 'manual',
        headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
        body: 'List-Unsubscribe=One-Click',
      })
    expect([(await oneClick()).status, (await oneClick()).status]).toEqual([200, 200])
    expect(await refusals()).toEqual([{ topic: 'surveys', road: 'link', at: now }])
  })

  test('a link is for its person and its topic: it outlives a change of address, and dies with the account', async () => {
    const link = pathOf(wayOut(app.on, reader.id, 'tips'))
    const stranger = visit(app)
    for (const wrong of [
      link.replace('/tips/', '/features/'),
      link.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A')),
      `${link}A`,
      link.replace('/tips/', '/security/'),
      pathOf(wayOut(app.on, org.owner.id, 'tips')).slice(0, 40) + link.slice(40),
    ])
      expect([(await stranger.get(wrong)).status, (await stranger.post(wrong)).status]).toEqual([
        404, 404,
      ])
    expect(await refusals()).toEqual([])
    const change = (sql: string): Promise<unknown> =>
      app.on.db.withSystem((tx) => rows(tx, sql, [reader.id]))
    await change(`update users set email = 'moved-' || email where id = ?`)
    expect((await stranger.post(link)).status).toBe(200)
    expect(await refusals()).toHaveLength(1)
    await change(`delete from users where id = ?`)
    expect(await refusals()).toEqual([])
    expect((await stranger.post(link)).status).toBe(404)
  })

  test('a banner goes for the one who puts it away, and everything stays readable under Updates', async () => {
    const id = await announce('features')
    const [visitor, owner] = [await as(reader), await as(org.owner)]
    expect((await visitor.get('/contacts')).text).toContain(`/updates/${id}/dismissal`)
    const put = await visitor.post(`/updates/${id}/dismissal`, { back: '/contacts' })
    expect([put.status, put.location]).toEqual([303, '/contacts'])
    expect((await visitor.get('/contacts')).text).not.toContain('Night mode')
    expect((await owner.get('/contacts')).text).toContain('Night mode')
    expect((await visitor.get('/updates')).text).toContain('It follows your device.')
    now = new Date(now.getTime() + 8 * 86_400_000)
    expect((await (await as(org.owner)).get('/contacts')).text).not.toContain('Night mode')
  })

  test('the toggles stand in the profile and are kept at once, with when and by which road', async () => {
    const visitor = await as(reader)
    const answer = await visitor.post('/settings/profile/mails', { features: '1' })
    expect(answer.status).toBe(303)
    expect(await refusals()).toEqual(
      expect.arrayContaining([
        { topic: 'tips', road: 'settings', at: now },
        { topic: 'surveys', road: 'settings', at: now },
      ]),
    )
    await visitor.post('/settings/profile/mails', { features: '1', tips: '1', surveys: '1' })
    expect(await refusals()).toEqual([])
  })
})
