import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { testConnection } from '../../src/connections/check.ts'
import { advanceDue } from '../../src/deletions/advance.ts'
import { rows } from '../../src/db.ts'
import { allowance } from '../../src/sending/hold.ts'
import { startApp, type Running } from '../support/app.ts'
import { refusedBy, startMeta, type Meta } from '../support/graph-questions.ts'
import { arrive } from '../support/inbound.ts'
import type { Org } from '../support/org.ts'
import { countDeletions, importIds, purgeOf, toldOf } from '../support/releases.ts'
import { signInAs } from '../support/sign-in.ts'
import {
  accountUpdate,
  appNamed,
  codeIn,
  contentOf,
  postSigned,
  refusedRequests,
  SECRET,
  sign,
} from '../support/signed-requests.ts'
import { visit } from '../support/visitor.ts'
import { provesUploads } from './uploads-at-meta.ts'

const [APP, USER] = ['670843887433847', '218471']
const DAY = 86_400_000
type Noted = { certificate: { steps: { meta_release: { notes: string[] } } } }
const GRANT = 'update connections set app_id = ?, granted_by = ? where'
/** The time, where a test sets it. */
let clock: Date | undefined
const SUCCESS = { status: 200, body: { success: true } } as const
let meta: Meta
let app: Running
let org: Org

beforeAll(async () => {
  meta = await startMeta()
  const env = { GRAPH_API_URL: meta.url, META_APP_ID: APP, META_APP_SECRET: SECRET }
  app = await startApp({ workers: false, env, now: () => clock ?? new Date() })
})
afterAll(async () => {
  await app.stop()
  await meta.stop()
})
beforeEach(async () => {
  org = await app.org()
  clock = undefined
  meta.asked.length = 0
  meta.answer('DELETE', SUCCESS)
  meta.answer('GET', { status: 200, body: { data: [] } })
  await as(`${GRANT} org_id = ?`, [APP, user()])
})

const user = (): string => USER + BigInt(`0x${org.id.slice(-8)}`).toString()
const as = <T>(sql: string, values: string[]): Promise<T[]> =>
  app.on.db.withTenant(org.id, (tx) => rows<T>(tx, sql, [...values, org.id]))
const connection = async (): Promise<Record<string, unknown> | undefined> =>
  (await as<Record<string, unknown>>('select * from connections where org_id = ?', []))[0]
const content = (id = user()): object => contentOf(id)
const post = (path: string, request: string) => postSigned(app.url + path, request)
const deletions = (): Promise<number> => countDeletions(app)

