import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import pg from 'pg'
import { isCertified, publishedKeys, type Signed } from '../../src/deletions/certificate.ts'
import { requestDeletion } from '../../src/deletions/request.ts'
import { newId } from '../../src/ids.ts'
import { promises } from '../../src/privacy/promises.ts'
import { sweepRetention } from '../../src/privacy/retention.ts'
import { sourceHash } from '../../src/source-hash.ts'
import { privacyCommands } from '../../src/cli/privacy.ts'
import type { Place } from '../../src/cli/place.ts'
import { openMeasuring } from '../../src/trust/evidence.ts'
import { few, type Measured } from '../../src/trust/figure.ts'
import { FIGURES } from '../../src/trust/registry.ts'
import { SYSTEM } from '../../src/audit/audit.ts'
import { startApp, type Running } from '../support/app.ts'
import { member } from '../support/member.ts'
import type { Org } from '../support/org.ts'

const MINUTE = 60_000
const DAY = 86_400_000

describe('P52 — evidence in place of adjectives', () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'chatflow-report-'))
  const reportFile = path.join(folder, 'promises-report.json')
  let app: Running
  let org: Org
  let login: pg.Client
  let clock = new Date('2026-11-24T10:00:00Z')

  beforeAll(async () => {
    app = await startApp({
      workers: false,
      now: () => clock,
      env: {
        PROMISES_REPORT: reportFile,
        STORAGE_ATTESTATION: `Example Hosting; LUKS2; ${clock.toISOString().slice(0, 10)}`,
      },
    })
    org = await app.org()
    login = new pg.Client({ connectionString: app.on.config.DATABASE_URL })
    await login.connect()
    report()
    await sweepRetention(app.on, clock)
    await login.query(
      `insert into app.canary_runs (id, at, ended_at, planted, outcome) values ('${newId()}', $1, $1, 40, 'clean')`,
      [clock],
    )
    await login.query(
      `insert into app.restores (id, backup_id, made_at, begun_at, opened_at) values ('${newId()}', '${newId()}', $1, $1, $1)`,
      [clock],
    )
  })
  afterAll(async () => {
    await login.end()
    await app.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  /** A report of a run in which all was well, but for what is said. */
  function report({ sources = sourceHash(), failed = '' } = {}): void {
    const results = promises.map(({ id }) => ({
      id,
      tests: 3,
      passed: id === failed ? 2 : 3,
    }))
    const text = { commit: 'a1b2c3d4', sources, finishedAt: clock.toISOString(), results }
    writeFileSync(reportFile, JSON.stringify(text))
  }

  type Statement = Signed & { certificate: { figures: Measured[]; is_last_known: boolean } }
  const statement = async (): Promise<Statement> =>
    (await (await fetch(`${app.url}/trust.json`)).json()) as Statement

  /** The figures that are not green, a refresh later, by their ids, on the page and in the JSON. */
  async function lights(): Promise<Record<string, string>> {
    clock = new Date(clock.getTime() + 11 * MINUTE)
    const { certificate } = await statement()
    const found = certificate.figures.filter(({ state }) => state !== 'ok')
    const page = await (await fetch(`${app.url}/trust`)).text()
    const shown = [...page.matchAll(/id="figure-(\w+)" data-state="(\w+)"/g)]
    const pairs = certificate.figures.map(({ id, state }) => `${id} ${state}`)
    expect(shown.map(([, id, state]) => `${id} ${state}`).toSorted()).toEqual(pairs.toSorted())
    return Object.fromEntries(found.map(({ id, state }) => [id, state]))
  }

  const read = async (id: string): Promise<Measured | undefined> =>
    (await statement()).certificate.figures.find((figure) => figure.id === id)

  test('anybody reads it without a sign-in and a script, and each figure says what, when and how', async () => {
    const answer = await fetch(`${app.url}/trust`)
    expect([answer.status, answer.headers.get('set-cookie')]).toEqual([200, null])
    const page = await answer.text()
    const { figures } = (await statement()).certificate
    expect(figures.map(({ id }) => id)).toEqual(FIGURES.map(({ id }) => id))
    for (const { title, how, value, measured_at, stale_at } of figures) {
      expect(how.length).toBeGreaterThan(20)
      expect(Date.parse(stale_at)).toBeGreaterThan(Date.parse(measured_at))
      for (const text of [title, how, value, measured_at])
        expect(page).toContain(text.replaceAll('&', '&amp;'))
    }
    for (const { id } of promises) expect(page).toContain(`<tr id="${id}">`)
    expect(page).toContain('52 of 52')
  })

  test('all is well at first', async () => {
    expect(await lights()).toEqual({})
  })

  test('the statement is signed with the published key, and no word of it can be changed', async () => {
    const signed = await statement()
    const published = await fetch(`${app.url}/.well-known/chatflow-deletion-keys.json`)
    const { keys } = (await published.json()) as { keys: string[] }
    expect(keys).toEqual(publishedKeys(app.on.vault))
    expect(isCertified(signed, keys)).toBe(true)
    const [first] = signed.certificate.figures
    if (first) first.value = '53 of 52'
    expect(isCertified(signed, keys)).toBe(false)
  })

  test('nothing on it tells of an organization or a person', async () => {
    const all = [
      await (await fetch(`${app.url}/trust`)).text(),
      JSON.stringify(await statement()),
    ].join('\n')
    for (const secret of [org.id, org.owner.id, org.owner.email, 'Test shop', org.connection.id])
      expect(all).not.toContain(secret)
    expect([0, 1, 4, 5, 12].map(few)).toEqual([
      '0',
      'fewer than 5',
      'fewer than 5',
      '5 or more',
      '10 or more',
    ])
  })

  /** Something that is wrong, as it is made and mended, and the light that must turn red: the next one finds all well again. */
  const WRONGS: [name: string, light: string, break_: () => unknown, mend: () => unknown][] = [
    [
      'a token that is not sealed',
      'unsealed',
      () => login.query(`update app.connections set access_token = 'EAAB-bare' || access_token`),
      () => login.query(`update app.connections set access_token = substr(access_token, 10)`),
    ],
    [
      'a column that nobody listed',
      'inventory',
      () => login.query('alter table app.contacts add column birthday date'),
      () => login.query('alter table app.contacts drop column birthday'),
    ],
    [
      'a planted value that outlived its organization',
      'canary',
      () => login.query(`update app.canary_runs set outcome = 'found'`),
      () => login.query(`update app.canary_runs set outcome = 'clean'`),
    ],
    ['a promise whose proof failed', 'promises', () => report({ failed: 'P9' }), () => report()],
    [
      'a table that forgets whose rows it shows',
      'isolation',
      () => login.query('alter table app.messages no force row level security'),
      () => login.query('alter table app.messages force row level security'),
    ],
    [
      'a backup that outlived its time',
      'backup_horizon',
      () =>
        login.query(
          `insert into app.backups (id, kind, file, made_at, expires_at) values ('${newId()}', 'file', 'old', '2026-11-01', '2026-11-15')`,
        ),
      () => login.query('delete from app.backups'),
    ],
    [
      'a certificate that was altered',
      'certificates',
      () =>
        login.query(
          `insert into app.deletions (id, kind, subject_id, code_digest, road, state, requested_at, deadline_at, purged_at, certificate, signature)
           values ('${newId()}', 'user', '${newId()}', 'x', 'self', 'purged', now(), now(), now(), '{"certificate": {"v": 1}, "key": "${'A'.repeat(43)}"}', '${'A'.repeat(86)}')`,
        ),
      () =>
        login.query(
          `alter table app.deletions disable trigger user; delete from app.deletions where code_digest = 'x'; alter table app.deletions enable trigger user`,
        ),
    ],
  ]

  test.each(WRONGS)(
    '%s turns its own light red, and no other',
    async (_name, light, break_, mend) => {
      await break_()
      expect(await lights()).toEqual({ [light]: 'bad' })
      await mend()
      expect(await lights()).toEqual({})
    },
  )

  test('a deletion two days from its deadline turns its own light red, and nobody reads whose', async () => {
    const wish = { kind: 'user' as const, subject: org.owner.id, road: 'operator' as const }
    const person = await org.person('agent')
    await requestDeletion(app.on, {
      ...wish,
      subject: person.id,
      by: SYSTEM,
      received: new Date(clock.getTime() - 28 * DAY),
    })
    expect(await lights()).toEqual({ open_deletion: 'bad' })
    const figure = await read('open_deletion')
    expect(figure?.value).toBe('28 days')
    expect(JSON.stringify(figure)).not.toContain(person.id)
    await login.query(
      `alter table app.deletions disable trigger user; delete from app.deletions; alter table app.deletions enable trigger user`,
    )
  })

  test('the command line says the same, and ends with 3 when a light is red', async () => {
    const place = { open: () => Promise.resolve(app.on) } as Place
    const check = () => privacyCommands['privacy selfcheck']?.run(place, [])
    expect(await check()).toMatchObject({ state: 'ok' })
    report({ failed: 'P9' })
    await expect(check()).rejects.toMatchObject({ exitCode: 3, result: { state: 'bad' } })
    report()
  })

  test('a check that throws is red and says so, never green', async () => {
    const { keys } = app.on
    app.on.keys = { ...keys, of: () => Promise.reject(new Error('a key of canary-42')) }
    expect(await lights()).toEqual({ sealing: 'bad' })
    const figure = await read('sealing')
    expect(figure?.value).toBe('not known')
    expect(JSON.stringify(figure)).not.toContain('canary-42')
    app.on.keys = keys
  })

  test('a report of other sources is not taken, an old one grows stale, none is grey', async () => {
    report({ sources: 'f'.repeat(64) })
    expect(await lights()).toEqual({ promises: 'warn', third_parties: 'warn' })
    expect((await read('promises'))?.value).toBe('other version')
    report({ failed: 'P14' })
    expect(await lights()).toEqual({ promises: 'bad', third_parties: 'bad' })
    rmSync(reportFile)
    expect(await lights()).toEqual({ promises: 'none', third_parties: 'none' })
    report()
    expect(await lights()).toEqual({})
  })

  test('once the sweep stops its light turns red, and what is not measured any more grows stale', async () => {
    await sweepRetention(app.on, clock)
    clock = new Date(clock.getTime() + 25 * 60 * MINUTE)
    expect(await lights()).toEqual({ sweep: 'warn' })
    clock = new Date(clock.getTime() + 2 * 60 * MINUTE)
    expect(await lights()).toEqual({ sweep: 'bad' })
    clock = new Date(clock.getTime() + 91 * DAY)
    await sweepRetention(app.on, clock)
    expect(await lights()).toMatchObject({ promises: 'warn', third_parties: 'warn' })
    report()
  })

  test('while the database is away the last known figures are shown, with their time', async () => {
    await login.query('update app.canary_runs set at = $1', [clock])
    const measuring = openMeasuring(app.on)
    const before = await measuring.read()
    const { ping } = app.on.db
    app.on.db.ping = () => Promise.reject(new Error('away'))
    clock = new Date(clock.getTime() + 2 * DAY)
    const after = await measuring.read()
    app.on.db.ping = ping
    expect([after.at, after.isLast]).toEqual([before.at, true])
    const stale = (figures: Measured[]): string[] =>
      figures.filter(({ detail }) => detail.startsWith('Stale')).map(({ id }) => id)
    expect(stale(before.figures)).toEqual([])
    expect(stale(after.figures)).toContain('unsealed')
  })

  test('an admin sees the same of the own organization, a colleague does not', async () => {
    const [admin, agent] = [await member(app, org, 'admin'), await member(app, org, 'agent')]
    const other = await app.org()
    await login.query(`update app.connections set app_secret = 'bare' where org_id = $1`, [
      other.id,
    ])
    const page = await admin.get('/settings/privacy/trust')
    const text = await page.text()
    expect(page.status).toBe(200)
    expect(text).toMatch(/id="figure-own_unsealed" data-state="ok"/)
    expect(text).toMatch(/id="figure-own_audit" data-state="ok"/)
    expect((await agent.get('/settings/privacy/trust')).status).toBe(403)
    await login.query(`update app.connections set app_secret = 'bare' where org_id = $1`, [org.id])
    const again = await (await admin.get('/settings/privacy/trust')).text()
    expect(again).toMatch(/id="figure-own_unsealed" data-state="bad"/)
  })
})
