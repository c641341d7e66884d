import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { rows } from '../../src/db.ts'
import { countDisclosures } from '../../src/disclosures/counts.ts'
import { decide } from '../../src/disclosures/decide.ts'
import { approve, readDisclosure, recordRequest } from '../../src/disclosures/disclosures.ts'
import { makePackage } from '../../src/disclosures/package.ts'
import { tellOrganizations } from '../../src/disclosures/telling.ts'
import { sweepRetention } from '../../src/privacy/retention.ts'
import { startApp, type Running } from '../support/app.ts'
import { filesOf, newZip } from '../support/exports.ts'
import { read } from '../support/inbound.ts'
import { chatWith } from '../support/inbox.ts'
import { audited, operator, OPERATORS } from '../support/operator.ts'
import type { Org } from '../support/org.ts'
import { provesLegalHolds } from './legal-holds.ts'

const DAY = 86_400_000
const [FIRST, SECOND] = [
  '01900000-0000-7000-8000-000000000001',
  '01900000-0000-7000-8000-000000000002',
]

describe('P36 — disclosure required by law is logged, minimal, and told', () => {
  let app: Running
  let org: Org
  let contact: string
  let now: Date
  beforeAll(async () => {
    app = await startApp({ workers: false, now: () => now, env: { OPS_EMAILS: OPERATORS } })
  })
  beforeEach(async () => {
    now = new Date()
    org = await app.org()
    for (const table of ['disclosures', 'mail_outbox'])
      await app.on.db.withSystem((tx) => rows(tx, `delete from ${table}`))
    const chat = await chatWith(app, org, 'words within', 60)
    await chat.says('words before', 3 * 1_440)
    await read(
      app.on,
      org,
      `update conversations set last_message_preview = 'words before' where org_id = :org and id = '${chat.id}'`,
    )
    await chatWith(app, org, 'words of a neighbour', 60)
    const [found] = await read<{ contact_id: string }>(
      app.on,
      org,
      `select contact_id from conversations where org_id = :org and id = '${chat.id}'`,
    )
    contact = found?.contact_id ?? ''
  })
  afterAll(() => app.stop())

  const record = (gag: Date | null = null): Promise<string> =>
    recordRequest(app.on, {
      asks: 'handing_over',
      about_org: org.id,
      received_at: now,
      authority: 'District court',
      legal_basis: 'Order 12/26',
      gag_until: gag,
      scope: {
        contact,
        from: new Date(now.getTime() - DAY).toISOString(),
        until: new Date(now.getTime() + DAY).toISOString(),
      },
    })
  const disclose = (id: string) =>
    decide(app.on, id, { decision: 'disclosed', reasons: 'The order is valid.', challenged: null })
  const approved = async (gag: Date | null = null): Promise<string> => {
    const id = await record(gag)
    for (const user of [FIRST, SECOND]) await approve(app.on, id, user)
    await disclose(id)
    return id
  }
  const letters = (): Promise<object[]> =>
    app.on.db.withSystem((tx) =>
      rows(tx, `select user_id from mail_outbox where kind = 'disclosure'`),
    )

  test('nothing leaves with one person’s approval, nor with that person’s twice', async () => {
    const id = await record()
    const two = { code: 'two_people', status: 403 }
    await expect(disclose(id)).rejects.toMatchObject(two)
    await approve(app.on, id, FIRST)
    await expect(approve(app.on, id, FIRST)).rejects.toMatchObject({
      code: 'approved',
      status: 409,
    })
    await expect(disclose(id)).rejects.toMatchObject(two)
    await expect(makePackage(app.on, id)).rejects.toMatchObject(two)
    const force = (by: string[]): Promise<unknown> =>
      app.on.db.withSystem((tx) =>
        rows(tx, 'update disclosures set disclosed_at = now(), approved_by = ?::uuid[]', [
          by as never,
        ]),
      )
    await expect(force([FIRST])).rejects.toThrow(/check constraint/)
    await expect(force([FIRST, FIRST])).rejects.toThrow(/disclosures_two/)
    await approve(app.on, id, SECOND)
    await expect(makePackage(app.on, id)).rejects.toMatchObject({ code: 'not_decided' })
    await disclose(id)
    expect((await makePackage(app.on, id)).length).toBeGreaterThan(100)
  })

  test('on the pages the second person is another one, and reasons are asked for', async () => {
    const [first, second] = [await operator(app), await operator(app, 'second@example.test')]
    const home = `/ops/disclosures/${await record()}`
    expect((await first.post(`${home}/approval`)).status).toBe(303)
    expect((await first.post(`${home}/approval`)).status).toBe(409)
    expect(
      (await first.post(`${home}/decision`, { decision: 'disclosed', reasons: 'x' })).status,
    ).toBe(403)
    expect((await second.post(`${home}/approval`)).status).toBe(303)
    expect((await second.post(`${home}/decision`, { decision: 'disclosed' })).status).toBe(422)
    await second.post(`${home}/decision`, { decision: 'disclosed', reasons: 'Valid' })
    const file = await second.post(`${home}/package`)
    expect([file.status, file.headers.get('content-type')]).toEqual([200, 'application/zip'])
  })

  test('the package holds the contact and the messages of that time, has a hash, and is the same each time', async () => {
    const id = await approved()
    const bytes = await makePackage(app.on, id)
    const zip = newZip()
    await writeFile(zip, bytes)
    const files = await filesOf(zip)
    expect(
      Object.keys(files)
        .filter((name) => name.startsWith('data/'))
        .toSorted(),
    ).toEqual([
      'data/contact_identities.jsonl',
      'data/contacts.jsonl',
      'data/conversations.jsonl',
      'data/messages.jsonl',
      'data/withheld_messages.jsonl',
    ])
    const messages = files['data/messages.jsonl'] ?? ''
    expect(messages).toContain('words within')
    expect(Object.values(files).join('\n')).not.toMatch(/words before|neighbour/)
    expect((files['data/contacts.jsonl'] ?? '').trim().split('\n')).toHaveLength(1)
    now = new Date(now.getTime() + 60_000)
    expect((await makePackage(app.on, id)).equals(bytes)).toBe(true)
    const hash = createHash('sha256').update(bytes).digest()
    expect((await readDisclosure(app.on, id)).items_sha256?.equals(hash)).toBe(true)
    await app.on.db.withTenant(org.id, (tx) =>
      rows(tx, `update contacts set name = 'Another' where org_id = ?`, [org.id]),
    )
    await expect(makePackage(app.on, id)).rejects.toMatchObject({ code: 'changed' })
  })

  test('whom it is about is sealed', async () => {
    await record()
    const [row] = await app.on.db.withSystem((tx) =>
      rows<{ text: string }>(tx, 'select t::text as text from disclosures t'),
    )
    expect(row?.text).toContain('District court')
    expect(row?.text).not.toContain(contact)
  })

  test('the organization is told before anything leaves, in its own log too', async () => {
    const id = await approved()
    await makePackage(app.on, id)
    expect(await letters()).toEqual([{ user_id: org.owner.id }])
    expect(await audited(app, org, 'disclosure.told')).toHaveLength(1)
    const { org_told_at, disclosed_at } = await readDisclosure(app.on, id)
    expect(org_told_at && disclosed_at && org_told_at <= disclosed_at).toBe(true)
  })

  test('under an order to be silent it is told by the sweep when that ends, to the millisecond and once', async () => {
    const end = new Date(now.getTime() + 30 * DAY)
    await makePackage(app.on, await approved(end))
    await sweepRetention(app.on, new Date(end.getTime() - 1))
    expect(await letters()).toEqual([])
    await sweepRetention(app.on, end)
    await sweepRetention(app.on, end)
    expect(await letters()).toHaveLength(1)
  })

  test('for an organization that is gone nobody is told and nothing is found', async () => {
    const id = await approved(new Date(now.getTime() + DAY))
    await app.on.db.withSystem((tx) =>
      rows(tx, 'update disclosures set about_org = ? where id = ?', [FIRST, id]),
    )
    expect(await tellOrganizations(app.on, new Date(now.getTime() + 2 * DAY))).toBe(0)
    await expect(makePackage(app.on, id)).rejects.toMatchObject({ status: 404 })
  })

  test('everybody may read how many there were in a year, and no number that is small or tells a small one', async () => {
    const year = now.getUTCFullYear()
    const refuse = async (): Promise<void> =>
      decide(app.on, await record(), {
        decision: 'refused',
        reasons: 'No basis',
        challenged: 'Yes',
      })
    for (let n = 1; n <= 4; n++) await refuse()
    expect(await countDisclosures(app.on)).toEqual([
      { year, requests: null, disclosed: null, refused: null },
    ])
    await makePackage(app.on, await approved())
    expect(await countDisclosures(app.on)).toEqual([
      { year, requests: 5, disclosed: null, refused: null },
    ])
    await app.on.db.withSystem((tx) => rows(tx, 'delete from disclosures'))
    for (let n = 1; n <= 5; n++) await refuse()
    expect(await countDisclosures(app.on)).toEqual([
      { year, requests: 5, disclosed: 0, refused: 5 },
    ])
  })

  describe('and what is to be preserved', () => {
    provesLegalHolds({
      app: () => app,
      org: () => org,
      contact: () => contact,
      now: () => now,
      late: (days) => {
        now = new Date(now.getTime() + days * DAY)
      },
    })
  })
})
