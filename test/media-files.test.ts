import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { SYSTEM } from '../src/audit/audit.ts'
import { rows } from '../src/db.ts'
import { advanceDue } from '../src/deletions/advance.ts'
import { requestDeletion } from '../src/deletions/request.ts'
import { keptSql } from '../src/disclosures/scope.ts'
import { newId } from '../src/ids.ts'
import { removeOfContact } from '../src/media/removal.ts'
import { importExport } from '../src/privacy/import.ts'
import { DAY_MS } from '../src/privacy/limits.ts'
import { changeOwnRules } from '../src/privacy/own-rules.ts'
import { sweepRetention } from '../src/privacy/retention.ts'
import type { Running } from './support/app.ts'
import { exportOf, linesOf } from './support/exports.ts'
import type { GraphFile } from './support/graph-files.ts'
import { read } from './support/inbound.ts'
import { fileOf, filesOf, LONG, PHOTO, theySend, useMedia } from './support/media.ts'
import { member, type Member } from './support/member.ts'
import type { Org } from './support/org.ts'
import { restrictSomebody } from './support/restricted.ts'

const hands = useMedia()
let app: Running
let org: Org
let agent: Member
beforeAll(async () => {
  app = hands.app
  org = await app.org()
  agent = await member(app, org, 'agent')
})
const get = (id: string, headers: Record<string, string>): Promise<Response> =>
  agent.get(`/media/${id}`, headers)

test('a part of it, and not again when nothing changed', async () => {
  const { id } = await hands.fetched(org, 'audio', LONG)
  const { bytes } = LONG
  const part = await get(id, { range: 'bytes=1048570-2097160' })
  expect([part.status, part.headers.get('content-range')]).toEqual([
    206,
    `bytes 1048570-2097160/${bytes.length}`,
  ])
  const body = Buffer.from(await part.arrayBuffer())
  expect(body.equals(bytes.subarray(1_048_570, 2_097_161))).toBe(true)
  const end = await get(id, { range: 'bytes=-5' })
  expect(await end.text()).toBe(bytes.subarray(-5).toString())
  expect((await get(id, { range: `bytes=${bytes.length}-` })).status).toBe(416)
  expect((await get(id, { range: 'bytes=0-1,5-6' })).status).toBe(200)
  const tag = part.headers.get('etag') ?? ''
  expect((await get(id, { 'if-none-match': tag })).status).toBe(304)
  expect((await get(id, { range: 'bytes=0-1', 'if-range': '"other"' })).status).toBe(200)
})

test('nothing of it runs in a browser, whatever it is and however it is called', async () => {
  const html = Buffer.from('<html><script>alert(1)</script>')
  const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>')
  const name = 'Rechnung "Mai"\r\n; ‮ ../ü😀.pdf'
  const cases: [kind: string, file: GraphFile, type: string, disposition: string][] = [
    ['image', PHOTO, 'image/png', 'inline'],
    ['image', { bytes: svg, mime: 'image/svg+xml' }, 'application/octet-stream', 'attachment'],
    ['image', { bytes: html, mime: 'image/png' }, 'application/octet-stream', 'attachment'],
    ['document', { bytes: html, mime: 'text/html' }, 'application/octet-stream', 'attachment'],
    [
      'document',
      { bytes: Buffer.from('%PDF-1.7'), mime: 'application/pdf' },
      'application/pdf',
      'attachment',
    ],
  ]
  for (const [kind, file, type, disposition] of cases) {
    const { id } = await hands.fetched(org, kind, file, { filename: name })
    const answer = await agent.get(`/media/${id}`)
    const { headers } = answer
    expect([answer.status, headers.get('content-type')]).toEqual([200, type])
    expect(headers.get('content-disposition')).toMatch(new RegExp(`^${disposition}; filename="`))
    expect(headers.get('content-disposition')).toMatch(/filename\*=UTF-8''[\w%.-]+$/)
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('content-security-policy')).toContain('sandbox')
    expect(headers.get('cache-control')).toBe('private, no-cache')
    expect(Buffer.from(await answer.arrayBuffer()).equals(file.bytes)).toBe(true)
  }
})

const contactOf = async (of: Org, message: string): Promise<string> => {
  const [found] = await app.on.db.withTenant(of.id, (tx) =>
    rows<{ contact: string }>(
      tx,
      `select c.contact_id as contact from messages m join conversations c on c.org_id = m.org_id and c.id = m.conversation_id
        where m.org_id = ? and m.id = ?`,
      [of.id, message],
    ),
  )
  return found?.contact ?? ''
}

test('to nobody of another organization, and to nobody at all while the contact is restricted', async () => {
  const message = await theySend(hands, org, 'image', { file: PHOTO })
  const { id } = await hands.tryOnce(org, message)
  const stranger = await member(app, await app.org(), 'owner')
  expect((await stranger.get(`/media/${id}`)).status).toBe(404)
  expect((await stranger.post(`/media/${id}/fetching`)).status).toBe(404)
  expect((await fetch(`${app.url}/media/${id}`, { redirect: 'manual' })).status).toBe(303)
  await restrictSomebody(app, {
    org,
    talk: { contact: await contactOf(org, message) } as never,
    phone: '',
  })
  expect((await agent.get(`/media/${id}`)).status).toBe(404)
})

