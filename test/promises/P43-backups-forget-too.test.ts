import { copyFile, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import pg from 'pg'
import { SYSTEM } from '../../src/audit/audit.ts'
import { makeBackup, type Made } from '../../src/backups/backup.ts'
import { restoreBackup, type Restored } from '../../src/backups/restore.ts'
import { listBackups } from '../../src/backups/shelf.ts'
import { rows } from '../../src/db.ts'
import { advanceDue } from '../../src/deletions/advance.ts'
import { isCertified, publishedKeys, Signed } from '../../src/deletions/certificate.ts'
import { findDeletion, type Deletion, type Kind } from '../../src/deletions/deletion.ts'
import { ledgerFile } from '../../src/deletions/ledger-file.ts'
import { requestDeletion } from '../../src/deletions/request.ts'
import { countLeft } from '../../src/deletions/search.ts'
import { listKept } from '../../src/ops/mail.ts'
import { sweepRetention } from '../../src/privacy/retention.ts'
import { startApp, type Running } from '../support/app.ts'
import { runBeside } from '../support/child.ts'
import { cloneDatabase } from '../support/database.ts'
import { startGraph, type Graph } from '../support/graph.ts'
import { arrive, read } from '../support/inbound.ts'
import { messageOf, messagesBody, newCustomer, postWebhook, seconds } from '../support/meta.ts'
import type { Org } from '../support/org.ts'
import { until } from '../support/until.ts'

jest.setTimeout(120_000)
const DAY = 86_400_000

describe('P43 — backups forget too, and a restore remembers to delete', () => {
  let app: Running
  let graph: Graph
  let login: pg.Client
  let folder: string
  let backup: Made
  let [leaving, staying]: Org[] = []
  let erased: { org: Deletion; contact: Deletion }
  let now = new Date('2026-11-20T10:00:00Z')
  const [ana, ben] = [newCustomer(), newCustomer()]

  const only = <T>(value: T | undefined): T => {
    if (value === undefined) throw new Error('not there yet')
    return value
  }
  const saidBy = (who: typeof ana, to: Org, text: string): ReturnType<typeof messagesBody> =>
    messagesBody(to.connection, who, messageOf(who, text, { timestamp: seconds(now) }))
  const contacts = (of: Org): Promise<{ id: string; name: string }[]> =>
    read(app.on, of, 'select id, profile_name as name from contacts where org_id = :org')

  const codes: string[] = []
  async function erase(kind: Kind, org: Org, subject: string): Promise<Deletion> {
    const wish = { kind, org: org.id, subject, road: 'self' as const, by: SYSTEM }
    const { code } = await requestDeletion(app.on, wish)
    codes.push(code)
    if (kind === 'org') now = new Date(now.getTime() + 8 * DAY)
    expect((await advanceDue(app.on, { now })).failed).toEqual([])
    return only(await findDeletion(app.on, code))
  }

  const restore = (observe?: (at: string) => void): Promise<Restored> =>
    restoreBackup(
      { config: app.on.config, log: app.on.log, now: () => now, queuePrefix: app.queuePrefix },
      { file: backup.file, ...(observe ? { observe } : {}) },
    )

  let old: ReturnType<typeof messagesBody>[] = []
  beforeAll(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'chatflow-backups-'))
    graph = await startGraph()
    app = await startApp({
      workers: false,
      now: () => now,
      env: { GRAPH_API_URL: graph.url, META_APP_SECRET: 'secret of the app' },
    })
    login = new pg.Client({ connectionString: app.on.config.DATABASE_URL })
    await login.connect()
    leaving = await app.org()
    staying = await app.org()
    for (const org of [leaving, staying]) await arrive(app.on, org, saidBy(ana, org, 'From Ana'))
    await arrive(app.on, staying, saidBy(ben, staying, 'From Ben'))
    old = [saidBy(ana, staying, 'From Ana, late'), saidBy(ana, leaving, 'From Ana, late')]
    now = new Date(now.getTime() + 60_000)
    backup = await makeBackup(app.on, path.join(folder, 'a.backup'))
    const found = (await contacts(staying)).find(({ name }) => name === ana.name)
    erased = {
      contact: await erase('contact', staying, only(found).id),
      org: await erase('org', leaving, leaving.id),
    }
  })
  afterAll(async () => {
    await login.end()
    await app.stop()
    await graph.stop()
    await rm(folder, { recursive: true })
  })

  test('a backup is sealed, closed to others and on the list; the ledger beside the database names nobody', async () => {
    const bytes = await readFile(backup.file)
    const ledger = await readFile(ledgerFile(app.on.config.DATA_DIR), 'utf8')
    expect(backup.records).toMatchObject({ messages: 3, contacts: 3 })
    for (const secret of [ana.phone, ana.name, 'From Ana', only(staying).owner.email]) {
      expect(bytes.includes(only(secret))).toBe(false)
      expect(ledger).not.toContain(secret)
    }
    for (const code of codes) expect(ledger).not.toContain(code)
    expect((await stat(backup.file)).mode & 0o777).toBe(0o600)
    expect(await listBackups(app.on)).toMatchObject([{ id: backup.id, removed_at: null }])
    // The certificate says until when, in a sentence.
    const { certificate } = Signed.parse({
      ...erased.org.certificate,
      signature: erased.org.signature,
    })
    expect(certificate['backups']).toMatch(/gone by backups_clear_at/)
    expect(erased.org.backups_clear_at).toEqual(new Date(now.getTime() + 14 * DAY))
  })

  const doorIs = async (): Promise<string> =>
    app.on.db
      .withSystem((tx) => rows(tx, 'select 1 from organizations limit 1'))
      .then(
        () => 'open',
        (error: { code: string }) => error.code,
      )
  const statuses = async (): Promise<number[]> => {
    const pages = ['/login', '/health/ready', '/health/webhooks', '/health/live']
    const answers = await Promise.all(pages.map((page) => fetch(app.url + page)))
    const hook = await postWebhook(
      app.url,
      only(staying).connection,
      saidBy(ben, only(staying), 'Hi'),
    )
    return [...answers, hook].map(({ status }) => status)
  }
  const SHUT = [503, 503, 503, 200, 503]
  const isShut = async (): Promise<boolean> => (await statuses()).join() === SHUT.join()

  test('killed while it loads, and broken off while it deletes again, it lets nobody in before it is done', async () => {
    const ahead = String(now.getTime() - Date.now())
    const killed = await runBeside(app, 'restore-child.ts', [backup.file, 'entry messages', ahead])
    expect(killed).toBe(true)
    await until(isShut)
    expect(await doorIs()).toBe('57P03')

    const crash = (at: string): void => {
      if (at === 'rows begins') throw new Error('a crash')
    }
    await expect(restore(crash)).rejects.toThrow('a crash')
    expect([await statuses(), await doorIs()]).toEqual([SHUT, '57P03'])
    const { rows: back } = await login.query('select from app.messages where org_id = $1', [
      only(leaving).id,
    ])
    expect(back).toHaveLength(1)

    now = new Date(now.getTime() + 2 * 60_000)
    expect(await restore()).toMatchObject({ backup: backup.id, replayed: 2 })
    await until(async () => (await fetch(`${app.url}/health/ready`)).status === 200)
    expect(await statuses()).toEqual([200, 200, 200, 200, 200])
    expect(await countLeft(app.on, only(leaving).id)).toEqual([])
    expect((await contacts(only(staying))).map(({ name }) => name)).toEqual([ben.name])
  })

  test('each deletion keeps the day and the certificate of its first time, with a signed note beside it', async () => {
    for (const before of [erased.org, erased.contact]) {
      const after = await app.on.db.withSystem((tx) =>
        tx('deletions').where({ id: before.id }).first<Deletion>(),
      )
      expect(after).toMatchObject({
        state: 'purged',
        purged_at: before.purged_at,
        backups_clear_at: before.backups_clear_at,
        signature: before.signature,
        certificate: before.certificate as object,
      })
      const { again } = after.certificate as { again: unknown }
      const note = Signed.parse(again)
      expect(note.certificate['restored_from']).toBe(backup.made_at.toISOString())
      expect(isCertified(note, publishedKeys(app.on.vault))).toBe(true)
    }
  })

  test('what WhatsApp delivers again afterwards brings nobody back', async () => {
    now = new Date(now.getTime() + 6 * 3_600_000)
    const [toStaying = {}, toLeaving = {}] = old
    await arrive(app.on, only(staying), toStaying)
    expect((await contacts(only(staying))).map(({ name }) => name)).toEqual([ben.name])
    expect((await postWebhook(app.url, only(leaving).connection, toLeaving)).status).toBe(401)
    expect(await countLeft(app.on, only(leaving).id)).toEqual([])
  })

  test('on another machine the ledger must reach the backup and be whole, or nothing begins', async () => {
    const elsewhere = await cloneDatabase()
    const ledger = path.join(folder, 'a.ledger')
    const lines = (await readFile(ledgerFile(app.on.config.DATA_DIR), 'utf8')).trimEnd().split('\n')
    const config = {
      ...app.on.config,
      DATABASE_URL: elsewhere.url,
      DATA_DIR: path.join(folder, 'elsewhere'),
    }
    const from = async (kept: string[]): Promise<Restored> => {
      await writeFile(ledger, kept.map((line) => `${line}\n`).join(''))
      return restoreBackup(
        { config, log: app.on.log, now: () => now },
        { file: backup.file, ledger },
      )
    }
    const broken = { code: 'ledger_broken' }
    await expect(from([])).rejects.toMatchObject({ code: 'ledger_behind' })
    await expect(from(lines.toSpliced(2, 1))).rejects.toMatchObject(broken)
    const forged = only(lines[2]).replace(/"what":"\w+"/, '"what":"restore"')
    await expect(from(lines.toSpliced(2, 1, forged))).rejects.toMatchObject(broken)
    const last = only(lines.at(-1)).replace(/"signature":"..../, '"signature":"AAAA')
    await expect(from(lines.toSpliced(-1, 1, last))).rejects.toMatchObject(broken)
    expect((await from(lines)).replayed).toBe(2)
    const there = new pg.Client({ connectionString: elsewhere.url })
    await there.connect()
    const { rows: names } = await there.query('select profile_name as name from app.contacts')
    await there.end()
    expect(names).toEqual([{ name: ben.name }])
    await elsewhere.drop()
  })

  test('when its time is over the file is removed, and a copy is not taken any more', async () => {
    const copy = path.join(folder, 'copy.backup')
    await copyFile(backup.file, copy)
    now = new Date(backup.expires_at.getTime() - 1)
    await sweepRetention(app.on, now)
    await stat(backup.file)
    now = backup.expires_at
    expect((await sweepRetention(app.on, now)).counts['backup files']).toBe(1)
    await expect(stat(backup.file)).rejects.toMatchObject({ code: 'ENOENT' })
    expect(await listBackups(app.on)).toMatchObject([{ id: backup.id, removed_at: now }])
    const place = { config: app.on.config, log: app.on.log, now: () => now }
    await expect(restoreBackup(place, { file: copy })).rejects.toMatchObject({ code: 'expired' })
  })

  test('a backup that cannot be removed when its time is over raises an alarm until somebody did', async () => {
    const far = await mkdtemp(path.join(os.tmpdir(), 'chatflow-far-'))
    const late = await makeBackup(app.on, path.join(far, 'b.backup'))
    await rm(far, { recursive: true })
    now = new Date(late.expires_at.getTime() + 1_000)
    expect((await sweepRetention(app.on, now)).overdue).toEqual(['backups'])
    const mails = (await listKept(app.on)).filter(({ subject }) =>
      /older than it may/.test(subject),
    )
    expect(mails.map(({ to }) => to)).toEqual([app.on.config.PRIVACY_CONTACT])
    const open = (): Promise<unknown[]> =>
      app.on.db.withSystem((tx) =>
        rows(tx, `select ref from alarms where kind = 'backup' and cleared_at is null`),
      )
    expect(await open()).toEqual([{ ref: late.id }])
    await app.on.db.withSystem((tx) =>
      rows(tx, 'update backups set removed_at = ? where id = ?', [now, late.id]),
    )
    expect((await sweepRetention(app.on, now)).overdue).toEqual([])
    expect(await open()).toEqual([])
  })
})
