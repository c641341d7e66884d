import { SYSTEM } from '../../src/audit/audit.ts'
import { rows } from '../../src/db.ts'
import { advanceDue } from '../../src/deletions/advance.ts'
import { findDeletion } from '../../src/deletions/deletion.ts'
import { requestDeletion } from '../../src/deletions/request.ts'
import { searchValues, spellingsOf } from '../../src/deletions/search.ts'
import { startApp, type Running } from '../support/app.ts'
import { arrive, read } from '../support/inbound.ts'
import { messageOf, messagesBody, newCustomer } from '../support/meta.ts'
import type { Org } from '../support/org.ts'

describe('P45 — a search proves that nothing is left', () => {
  let app: Running
  let org: Org
  let now = new Date('2026-11-20T10:00:00Z')
  beforeAll(async () => {
    app = await startApp({ workers: false, now: () => now })
  })
  beforeEach(async () => {
    org = await app.org()
  })
  afterAll(() => app.stop())

  const draftWith = (text: string): Promise<unknown> =>
    app.on.db.withTenant(org.id, (tx) =>
      rows(
        tx,
        `insert into message_events (org_id, wamid, status, rank, at, connection_id) values (?, ?, 'sent', 30, now(), ?)`,
        [org.id, text, org.connection.id],
      ),
    )

  test.each([
    ['as it is', (value: string) => value],
    ['in hex', (value: string) => Buffer.from(value).toString('hex')],
    ['in base64', (value: string) => Buffer.from(value).toString('base64')],
    ['in base64 after one byte', (value: string) => Buffer.from(`x${value}yz`).toString('base64')],
    [
      'in base64 after two bytes',
      (value: string) => Buffer.from(`xx${value}yz`).toString('base64'),
    ],
  ])('a value planted %s is found, with its place and never itself', async (_name, spell) => {
    const value = '4915112345678'
    await draftWith(`wamid.${spell(value)}`)
    const found = await searchValues(app.on, org.id, [value])
    expect(found).toEqual([{ table: 'message_events', column: 'wamid', what: 'value' }])
    expect(JSON.stringify(found)).not.toContain(value)
    expect(await searchValues(app.on, (await app.org()).id, [value])).toEqual([])
  })

  test('every spelling looked for is long enough to be the value’s own', () => {
    for (const spelling of spellingsOf('4915112345678')) expect(spelling.length).toBeGreaterThan(8)
  })

  test('a deletion stays unfinished while something is found, and ends when it is gone', async () => {
    const ana = newCustomer()
    await arrive(app.on, org, messagesBody(org.connection, ana, messageOf(ana, 'Hello')))
    const [found] = await read<{ id: string }>(
      app.on,
      org,
      'select id from contacts where org_id = :org',
    )
    await draftWith(`wamid.${ana.phone}`)
    const { code, id } = await requestDeletion(app.on, {
      kind: 'contact',
      org: org.id,
      subject: found?.id ?? '',
      road: 'agent',
      by: SYSTEM,
    })
    expect((await advanceDue(app.on, { now })).failed).toEqual([id])
    expect((await findDeletion(app.on, code))?.state).toBe('purging')
    expect(app.lines.join('\n')).not.toContain(ana.phone)
    await read(app.on, org, 'delete from message_events where org_id = :org')
    now = new Date(now.getTime() + 60_000)
    expect((await advanceDue(app.on, { now })).purged).toEqual([id])
  })
})
