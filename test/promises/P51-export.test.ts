import { createHash } from 'node:crypto'
import { access } from 'node:fs/promises'
import path from 'node:path'
import { listAudit } from '../../src/audit/log.ts'
import { createContact } from '../../src/contacts/changes.ts'
import { rows } from '../../src/db.ts'
import { folderOf } from '../../src/privacy/export-place.ts'
import { sweepExports } from '../../src/privacy/export-shelf.ts'
import { advanceExport, requestExport } from '../../src/privacy/exports.ts'
import { importExport } from '../../src/privacy/import.ts'
import { startApp, type Running } from '../support/app.ts'
import { exportOf, inOrg, linesOf, talkOf, watchedDoors, zipOf } from '../support/exports.ts'
import type { Org } from '../support/org.ts'
import { signInAs } from '../support/sign-in.ts'
import { visit } from '../support/visitor.ts'

describe('P51 — your data in a portable format', () => {
  let app: Running
  let org: Org
  let ahead = 0
  beforeAll(async () => {
    const now = () => new Date(Date.now() + ahead)
    app = await startApp({ workers: false, now })
    org = await app.org()
    await talkOf(app, org, 12)
    await createContact(app.on, org.id, { name: '=1+1', phone: '14155550181' })
  })
  afterAll(() => app.stop())
  const exported = () => exportOf(app, { kind: 'org', org: org.id })

  test('is whole: each file has the hash and each table the count that the list says', async () => {
    const { about, files, records } = await exported()
    expect(records).toMatchObject({ messages: 12, contacts: 2 })
    expect(linesOf(files['data/messages.jsonl'])).toHaveLength(12)
    for (const { name, sha256 } of about.files)
      expect([
        name,
        createHash('sha256')
          .update(files[name] ?? '')
          .digest('hex'),
      ]).toEqual([name, sha256])
  })

  test('is safe in a spreadsheet, exact in JSON, and has no secret', async () => {
    const { files } = await exported()
    expect(files['csv/contacts.csv']).toContain(",'=1+1,")
    expect(linesOf(files['data/contacts.jsonl']).map(({ name }) => name)).toContain('=1+1')
    const all = Object.values(files).join('\n')
    const { accessToken, appSecret, verifyToken } = org.connection
    for (const secret of [accessToken, appSecret, verifyToken]) expect(all).not.toContain(secret)
    expect(files['index.html']).not.toMatch(/<script|https?:/i)
  })

  test('is of one moment, whatever is written while it is made', async () => {
    const asItWas = await exported()
    let doors = 0
    const db = watchedDoors(app.on.db, async () => {
      doors += 1
      // The plan and the counts are read; most tables are still to come.
      if (doors !== 10) return
      await inOrg(app, org, `update contacts set name = 'Changed meanwhile' where org_id = ?`, [
        org.id,
      ])
      await inOrg(app, org, 'delete from messages where org_id = ?', [org.id])
      await createContact(app.on, org.id, { name: 'Came meanwhile', phone: '14155550182' })
    })
    const during = await exportOf({ ...app, on: { ...app.on, db } }, { kind: 'org', org: org.id })
    expect(doors).toBeGreaterThan(60)
    expect(during.records).toEqual(asItWas.records)
    for (const table of ['contacts', 'messages', 'conversations', 'feed'])
      expect(during.files[`data/${table}.jsonl`]).toBe(asItWas.files[`data/${table}.jsonl`])
    const after = await exported()
    expect(after.files['data/contacts.jsonl']).toContain('Came meanwhile')
    expect(after.records['messages']).toBe(0)
  })

  test('says in plain words what is what, how to read it and how to bring it back', async () => {
    const { files, about } = await exported()
    const text = files['README.txt'] ?? ''
    const shown = Object.keys(files).map((name) => name.replace(/\/.*/, ''))
    for (const name of new Set(shown)) expect(text + 'README.txt').toContain(name)
    expect(text).toContain('How to read it')
    expect(text).toContain('chatflow -- import FILE.zip --org ID')
    expect(about.files.map(({ name }) => name)).toContain('README.txt')
    expect(text.split('\r\n').filter((line) => line.length > 80)).toEqual([])
  })

  describe('as a file to fetch', () => {
    const fileOf = (id: string, of: Org) => path.join(folderOf(app.on), of.id, `${id}.sealed`)
    const isThere = (file: string) =>
      access(file).then(
        () => true,
        () => false,
      )
    const make = async (of: Org) => {
      const id = await requestExport(app.on, { kind: 'org', org: of.id }, of.owner.id)
      await advanceExport(app.on, id)
      return { id, file: fileOf(id, of), link: `/settings/privacy/exports/${id}/downloads` }
    }
    const owner = async (of: Org, minutes = 0) =>
      visit(app, {
        cookie: await signInAs(app.on, of, of.owner, app.on.now().getTime() - minutes * 60_000),
      })

    test('lies apart from those of other organizations, and goes with its link', async () => {
      const other = await app.org()
      const [mine, theirs] = [await make(org), await make(other)]
      expect([await isThere(mine.file), await isThere(theirs.file)]).toEqual([true, true])
      expect((await (await owner(other)).post(mine.link)).status).toBe(404)
      ahead = (app.on.config.EXPORT_HOURS * 3600 + 1) * 1000
      expect((await (await owner(org)).post(mine.link)).status).toBe(410)
      await sweepExports(app.on)
      expect([await isThere(mine.file), await isThere(theirs.file)]).toEqual([false, false])
      ahead = 0
    })

    test('asks for the password, is told in the log each time, and five times are all', async () => {
      const of = await app.org()
      const { id, link, file } = await make(of)
      const asked = await (await owner(of, 16)).post(link)
      expect([asked.status, asked.text.includes('Confirm your password')]).toEqual([403, true])
      const me = await owner(of)
      const answers = []
      for (let n = 0; n < 6; n += 1) answers.push(await me.post(link))
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 410])
      expect(answers[5]?.text).toContain('as often as one may be. Ask for a new one.')
      const told = await app.on.db.withTenant(of.id, (tx) => listAudit(tx, of.id, { limit: 50 }))
      const own = told.filter(({ action }) => action === 'export.downloaded')
      expect(own.map(({ target_id }) => target_id)).toEqual([id, id, id, id, id])
      await sweepExports(app.on)
      expect(await isThere(file)).toBe(false)
    })

    test('cannot be fetched six times by asking six times at once', async () => {
      const of = await app.org()
      const { id, link } = await make(of)
      const me = await owner(of)
      await app.on.db.withSystem((tx) =>
        rows(tx, 'update exports set downloads = 3 where id = ?', [id]),
      )
      const answers = await Promise.all(Array.from({ length: 4 }, () => me.post(link)))
      expect(answers.map(({ status }) => String(status)).toSorted()).toEqual([
        '200',
        '200',
        '410',
        '410',
      ])
    })
  })

  test('is refused once altered', async () => {
    const { files } = await exported()
    const forged = files['data/contacts.jsonl']?.replace('=1+1', '=1+2') ?? ''
    const file = await zipOf({ ...files, 'data/contacts.jsonl': forged })
    const other = await app.org()
    await inOrg(app, other, 'delete from connections where org_id = ?', [other.id])
    await expect(importExport(app.on, other.id, file)).rejects.toMatchObject({
      code: 'not_an_export',
    })
  })
})
