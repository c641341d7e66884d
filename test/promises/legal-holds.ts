import { SYSTEM } from '../../src/audit/audit.ts'
import { rows, type Tx } from '../../src/db.ts'
import { advanceDue, type Advanced } from '../../src/deletions/advance.ts'
import { isCertified, publishedKeys, Signed } from '../../src/deletions/certificate.ts'
import { findDeletion, type Kind } from '../../src/deletions/deletion.ts'
import { checkLedger, readLedger } from '../../src/deletions/ledger.ts'
import { replayDeletions } from '../../src/deletions/replay.ts'
import { requestDeletion } from '../../src/deletions/request.ts'
import { decide } from '../../src/disclosures/decide.ts'
import { approve, recordRequest, type Asks } from '../../src/disclosures/disclosures.ts'
import { releaseHold } from '../../src/disclosures/holds.ts'
import { makePackage } from '../../src/disclosures/package.ts'
import { openFor, sealFor } from '../../src/keys.ts'
import { openLog } from '../../src/log.ts'
import { rotateMasterKey } from '../../src/ops/master-key.ts'
import { readHeld } from '../../src/privacy/held.ts'
import { countHeldMessages, removeOldMessages } from '../../src/privacy/message-retention.ts'
import { changeOwnRules } from '../../src/privacy/own-rules.ts'
import { openResources } from '../../src/resources.ts'
import { liftRestriction } from '../../src/restrictions/lift.ts'
import type { Running } from '../support/app.ts'
import { read } from '../support/inbound.ts'
import { audited, operator } from '../support/operator.ts'
import type { Org } from '../support/org.ts'
import { rowsLeft } from '../support/rows-left.ts'
import { visit } from '../support/visitor.ts'

const DAY = 86_400_000
const [FIRST, SECOND] = [
  '01900000-0000-7000-8000-000000000001',
  '01900000-0000-7000-8000-000000000002',
]

/** The product of the proof, with a contact who said `words within` and, long before, `words before`; `late` is in days. */
type At = { app(): Running; org(): Org; contact(): string; now(): Date; late(days: number): void }