describe('P41 — WhatsApp configuration goes, also at Meta', () => {
  test('a deletion callback gets a code whose page works at once, and the token is used before it is destroyed', async () => {
    const request = sign(content())
    const answer = await post('/meta/data-deletion', request)
    expect(answer.status).toBe(200)
    const body = (await answer.json()) as Record<string, string>
    expect(Object.keys(body).toSorted()).toEqual(['confirmation_code', 'url'])
    expect(body['url']).toBe(`${app.url}/deletion/${body['confirmation_code']}`)
    expect((await fetch(body['url'] ?? '')).status).toBe(200)
    expect(await codeIn(await post('/meta/data-deletion', request))).toBe(body['confirmation_code'])

    expect((await advanceDue(app.on, { now: app.on.now() })).failed).toEqual([])
    const token = org.connection.accessToken
    const subscribed = `/v26.0/${org.connection.wabaId}/subscribed_apps`
    expect(meta.asked).toEqual([
      { method: 'DELETE', path: subscribed, token },
      { method: 'GET', path: subscribed, token },
      { method: 'DELETE', path: `/v26.0/${user()}/permissions`, token },
    ])
    expect(await connection()).toMatchObject({ access_token: null, granted_by: null })
    const before = await deletions()
    expect(await codeIn(await post('/meta/data-deletion', request))).toBe(body['confirmation_code'])
    expect(await deletions()).toBe(before)
  })

  test('a person nobody knows gets a code, and its page says that nothing was found', async () => {
    const answer = await post('/meta/data-deletion', sign(content('99')))
    const code = await codeIn(answer)
    await advanceDue(app.on, { now: app.on.now() })
    expect(await (await fetch(`${app.url}/deletion/${code}`)).text()).toContain(
      'Nothing of this person was found.',
    )
    expect(await connection()).toMatchObject({ state: 'active', granted_by: user() })
  })

  /** Issued `age` seconds ago: the same second twice is the same callback. */
  const askDeletion = async (age = 0): Promise<string> =>
    codeIn(await post('/meta/data-deletion', sign(contentOf(user(), age))))

  test.each([
    ['trouble of its own', { status: 503, body: 'away' }, 'away'],
    ['a line that breaks', 'hang up', 'away'],
    ['too many calls', refusedBy(80_008, 'There have been too many calls'), 'limited'],
  ] as const)(
    'with %s Meta is asked again, later each time, and the token waits until two days before the deadline',
    async (_what, answer, why) => {
      meta.answer('DELETE', answer)
      clock = new Date()
      const code = await askDeletion()
      const { id, deadline_at } = await toldOf(app, code)
      const tryAt = async (at: number): Promise<string[]> => {
        clock = new Date(at)
        return (await advanceDue(app.on, { now: clock })).failed
      }
      let now = clock.getTime()
      expect(await tryAt(now)).toEqual([id])
      for (const wait of [30_000, 60_000, 120_000]) {
        expect(await tryAt(now + wait - 1)).toEqual([])
        now += wait + 1
        expect(await tryAt(now)).toEqual([id])
      }
      expect(meta.asked.filter(({ path }) => path.includes('permissions'))).toEqual([])
      expect(await tryAt(deadline_at.getTime() - DAY)).toEqual([])
      const { state, notes } = await toldOf(app, code)
      expect(state).toBe('purged')
      expect(notes).toBe(`subscribed_apps unconfirmed(${why}); permissions unconfirmed(${why})`)
      expect((await connection())?.['access_token']).toBeNull()
    },
  )

  test('what Meta answers after the release is kept: in the signed certificate and, in words, on the page', async () => {
    const [yes, no] = ['no longer names our app', 'was not answered']
    const cases = [
      [{ data: [] }, /^subscribed_apps done; our_app absent at 20\S+Z; permissions done$/, yes],
      [{ data: [appNamed('1')] }, /; our_app absent at/, yes],
      [{ data: [appNamed(APP)] }, /; our_app unconfirmed\(present\);/, no],
      ['a page', /; our_app unconfirmed\(unreadable\);/, no],
    ] as const
    for (const [age, [body, note, words]] of cases.entries()) {
      meta.answer('GET', { status: 200, body })
      const code = await askDeletion(age * 60)
      await advanceDue(app.on, { now: app.on.now() })
      const { notes, certificate } = await toldOf(app, code)
      expect(notes).toMatch(note)
      const noted = (certificate as Noted).certificate.steps.meta_release.notes
      expect(noted.join('; ')).toBe(notes)
      expect(await (await fetch(`${app.url}/deletion/${code}`)).text()).toContain(words)
      const connected = await org.connect()
      await as(`${GRANT} id = ? and org_id = ?`, [APP, user(), connected.id])
    }
  })

  const turn = (at: Date) => (clock = at)
  provesUploads({ app: () => app, org: () => org, meta: () => meta, askDeletion, turn })

  test('a token that Meta takes no more means that all is gone already', async () => {
    meta.answer('DELETE', refusedBy(190, 'Error validating access token'))
    const code = await askDeletion()
    expect((await advanceDue(app.on, { now: app.on.now() })).failed).toEqual([])
    const { notes } = await toldOf(app, code)
    expect(notes).toBe('subscribed_apps already_gone; permissions already_gone')
  })

  test('a grant that another organization hangs on stays, and one to an app of the organization’s own is not ours', async () => {
    const [ours, neighbour] = [org, await app.org()]
    const sql = `${GRANT} org_id = ?`
    await app.on.db.withTenant(neighbour.id, (tx) => rows(tx, sql, [APP, user(), neighbour.id]))
    expect(await purgeOf(app, ours.id)).toMatch(
      /^subscribed_apps done; our_app absent.+; permissions shared$/,
    )
    await app.on.db.withTenant(neighbour.id, (tx) => rows(tx, sql, ['777', user(), neighbour.id]))
    expect(await purgeOf(app, neighbour.id)).toMatch(
      /^subscribed_apps done; our_app absent at \S+$/,
    )
    expect(meta.asked.filter(({ path }) => path.includes('permissions'))).toEqual([])
  })

  test('a list of ids that Meta sends by mail is worked through, and a wrong line stops it by its number', async () => {
    const file = join(app.on.config.DATA_DIR, 'ids.txt')
    const before = await deletions()
    await writeFile(file, `${user()}\n\n12 34\nAna <ana@example.test>\n`)
    await expect(importIds(app, file)).rejects.toMatchObject({
      code: 'invalid_lines',
      message: expect.stringMatching(/lines 3, 4\. Nothing was imported\.$/) as string,
    })
    expect(await deletions()).toBe(before)

    await writeFile(file, `${user()}\r\n\r\n990077\r\n`)
    const { imported, deletions: made } = await importIds(app, file)
    expect(imported).toBe(2)
    expect(made).toMatchObject([
      { line: 1, id: user(), state: 'purged' },
      { line: 3, id: '990077', state: 'purged' },
    ])
    expect(await connection()).toMatchObject({ access_token: null, granted_by: null })
    expect((await fetch(`${app.url}/deletion/${made[0]?.code}`)).status).toBe(200)
    // The same list again: the same codes, and nothing new.
    expect((await importIds(app, file)).deletions.map(({ code }) => code)).toEqual(
      made.map(({ code }) => code),
    )
    expect(await deletions()).toBe(before + 2)
  })

  test('deauthorized: the token is destroyed at once and nothing more is sent', async () => {
    expect((await post('/meta/deauthorize', sign(content()))).status).toBe(200)
    expect(await connection()).toMatchObject({
      access_token: null,
      state: 'suspended',
      state_reason: 'deauthorized',
    })
    const bell = { org: org.id, connection: org.connection.id }
    await as(`update connections set updated_at = now() - interval '1 hour' where org_id = ?`, [])
    expect(await app.on.db.withTenant(org.id, (tx) => allowance(tx, bell))).toMatchObject({
      limit: 0,
    })
    expect(meta.asked).toEqual([])
  })

  test.each(['PARTNER_APP_UNINSTALLED', 'PARTNER_REMOVED', 'ACCOUNT_DELETED'])(
    'Meta’s word %s has the same effect',
    async (event) => {
      const waba_info = { waba_id: org.connection.wabaId, partner_app_id: APP }
      await arrive(app.on, org, accountUpdate({ event, waba_info: { ...waba_info, waba_id: '1' } }))
      await arrive(
        app.on,
        org,
        accountUpdate({ event, waba_info: { ...waba_info, partner_app_id: '2' } }),
      )
      await arrive(app.on, org, accountUpdate({ event, waba_info }, 1_700_000_000))
      await arrive(app.on, org, accountUpdate({ event: 'PARTNER_ADDED', waba_info }))
      expect((await connection())?.['state']).toBe('active')
      await arrive(app.on, org, accountUpdate({ event, waba_info }))
      expect(await connection()).toMatchObject({ access_token: null, state_reason: 'deauthorized' })
    },
  )

  test('an admin disconnects a number: Meta is told first, and while it does not answer nothing changes', async () => {
    const admin = visit(app, { cookie: await signInAs(app.on, org, await org.person('admin')) })
    const path = `/settings/connections/${org.connection.id}/disconnect`
    expect((await admin.get(path)).text).toContain('Disconnect this number')
    meta.answer('DELETE', { status: 503, body: 'away' })
    expect((await admin.post(path, {})).text).toContain('nothing was changed')
    expect((await connection())?.['access_token']).not.toBeNull()
    meta.answer('DELETE', SUCCESS)
    expect((await admin.post(path, {})).status).toBe(303)
    const { wabaId, accessToken: token } = org.connection
    expect(meta.asked.slice(-2)).toEqual([
      { method: 'DELETE', path: `/v26.0/${wabaId}/subscribed_apps`, token },
      { method: 'DELETE', path: `/v26.0/${user()}/permissions`, token },
    ])
    expect(await connection()).toMatchObject({ access_token: null, state_reason: 'disconnected' })
    expect((await admin.get('/settings/connections')).text).toContain('Disconnected')
  })

  test('of signed requests, those that its app did not sign change nothing and leave no row', async () => {
    const before = await deletions()
    const answered: unknown[] = []
    for (const [what, , body] of refusedRequests(user()))
      for (const at of ['/meta/data-deletion', '/meta/deauthorize']) {
        const { status } = await fetch(app.url + at, { method: 'POST', ...body })
        answered.push([what, at, status])
      }
    const expected = refusedRequests(user()).flatMap(([what, status]) => [
      [what, '/meta/data-deletion', status],
      [what, '/meta/deauthorize', status],
    ])
    expect(answered).toEqual(expected)
    expect([await deletions(), (await connection())?.['state']]).toEqual([before, 'active'])
    // Padding at the end of a part is no reason to refuse one.
    const padded = sign(content()).replace('.', '=.')
    expect((await post('/meta/deauthorize', `${padded}=`)).status).toBe(200)
    expect((await connection())?.['state']).toBe('suspended')
  })

  test('an organization’s own app is known by its own secret alone', async () => {
    const [own, mine] = ['777001', org]
    await as('update connections set app_id = ? where org_id = ?', [own])
    await app.on.directory.refresh()
    const other = await app.org()
    await app.on.directory.refresh()
    const path = `/meta/deauthorize?app=${own}`
    expect((await post(path, sign(content(), other.connection.appSecret))).status).toBe(400)
    expect((await connection())?.['state']).toBe('active')
    expect((await post(path, sign(content(), mine.connection.appSecret))).status).toBe(200)
    expect((await connection())?.['state']).toBe('suspended')
  })

  test('whose grant a token is, is learned when the connection is checked', async () => {
    meta.answer('debug_token', {
      status: 200,
      body: { data: { app_id: APP, user_id: '4711', is_valid: true } },
    })
    meta.answer(org.connection.phoneNumberId, { status: 200, body: { id: '1' } })
    await testConnection(app.on, org.id, org.connection.id)
    expect(await connection()).toMatchObject({ granted_by: '4711' })
  })
})
