import { readFile, writeFile } from 'node:fs/promises'
import pg from 'pg'
import { rows } from '../src/db.ts'
import { newId } from '../src/ids.ts'
import { exportToFile, organizationOfContact } from '../src/privacy/export-file.ts'
import type { Manifest } from '../src/privacy/export.ts'
import { importExport } from '../src/privacy/import.ts'
import { manifest } from '../src/privacy/manifest.ts'
import { startApp, type Running } from './support/app.ts'
import { exportOf, filesOf, inOrg, linesOf, newZip, talkOf, zipOf } from './support/exports.ts'
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

describe('read back into an empty organization', () => {
  const RESTORED = Object.keys(manifest.restore)
  /** Of all that comes back as it left; of a number the credentials stay behind. */
  const hashes = ({ files }: Manifest): [string, string][] =>
    RESTORED.filter((table) => table !== 'connections').flatMap((table) =>
      files
        .filter(({ name }) => name === `data/${table}.jsonl`)
        .map(({ name, sha256 }): [string, string] => [name, sha256]),
    )

  test('of another installation it is the same again: equal counts, equal hashes', async () => {
    await talk(1_203)
    const there = await startApp({ workers: false })
    try {
      const before = await exported()
      const target = await emptyOrg(there)
      const result = await importExport(there.on, target, before.file)
      expect(result.skipped).toEqual({})
      expect(result.left).toContain('memberships')
      const again = await exportOf(there, { kind: 'org', org: target })
      const counts = (made: Record<string, number>) => RESTORED.map((table) => [table, made[table]])
      expect(counts(result.records)).toEqual(counts(before.records))
      expect(counts(again.records)).toEqual(counts(before.records))
      expect(hashes(again.about)).toEqual(hashes(before.about))
      const [old] = linesOf(before.files['data/connections.jsonl'])
      const none = { access_token: false, app_secret: false, verify_token: false }
      expect(linesOf(again.files['data/connections.jsonl'])).toEqual([
        { ...old, ...none, state: 'disabled' },
      ])
      const [sealed] = await there.on.db.withTenant(target, (tx) =>
        rows<{ raw: string }>(tx, 'select raw from messages where org_id = ? and raw is not null', [
          target,
        ]),
      )
      expect(sealed?.raw).toMatch(/^v1\.d/)
    } finally {
      await there.stop()
    }
  })

  test('of this installation the number gets an id of its own and conversations follow it', async () => {
    const { conversation, contact } = await talk(3)
    await inOrg(app, org, 'update conversations set assignee_id = ? where org_id = ?', [
      org.owner.id,
      org.id,
    ])
    const { file } = await exported()
    const target = await emptyOrg(app)
    expect((await importExport(app.on, target, file)).skipped).toEqual({})
    const [found] = await app.on.db.withTenant(target, (tx) =>
      rows<Record<string, unknown>>(
        tx,
        `select c.id, c.contact_id, c.assignee_id, c.connection_id = k.id as follows, k.state from conversations c
           join connections k on k.org_id = c.org_id where c.org_id = ?`,
        [target],
      ),
    )
    expect(found).toEqual({
      id: conversation,
      contact_id: contact,
      assignee_id: null,
      follows: true,
      state: 'disabled',
    })
    await expect(importExport(app.on, target, file)).rejects.toMatchObject({ code: 'not_empty' })
    await expect(organizationOfContact(app.on, contact)).rejects.toMatchObject({
      code: 'ambiguous',
    })
  })

  test('what waited to be sent does not go out again', async () => {
    const { conversation } = await talk(1)
    for (const status of ['queued', 'sending'])
      await inOrg(
        app,
        org,
        `insert into messages (org_id, id, conversation_id, direction, kind, status, rank, created_at) values (?, ?, ?, 'out', 'text', ?, 0, now())`,
        [org.id, newId(), conversation, status],
      )
    const target = await emptyOrg(app)
    await importExport(app.on, target, (await exported()).file)
    const found = await app.on.db.withTenant(target, (tx) =>
      rows(
        tx,
        `select status, rank, (select count(*)::int from outbox where org_id = m.org_id) as waiting from messages m
                 where org_id = ? and direction = 'out' order by id`,
        [target],
      ),
    )
    expect(found).toEqual([
      { status: 'cancelled', rank: 0, waiting: 0 },
      { status: 'unknown', rank: 10, waiting: 0 },
    ])
  })

  test('an altered file writes nothing, and neither does the export of a person', async () => {
    await talk(3)
    const { file } = await exported()
    const target = await emptyOrg(app)
    const bytes = await readFile(file)
    const at = bytes.indexOf('data/messages.jsonl') + 40
    bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at)
    const altered = newZip()
    await writeFile(altered, bytes)
    await expect(importExport(app.on, target, altered)).rejects.toMatchObject({
      code: 'not_an_export',
    })
    const files = await filesOf(file)
    const forged = files['data/messages.jsonl']?.replace('Message 0', 'Message 9') ?? ''
    const sound = await zipOf({ ...files, 'data/messages.jsonl': forged })
    await expect(importExport(app.on, target, sound)).rejects.toMatchObject({
      code: 'not_an_export',
    })
    const added = await zipOf({ ...files, 'data/more.jsonl': '' })
    await expect(importExport(app.on, target, added)).rejects.toMatchObject({
      code: 'not_an_export',
    })
    const own = await exportToFile(app.on, { kind: 'user', id: org.owner.id }, newZip())
    await expect(importExport(app.on, target, own.file)).rejects.toMatchObject({
      code: 'other_kind',
    })
    await expect(importExport(app.on, newId(), file)).rejects.toMatchObject({ status: 404 })
    expect((await importExport(app.on, target, file)).records['messages']).toBe(3)
  })

  test('a row that does not fit leaves the organization empty', async () => {
    await talk(1)
    const { file } = await exported()
    const target = await emptyOrg(app)
    const refused = `create function app.refuse() returns trigger language plpgsql as $$ begin
      raise exception 'no' using errcode = '23514'; end $$;
      create trigger refuse before insert on app.message_events for each row execute function app.refuse()`
    await asLogin(refused)
    try {
      await expect(importExport(app.on, target, file)).rejects.toMatchObject({ code: 'bad_data' })
    } finally {
      await asLogin('drop trigger refuse on app.message_events; drop function app.refuse()')
    }
    expect((await importExport(app.on, target, file)).records['messages']).toBe(1)
  })
})

/** An organization as `org create` makes it: keys, and nothing else. */
async function emptyOrg(at: Running): Promise<string> {
  const made = await at.org()
  await at.on.db.withTenant(made.id, (tx) =>
    rows(tx, 'delete from connections where org_id = ?', [made.id]),
  )
  return made.id
}

async function asLogin(sql: string): Promise<void> {
  const login = new pg.Client({ connectionString: app.on.config.DATABASE_URL })
  await login.connect()
  await login.query(sql)
  await login.end()
}