test('a file that is lost is not there, and no half page says otherwise', async () => {
  const lone = await app.org()
  const { id } = await hands.fetched(lone, 'image', PHOTO)
  const [place = ''] = filesOf(app.on, lone)
  writeFileSync(place, readFileSync(place, 'latin1').replace(/.{3}\n$/, 'AAA\n'))
  expect((await (await member(app, lone, 'agent')).get(`/media/${id}`)).status).toBe(404)
})

describe('leaving', () => {
  test('an export has each file or says why not, and an import brings them back', async () => {
    const from = await app.org()
    const more = { filename: 'Rechnung.pdf' }
    const kept = await hands.fetched(from, 'document', { ...LONG, mime: 'application/pdf' }, more)
    const waiting = await fileOf(app.on, from, await theySend(hands, from, 'image'))
    const lost = await hands.fetched(from, 'image', PHOTO)
    rmSync(filesOf(app.on, from)[1] ?? '')
    const { about, files, file } = await exportOf(app, { kind: 'org', org: from.id })
    expect(about.files.map(({ name }) => name)).toContain(`media/${kept.id}`)
    expect(Object.keys(files).filter((name) => name.startsWith('media/'))).toEqual([
      `media/${kept.id}`,
    ])
    expect(linesOf(files['data/media.jsonl']).map(({ name }) => name)).toContain('Rechnung.pdf')
    expect(about.missing.map(({ column, records, ids }) => [column, records, ids?.[0]])).toEqual([
      ['file', 1, waiting.id],
      ['file', 1, lost.id],
    ])
    expect(about.missing.map(({ reason }) => reason)).toEqual([
      'not fetched from WhatsApp yet',
      'lost, or sealed under a key that is gone',
    ])

    const to = await app.org()
    await app.on.db.withTenant(to.id, (tx) =>
      rows(tx, 'delete from connections where org_id = ?', [to.id]),
    )
    const { left } = await importExport(app.on, to.id, file)
    expect(left).not.toContain('media')
    const there = await member(app, to, 'agent')
    const back = await there.get(`/media/${kept.id}`)
    expect(back.headers.get('content-disposition')).toContain('Rechnung.pdf')
    expect(Buffer.from(await back.arrayBuffer()).equals(LONG.bytes)).toBe(true)
    expect(filesOf(app.on, to)).toHaveLength(1)
    expect((await there.get(`/media/${lost.id}`)).status).toBe(409)
  })

  test('it goes with its contact, and with its age', async () => {
    const own = await app.org()
    const message = await theySend(hands, own, 'image')
    await hands.tryOnce(own, message)
    await hands.fetched(own, 'image', PHOTO)
    await requestDeletion(app.on, {
      kind: 'contact',
      org: own.id,
      subject: await contactOf(own, message),
      road: 'agent',
      by: SYSTEM,
    })
    const { failed } = await advanceDue(app.on, { now: app.on.now() })
    expect(failed).toEqual([])
    expect(filesOf(app.on, own)).toHaveLength(1)
    await changeOwnRules(
      app.on,
      { org: own.id, user: own.owner.id },
      { messages: undefined, media: 14 },
    )
    hands.later(15 * DAY_MS)
    await sweepRetention(app.on, app.on.now())
    expect(filesOf(app.on, own)).toEqual([])
    expect(await read(app.on, own, 'select id from media where org_id = :org')).toEqual([])
  })

  test('an order that keeps a message keeps its file, and a file that two share stays for the other', async () => {
    const own = await app.org()
    const message = await theySend(hands, own, 'image')
    const { id } = await hands.tryOnce(own, message)
    const contact = await contactOf(own, message)
    const hold = newId()
    await app.on.db.withSystem((tx) =>
      rows(
        tx,
        `insert into legal_holds (org_id, id, contact_id, placed_at, ends_at) values (?, ?, ?, ?, 'infinity')`,
        [own.id, hold, contact, app.on.now()],
      ),
    )
    expect(await removeOfContact(app.on, own.id, contact)).toBe(0)
    const sealer = `select k.kid from org_keys k join media d on d.org_id = k.org_id and d.key_id = k.kid
                     where k.org_id = :org and ${keptSql('org_keys', 'k')}`
    expect(await read(app.on, own, sealer)).toHaveLength(1)
    await app.on.db.withSystem((tx) => rows(tx, 'delete from legal_holds where id = ?', [hold]))

    const other = await theySend(hands, own, 'image')
    const shares = `update media set status = 'stored', location = (select location from media where id = '${id}'), size = 1,
        sha256 = 'x', due_at = null where org_id = :org and message_id = '${other}' returning id`
    await read(app.on, own, shares)
    expect(await removeOfContact(app.on, own.id, contact)).toBe(1)
    expect(filesOf(app.on, own)).toHaveLength(1)
    expect(await removeOfContact(app.on, own.id, await contactOf(own, other))).toBe(1)
    expect(filesOf(app.on, own)).toEqual([])
  })
})
