import { createHash } from 'node:crypto'
import { createContact } from '../../src/contacts/changes.ts'
import { importExport } from '../../src/privacy/import.ts'
import { startApp, type Running } from '../support/app.ts'
import { exportOf, inOrg, linesOf, talkOf, zipOf } from '../support/exports.ts'
import type { Org } from '../support/org.ts'

describe('P51 — your data in a portable format', () => {
  let app: Running
  let org: Org
  beforeAll(async () => {
    app = await startApp({ workers: false })
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
