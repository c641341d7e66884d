import { readFile, writeFile } from 'node:fs/promises'
import { createContact } from '../src/contacts/changes.ts'
import { rows } from '../src/db.ts'
import { newId } from '../src/ids.ts'
import { queueMail } from '../src/ops/mail.ts'
import { exportToFile, organizationOfContact } from '../src/privacy/export-file.ts'
import { manifest } from '../src/privacy/manifest.ts'
import { startApp, type Running } from './support/app.ts'
import { exportOf, filesOf, inOrg, linesOf, newZip, talkOf } from './support/exports.ts'
import type { Org } from './support/org.ts'

let app: Running
let org: Org
beforeAll(async () => {
  app = await startApp({ workers: false })
})
beforeEach(async () => {
  org = await app.org()
})
afterAll(() => app.stop())

const talk = (count: number) => talkOf(app, org, count)
const exported = () => exportOf(app, { kind: 'org', org: org.id })

describe('the export of an organization', () => {
  test('holds each row of each table once, in both forms, with hashes and counts that are right', async () => {
    await talk(1_203)
    await talk(2)
    const { records, about, files, sha256 } = await exported()
    expect(sha256).toMatch(/^[0-9a-f]{64}$/)
    expect(records).toMatchObject({ messages: 1_205, contacts: 2, conversations: 2, users: 1 })
    expect(about).toMatchObject({ kind: 'org', subject: org.id, schema_version: 1, records })
    const ids = linesOf(files['data/messages.jsonl']).map(({ id }) => id)
    expect(new Set(ids).size).toBe(1_205)
    expect(files['csv/messages.csv']?.split('\r\n').length).toBe(1_207)
    expect(Object.keys(files).toSorted()).toEqual(
      [...about.files.map(({ name }) => name), 'manifest.json'].toSorted(),
    )
    for (const { name, sha256: hash, bytes } of about.files) {
      const content = Buffer.from(files[name] ?? '')
      const digest = await crypto.subtle.digest('SHA-256', content)
      expect([name, bytes, hash]).toEqual([
        name,
        content.length,
        Buffer.from(digest).toString('hex'),
      ])
    }
  })

  test('has the columns the manifest says, sealed content opened, and no secret', async () => {
    await talk(1)
    const { files, about } = await exported()
    for (const { table, columns } of manifest.tables) {
      const [line] = linesOf(files[`data/${table}.jsonl`])
      const left = Object.entries(columns).filter(([, entry]) => typeof entry.export === 'object')
      for (const [column] of line ? left : [])
        expect([table, column in (line ?? {})]).toEqual([table, false])
    }
    const [connection] = linesOf(files['data/connections.jsonl'])
    expect(connection).toMatchObject({ access_token: true, app_secret: true, verify_token: true })
    expect(linesOf(files['data/messages.jsonl'])[0]).toMatchObject({ raw: '{"odd":"thing"}' })
    const { accessToken, appSecret, verifyToken } = org.connection
    const all = Object.values(files).join('\n')
    for (const secret of [accessToken, appSecret, verifyToken, 'v1.d'])
      expect(all).not.toContain(secret)
    expect(about.left_out['org_keys.wrapped']).toMatch(/opens everything/)
    expect(files['data/org_keys.jsonl']).not.toContain('wrapped"')
  })

  test('has nothing of another organization', async () => {
    const neighbour = await app.org()
    await createContact(app.on, neighbour.id, { name: 'Planted stranger', phone: '14155550177' })
    await talk(1)
    const all = Object.values((await exported()).files).join('\n')
    expect(all).not.toContain('Planted stranger')
    expect(all).not.toContain(neighbour.id)
    expect(all).not.toContain(neighbour.owner.email)
  })

  test('runs no formula in a spreadsheet and no markup in a browser, and JSON stays exact', async () => {
    const names = [
      '=1+1',
      '+SUM(A1)',
      '-2+3',
      '@x',
      '\tcmd',
      'He said "hi", <b>then</b>\nleft',
      '-5',
    ]
    for (const [n, name] of names.entries())
      await createContact(app.on, org.id, { name: 'x', phone: `1415555018${n}` }).then(({ id }) =>
        inOrg(app, org, 'update contacts set name = ? where org_id = ? and id = ?', [
          name,
          org.id,
          id,
        ]),
      )
    const { files } = await exported()
    const csv = files['csv/contacts.csv'] ?? ''
    for (const name of ["'=1+1", "'+SUM(A1)", "'-2+3", "'@x", "'\tcmd", "'-5"])
      expect(csv).toContain(`,${name},`)
    expect(csv).toContain('"He said ""hi"", <b>then</b>\nleft"')
    expect(linesOf(files['data/contacts.jsonl']).map(({ name }) => name)).toEqual(names)
    const page = files['index.html'] ?? ''
    expect(page).toContain('&lt;b&gt;then')
    expect(page).not.toMatch(/<b>|<script|javascript:|https?:/i)
  })

  test('says what a lost key made unreadable and goes on', async () => {
    const { conversation } = await talk(2)
    await inOrg(
      app,
      org,
      `update messages set raw = 'v1.gone.AAAA' where org_id = ? and conversation_id = ?`,
      [org.id, conversation],
    )
    const { about, records } = await exported()
    expect(records['messages']).toBe(2)
    expect(about.missing).toMatchObject([{ table: 'messages', column: 'raw', records: 2 }])
  })

  test('is refused for nobody, for one that is being erased, and over a file that is there', async () => {
    const nobody = exportToFile(app.on, { kind: 'org', org: newId() }, newZip())
    await expect(nobody).rejects.toMatchObject({ status: 404 })
    const file = newZip()
    await writeFile(file, 'mine')
    await expect(exportToFile(app.on, { kind: 'org', org: org.id }, file)).rejects.toMatchObject({
      code: 'file_exists',
    })
    expect(await readFile(file, 'utf8')).toBe('mine')
    await app.on.db.withSystem((tx) =>
      rows(tx, `update organizations set status = 'purging' where org_id = ?`, [org.id]),
    )
    await expect(exported()).rejects.toMatchObject({ code: 'being_erased' })
  })
})

