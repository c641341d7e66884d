import { copyFile, mkdir, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import pg from 'pg'
import { createApiKey } from '../../src/accounts/api-keys.ts'
import { SYSTEM } from '../../src/audit/audit.ts'
import { canaryWhenDue, lastCanary } from '../../src/canary/canary.ts'
import { rows } from '../../src/db.ts'
import { advanceDue } from '../../src/deletions/advance.ts'
import { findDeletion } from '../../src/deletions/deletion.ts'
import { requestDeletion } from '../../src/deletions/request.ts'
import { searchValues } from '../../src/deletions/search.ts'
import { searchStores } from '../../src/deletions/stores.ts'
import { queueMail } from '../../src/ops/mail.ts'
import { BACKENDS, startApp, type Running } from '../support/app.ts'
import { zipOf } from '../support/exports.ts'
import { arrive, read } from '../support/inbound.ts'
import { messageOf, messagesBody, newCustomer } from '../support/meta.ts'
import type { Org } from '../support/org.ts'

jest.setTimeout(60_000)
const DAY = 86_400_000
const NUMBER = '4915112345678'
const base64 = (text: string): string => Buffer.from(text).toString('base64')

describe('P45 — a search proves that nothing is left', () => {
  let app: Running
  let login: pg.Client
  let org: Org
  let now = new Date()
  beforeAll(async () => {
    app = await startApp({ workers: false, now: () => now })
    login = new pg.Client({ connectionString: app.on.config.DATABASE_URL })
    await login.connect()
    await mkdir(app.on.config.DATA_DIR, { recursive: true })
  })
  beforeEach(async () => {
    org = await app.org()
  })
  afterAll(async () => {
    await login.end()
    await app.stop()
  })

  const eventWith = (text: string): Promise<unknown> =>
    app.on.db.withTenant(org.id, (tx) =>
      rows(
        tx,
        `insert into message_events (org_id, wamid, status, rank, at, connection_id) values (?, ?, 'sent', 30, now(), ?)`,
        [org.id, text, org.connection.id],
      ),
    )

  const MAIL = 'Zoë+shop@Example.test'
  test.each([
    ['as it is', NUMBER, NUMBER],
    ['in another case', MAIL, MAIL.toUpperCase()],
    ['in hex', NUMBER, Buffer.from(NUMBER).toString('hex').toUpperCase()],
    ['in hex of UTF-16', NUMBER, Buffer.from(NUMBER, 'utf16le').toString('hex')],
    ['in base64', NUMBER, base64(NUMBER)],
    ['in base64 after one byte', NUMBER, base64(`x${NUMBER}yz`)],
    ['in base64 after two bytes', NUMBER, base64(`xx${NUMBER}yz`)],
    [
      'in base64 for URLs',
      `${NUMBER}>?>?>`,
      Buffer.from(`x${NUMBER}>?>?>yz`).toString('base64url'),
    ],
    ['escaped for a URL', MAIL, encodeURIComponent(MAIL)],
    ['escaped for JSON', MAIL, MAIL.replace('ë', String.raw`\u00eb`)],
    ['as a number with spaces', NUMBER, '+49 151 1234 5678'],
    ['as a number from abroad', NUMBER, '0049 (151) 12345-678'],
  ])(
    'a value planted %s is found, with place and age, and never itself',
    async (_how, value, as) => {
      await eventWith(`wamid.${as}.`)
      now = new Date(Date.now() + 90_000)
      const found = await searchValues(app.on, org.id, [value])
      expect(found).toEqual([
        { place: 'message_events.wamid', what: 'value', age_s: expect.any(Number) as number },
      ])
      expect(found[0]?.age_s).toBeGreaterThanOrEqual(80)
      expect(JSON.stringify(found)).not.toContain(value)
      expect(await searchValues(app.on, (await app.org()).id, [value])).toEqual([])
    },
  )

  test('in columns of JSON, of arrays and of bytes, too', async () => {
    await createApiKey(app.on, org.id, { name: 'x' })
    await login.query(
      `insert into app.exports (id, org_id, kind) values (gen_random_uuid(), $1, 'org')`,
      [org.id],
    )
    for (const [column, value] of [
      ['connections.settings', 'jsonb_build_object(1, $2::text)'],
      ['api_keys.scopes', 'array[$2]'],
      ['exports.sha256', `convert_to($2, 'UTF8')`],
    ]) {
      const [table = '', name = ''] = column?.split('.') ?? []
      await login.query(`update app.${table} set ${name} = ${value} where org_id = $1`, [
        org.id,
        NUMBER,
      ])
    }
    const found = await searchValues(app.on, org.id, [NUMBER])
    expect(found.map(({ place }) => place).toSorted()).toEqual([
      'api_keys.scopes',
      'connections.settings',
      'exports.sha256',
    ])
  })

  const places = async (value = NUMBER, at = app): Promise<string[]> => {
    const { hits, unsearched } = await searchStores(at.on, [value])
    expect([JSON.stringify(hits).includes(value), unsearched]).toEqual([false, []])
    return hits.map(({ place }) => place)
  }
  const inData = (name: string): string => path.join(app.on.config.DATA_DIR, name)

  test('in a file, its name, a gzip, a ZIP and a log beside the data', async () => {
    const planted: [name: string, bytes: Buffer | string, place: string][] = [
      ['left.txt', `so ${NUMBER} wrote`, 'file left.txt'],
      [`of ${NUMBER}.bin`, 'nothing', 'file …'],
      ['old.log.gz', gzipSync(`x\n${NUMBER}\n`.repeat(9)), 'file old.log.gz'],
      ['wide.csv', Buffer.from(`a;${NUMBER}`, 'utf16le'), 'file wide.csv'],
      ['postgres.log', `DETAIL: Key (value)=(${NUMBER})`, 'file postgres.log'],
    ]
    for (const [name, bytes] of planted) await writeFile(inData(name), bytes)
    const zip = await zipOf({ 'a.txt': 'no', 'b.txt': `yes, ${NUMBER}` })
    await copyFile(zip, inData('c.zip'))
    const wanted = [...planted.map(([, , place]) => place), 'file c.zip']
    expect((await places()).toSorted()).toEqual(wanted.toSorted())
    for (const name of [...planted.map(([each]) => each), 'c.zip']) await rm(inData(name))
    expect(await places()).toEqual([])
  })

  test('in sealed mail', async () => {
    const letter = { to: MAIL, kind: 'alarm', subject: 'x', text: `called ${NUMBER}` } as const
    const id = await app.on.db.withSystem((tx) => queueMail(tx, app.on, letter))
    expect([await places(MAIL), await places()]).toEqual([
      ['mail_outbox.recipient'],
      ['mail_outbox.body'],
    ])
    await login.query('delete from app.mail_outbox where id = $1', [id])
    expect(await places()).toEqual([])
  })

  test('in the samples that the planner keeps', async () => {
    for (let n = 0; n < 3; n += 1) await eventWith(NUMBER + '.'.repeat(n))
    await login.query('analyze app.message_events')
    await login.query('delete from app.message_events')
    expect(await places()).toEqual(['planner statistics message_events.wamid'])
    await eventWith('somebody else')
    await login.query('analyze app.message_events')
    expect(await places()).toEqual([])
  })

  test.each(BACKENDS)('in jobs, whatever state they are in, queues in %s', async (backend) => {
    const busy = await startApp({ backend, workers: false })
    await busy.on.queues.addInbound([{ org: null, connection: null, at: 1, sealed: NUMBER }])
    const [found, ...others] = await places(NUMBER, busy)
    expect([found, others]).toEqual([
      expect.stringMatching(
        backend === 'redis' ? /^redis .*:inbound:[0-9a-f-]{36}$/ : /^table jobs\.job/,
      ),
      [],
    ])
    await busy.stop()
  })

  test('a deletion stays unfinished while something is found, and ends when it is gone', async () => {
    const ana = newCustomer()
    await arrive(app.on, org, messagesBody(org.connection, ana, messageOf(ana, 'Hello')))
    const [found] = await read<{ id: string }>(
      app.on,
      org,
      'select id from contacts where org_id = :org',
    )
    const wish = { kind: 'contact' as const, org: org.id, road: 'agent' as const, by: SYSTEM }
    const { code, id } = await requestDeletion(app.on, { ...wish, subject: found?.id ?? '' })
    const tries: [plant: () => Promise<unknown>, clear: () => Promise<unknown>][] = [
      [
        () => eventWith(`wamid.${ana.phone}`),
        () => read(app.on, org, 'delete from message_events where org_id = :org'),
      ],
      [() => writeFile(inData(`${ana.phone}.csv`), ''), () => rm(inData(`${ana.phone}.csv`))],
    ]
    for (const [plant, clear] of tries) {
      await plant()
      expect((await advanceDue(app.on, { now })).failed).toEqual([id])
      expect((await findDeletion(app.on, code))?.state).toBe('purging')
      expect(app.lines.join('\n')).not.toContain(ana.phone)
      await clear()
      now = new Date(now.getTime() + 60_000)
    }
    expect((await advanceDue(app.on, { now })).purged).toEqual([id])
  })

  test('what another organization rightly has of the same person holds nothing up', async () => {
    const other = await app.org()
    const ana = newCustomer()
    for (const one of [org, other])
      for (let n = 0; n < 3; n += 1)
        await arrive(app.on, one, messagesBody(one.connection, ana, messageOf(ana, 'Hello')))
    await login.query('analyze app.contact_identities')
    const [found] = await read<{ id: string }>(
      app.on,
      org,
      'select id from contacts where org_id = :org',
    )
    const wish = { kind: 'contact' as const, org: org.id, road: 'agent' as const, by: SYSTEM }
    const { id } = await requestDeletion(app.on, { ...wish, subject: found?.id ?? '' })
    expect((await advanceDue(app.on, { now })).purged).toEqual([id])
  })

  test('once a week an organization is made only to be deleted, and whatever is left of it is told', async () => {
    const before = now
    await canaryWhenDue(app.on)
    expect(await lastCanary(app.on)).toBeUndefined()
    // Something that no eraser knows of keeps a copy.
    await login.query(`
      create table app.shadow (id uuid default gen_random_uuid(), name text);
      grant select on app.shadow to cf_backup;
      create function app.copied() returns trigger language plpgsql security definer set search_path = app as $$
        begin insert into shadow (name) values (new.name); return new; end $$;
      create trigger copied after update on app.contacts for each row execute function app.copied();`)
    now = new Date(now.getTime() + 2 * DAY)
    await canaryWhenDue(app.on)
    const found = await lastCanary(app.on)
    const left = { place: 'shadow.name', what: 'value', age_s: null }
    expect(found).toMatchObject({ at: now, outcome: 'found', findings: [left] })
    expect(found?.planted).toBeGreaterThan(14)
    const open = (): Promise<unknown[]> =>
      app.on.db.withSystem((tx) =>
        rows(tx, `select stage from alarms where kind = 'canary' and cleared_at is null`),
      )
    expect(await open()).toEqual([{ stage: 'found' }])

    await login.query('drop trigger copied on app.contacts; drop table app.shadow')
    now = new Date(now.getTime() + 6 * DAY)
    await canaryWhenDue(app.on)
    expect((await lastCanary(app.on))?.at).toEqual(found?.at)
    now = new Date(now.getTime() + 2 * DAY)
    await canaryWhenDue(app.on)
    expect(await lastCanary(app.on)).toMatchObject({ at: now, outcome: 'clean', findings: [] })
    expect(await open()).toEqual([])
    now = before
  })
})