/** The half of P36 that keeps; the proof of P36 calls it. */
export function provesLegalHolds({ app, now, late, ...given }: At): void {
  let org: Org
  let contact: string
  let raw: string
  beforeEach(async () => {
    org = given.org()
    contact = given.contact()
    const sql = `select id from messages where org_id = :org and text = 'words within'`
    const [{ id: row } = { id: '' }] = await read<{ id: string }>(app().on, org, sql)
    raw = await tenant(async (tx) => {
      const envelope = await sealFor(app().on, tx, place(row), 'unknown fields')
      await rows(tx, 'update messages set raw = ? where org_id = ? and id = ?', [
        envelope,
        org.id,
        row,
      ])
      return envelope
    })
  })

  const place = (row: string) => ({ purpose: 'messages|raw', org: org.id, row })
  const tenant = <T>(run: (tx: Tx) => Promise<T>): Promise<T> => app().on.db.withTenant(org.id, run)
  const said = async (): Promise<string[]> =>
    (
      await read<{ text: string }>(
        app().on,
        org,
        'select text from messages where org_id = :org order by created_at',
      )
    ).map(({ text }) => text)
  const record = (asks: Asks, gag: Date | null = null): Promise<string> =>
    recordRequest(app().on, {
      asks,
      about_org: org.id,
      received_at: now(),
      authority: 'District court',
      legal_basis: 'Order 13/26',
      gag_until: gag,
      scope: {
        contact,
        from: new Date(Date.now() - DAY).toISOString(),
        until: new Date(Date.now() + DAY).toISOString(),
      },
    })
  const approved = async (asks: Asks, gag: Date | null = null): Promise<string> => {
    const id = await record(asks, gag)
    for (const user of [FIRST, SECOND]) await approve(app().on, id, user)
    return id
  }
  const keep = (id: string, days = 300): Promise<void> =>
    decide(app().on, id, {
      decision: 'preserved',
      reasons: 'The order is valid.',
      challenged: null,
      hold: { until: new Date(now().getTime() + days * DAY), by: FIRST },
    })
  const hold = async (days = 300): Promise<string> => {
    const id = await approved('preservation')
    await keep(id, days)
    return id
  }
  const erase = async (kind: Kind, subject: string): Promise<string> => {
    const whose = kind === 'contact' ? { org: org.id } : {}
    const wish = { kind, subject, road: 'self' as const, by: SYSTEM, ...whose }
    return (await requestDeletion(app().on, wish)).code
  }
  const purge = (): Promise<Advanced> => advanceDue(app().on, { now: now() })
  const left = () => rowsLeft(app(), org)

  test('that something is kept takes two different people, an end, and something to keep', async () => {
    const id = await record('preservation')
    await expect(keep(id)).rejects.toMatchObject({ code: 'two_people' })
    await approve(app().on, id, FIRST)
    await expect(approve(app().on, id, FIRST)).rejects.toMatchObject({ code: 'approved' })
    await expect(keep(id)).rejects.toMatchObject({ code: 'two_people' })
    const force = `update disclosures set decision = 'preserved', approved_by = array[?, ?]::uuid[] where id = ?`
    await expect(
      app().on.db.withSystem((tx) => rows(tx, force, [FIRST, FIRST, id])),
    ).rejects.toThrow(/disclosures_held/)
    await approve(app().on, id, SECOND)
    for (const days of [0, 400])
      await expect(keep(id, days)).rejects.toMatchObject({ code: 'invalid', status: 422 })
    const disclosed = { decision: 'disclosed' as const, reasons: 'x', challenged: null }
    await expect(decide(app().on, id, disclosed)).rejects.toMatchObject({ code: 'asked_else' })
    await keep(id)
    await expect(keep(id)).rejects.toMatchObject({ code: 'decided' })
    expect(await audited(app(), org, 'hold.placed')).toHaveLength(1)
    await releaseHold(app().on, id, SECOND)
    await expect(releaseHold(app().on, id, SECOND)).rejects.toMatchObject({ code: 'no_hold' })
    expect(await audited(app(), org, 'hold.released')).toHaveLength(1)
    await keep(await approved('preservation', new Date(now().getTime() + DAY)))
    expect(await audited(app(), org, 'hold.placed')).toHaveLength(1)
  })

  /** Under a master key that came meanwhile, alone: held rows open, and so does the scope of the order. */
  async function handOver(order: string): Promise<void> {
    const { on } = app()
    const anew = { id: 'm2', key: Buffer.alloc(32, 'next') }
    const open = (masterKeys: typeof on.config.masterKeys) =>
      openResources(
        { ...on.config, masterKeys },
        { log: openLog('silent'), queuePrefix: 'other', now },
      )
    const [both, next] = [await open([anew, ...on.config.masterKeys]), await open([anew])]
    await rotateMasterKey(both, SYSTEM)
    const [row] = await read<{ id: string }>(
      next,
      org,
      'select id from messages where org_id = :org',
    )
    const opened = await next.db.withTenant(org.id, (tx) =>
      openFor(next, tx, place(row?.id ?? ''), raw),
    )
    expect(opened.toString()).toBe('unknown fields')
    await decide(next, order, { decision: 'disclosed', reasons: 'x', challenged: null })
    expect((await makePackage(next, order)).length).toBeGreaterThan(100)
    const back = await open([...on.config.masterKeys, anew])
    await rotateMasterKey(back, SYSTEM)
    for (const other of [both, next, back]) await other.close()
  }

  test('an erased organization leaves the held rows and nothing else, until the order is lifted', async () => {
    const [order, handing] = [await hold(), await approved('handing_over')]
    const code = await erase('org', org.id)
    late(8)
    expect(await purge()).toMatchObject({ purged: [], failed: [] })
    expect(await left()).toEqual({
      connections: 1,
      contact_identities: 2,
      contacts: 1,
      conversations: 1,
      legal_holds: 1,
      messages: 1,
      org_keys: 1,
      organizations: 1,
    })
    expect(await said()).toEqual(['words within'])
    const shell = await read(
      app().on,
      org,
      `select o.name, c.access_token, c.app_secret, t.last_message_preview from organizations o
         join connections c using (org_id) join conversations t using (org_id) where o.org_id = :org`,
    )
    expect(shell).toEqual([
      { name: '-', access_token: null, app_secret: null, last_message_preview: null },
    ])

    const counts = { contacts: 1, contact_identities: 2, conversations: 1, messages: 1 }
    const page = await visit(app()).get(`/deletion/${code}`)
    expect(page.text).toContain('Part retained by legal duty')
    expect(page.text).not.toContain('id="certificate"')
    expect((await findDeletion(app().on, code))?.retained?.counts).toEqual(counts)

    await handOver(handing)

    late(30)
    const overdue = await purge()
    expect(overdue).toMatchObject({ purged: [], failed: [] })
    expect(overdue.overdue).toHaveLength(1)
    expect(await said()).toEqual(['words within'])

    await releaseHold(app().on, order, SECOND)
    const done = await purge()
    expect(done).toMatchObject({ failed: [], overdue: [] })
    expect(done.purged).toHaveLength(1)
    expect(await left()).toEqual({})
    const { certificate, signature } = (await findDeletion(app().on, code)) ?? {}
    const signed = Signed.parse({ ...certificate, signature })
    expect(isCertified(signed, publishedKeys(app().on.vault))).toBe(true)
    expect(signed.certificate).toMatchObject({
      retained_by_law: { counts, until: now().toISOString() },
      steps: { rows: { counts: { messages: 3, contacts: 2, conversations: 2 } } },
    })

    const stale = await approved('handing_over')
    const disclosed = { decision: 'disclosed' as const, reasons: 'x', challenged: null }
    await expect(decide(app().on, stale, disclosed)).rejects.toMatchObject({
      code: 'nothing_held',
    })
    const free = `update users set email = id || '@example.test' where email = 'ops@example.test'`
    await app().on.db.withSystem((tx) => rows(tx, free))
    const desk = await (await operator(app())).get(`/ops/disclosures/${stale}`)
    expect(desk.text).toContain('Nothing is held')
    expect(desk.text).toContain(signature)
  })

  test('an erased contact is kept out of everybody’s sight, and goes when the order ends by itself', async () => {
    await hold(20)
    await erase('user', (await org.person('agent')).id)
    const code = await erase('contact', contact)
    expect(await purge()).toMatchObject({ failed: [] })
    expect((await said()).toSorted()).toEqual(['words of a neighbour', 'words within'])
    expect((await findDeletion(app().on, code))?.retained?.counts).toMatchObject({ messages: 1 })
    const [restriction] = await read<{ id: string; kind: string }>(
      app().on,
      org,
      'select id, kind from restrictions where org_id = :org and lifted_at is null',
    )
    expect(restriction?.kind).toBe('restricted')
    await tenant((tx) =>
      rows(
        tx,
        `insert into restriction_notices (org_id, id, restriction_id, road, told_at) values (?, ?, ?, 'letter', ?)`,
        [org.id, FIRST, restriction?.id ?? '', now()],
      ),
    )
    const wish = { restriction: restriction?.id ?? '', by: SYSTEM }
    await expect(liftRestriction(app().on, org.id, wish)).rejects.toMatchObject({
      code: 'being_erased',
    })
    late(20 - 1 / DAY)
    expect((await purge()).purged).toEqual([])
    late(1 / DAY)
    expect((await purge()).purged).toHaveLength(1)
    expect(await said()).toEqual(['words of a neighbour'])
  })

  test('an order that comes during the purge reaches what is still there, and no more', async () => {
    const order = await approved('preservation')
    await erase('org', org.id)
    late(8)
    const halt = (at: string): void => {
      if (at === 'rows conversations') throw new Error('halted')
    }
    await expect(advanceDue(app().on, { now: now(), observe: halt })).rejects.toThrow('halted')
    await keep(order)
    late(1)
    await purge()
    expect(await left()).toMatchObject({ contacts: 1, conversations: 1, legal_holds: 1 })
    expect(await said()).toEqual([])
    const second = await approved('preservation')
    await releaseHold(app().on, order, SECOND)
    expect((await purge()).purged).toHaveLength(1)
    await expect(keep(second)).rejects.toMatchObject({ code: 'nothing_held' })
  })

  test('age removes what lies outside of the order only', async () => {
    const order = await hold()
    const rules = { messages: 30, media: undefined }
    await changeOwnRules(app().on, { org: org.id, user: org.owner.id }, rules)
    late(100)
    const due = async () => ({ org: org.id, now: now(), held: await readHeld(app().on, org.id) })
    await removeOldMessages(app().on, await due())
    expect(await said()).toEqual(['words within'])
    const old = await due()
    expect(await tenant((tx) => countHeldMessages(tx, old, rules))).toBe(1)
    await releaseHold(app().on, order, SECOND)
    await removeOldMessages(app().on, await due())
    expect(await said()).toEqual([])
  })

  test('a backup from before the order knows it when it is restored', async () => {
    await hold()
    const { db } = app().on
    await db.withSystem((tx) => rows(tx, 'delete from legal_holds'))
    const entries = await db.withSystem(async (tx) =>
      checkLedger(app().on.vault, await readLedger(tx)),
    )
    await replayDeletions(app().on, { entries, madeAt: now() })
    expect((await left())['legal_holds']).toBe(1)
  })
}