describe('the export of one contact', () => {
  test('has everything of this person and nothing of the others', async () => {
    const [ana] = [await talk(3), await talk(5)]
    const made = await exportToFile(
      app.on,
      { kind: 'contact', org: org.id, id: ana.contact },
      newZip(),
    )
    expect(made.records).toMatchObject({
      contacts: 1,
      contact_identities: 2,
      conversations: 1,
      messages: 3,
      message_events: 1,
    })
    expect(made.records).not.toHaveProperty('connections')
    const files = await filesOf(made.file)
    expect(linesOf(files['data/contacts.jsonl'])[0]).toMatchObject({ id: ana.contact })
    expect(await organizationOfContact(app.on, ana.contact)).toBe(org.id)
    await expect(organizationOfContact(app.on, newId())).rejects.toMatchObject({ status: 404 })
  })
})

describe('the export of a person with an account', () => {
  test('has their own rows of all their organizations, and no customer of theirs', async () => {
    const second = await app.org()
    await inOrg(
      app,
      second,
      `insert into memberships (org_id, user_id, role) values (?, ?, 'agent')`,
      [second.id, org.owner.id],
    )
    const { conversation } = await talk(2)
    await inOrg(app, org, 'update conversations set assignee_id = ? where org_id = ?', [
      org.owner.id,
      org.id,
    ])
    await inOrg(
      app,
      org,
      `insert into drafts (org_id, conversation_id, user_id, text) values (?, ?, ?, 'unsent')`,
      [org.id, conversation, org.owner.id],
    )
    await app.on.db.withSystem((tx) =>
      queueMail(tx, app.on, {
        to: org.owner.email,
        kind: 'password_reset',
        subject: 'Reset',
        text: 'https://link.test/secret',
        user: org.owner.id,
      }),
    )
    const made = await exportToFile(app.on, { kind: 'user', id: org.owner.id }, newZip())
    expect(made.records).toEqual({
      abuse_findings: 0,
      announcement_reads: 0,
      consents: 0,
      user_preferences: 0,
      recent_assignees: 0,
      address_undos: 0,
      mail_refusals: 0,
      support_tickets: 0,
      support_messages: 0,
      support_files: 0,
      policy_acceptances: 0,
      processor_notices: 0,
      recovery_codes: 0,
      second_factors: 0,
      privacy_request_texts: 0,
      users: 1,
      memberships: 2,
      user_sessions: 0,
      usage_refs: 0,
      password_resets: 0,
      drafts: 1,
      mail_outbox: 1,
    })
    const files = await filesOf(made.file)
    expect(linesOf(files['data/users.jsonl'])[0]).toMatchObject({
      email: org.owner.email,
      password_hash: false,
    })
    expect(
      linesOf(files['data/memberships.jsonl'])
        .map((row) => String(row['org_id']))
        .toSorted(),
    ).toEqual([org.id, second.id].toSorted())
    expect(linesOf(files['data/mail_outbox.jsonl'])[0]).toMatchObject({
      recipient: org.owner.email,
    })
    const all = Object.values(files).join('\n')
    for (const foreign of ['link.test', 'Message 0', second.owner.email])
      expect(all).not.toContain(foreign)
  })
})
