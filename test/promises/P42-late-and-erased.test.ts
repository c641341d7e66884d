import { SYSTEM } from '../../src/audit/audit.ts'
import { advanceDue } from '../../src/deletions/advance.ts'
import { requestDeletion } from '../../src/deletions/request.ts'
import { isErasedNumber, suppressionDigest } from '../../src/deletions/suppressions.ts'
import { rows } from '../../src/db.ts'
import { receive } from '../../src/messages/inbound.ts'
import { sweepRetention } from '../../src/privacy/retention.ts'
import { seal } from '../../src/vault.ts'
import { startApp, type Running } from '../support/app.ts'
import { startGraph, type Graph } from '../support/graph.ts'
import { arrive, read } from '../support/inbound.ts'
import { messageOf, messagesBody, newCustomer, seconds } from '../support/meta.ts'
import type { Org } from '../support/org.ts'

const DAY = 86_400_000
const KEY = Buffer.alloc(32, 7)

describe('P42 — what was erased does not come back', () => {
  test.each([
    [
      'org_1',
      'phone',
      '4915112345678',
      '2c9a14e421c8c660816fa2cce4ac735adc4e486523033d9c37dae2966ca57f6a',
    ],
    [
      'org_2',
      'phone',
      '4915112345678',
      '8b16bcef0b407991ecbe2e5b2509b1689cfc406809a031b19450c9dcffe641a7',
    ],
    [
      'org_1',
      'user_id',
      'US.13491208655302741918',
      '781b1f79785a037dc85c66a6193170a5a38463e557677258beb1c9466085d969',
    ],
  ])('in %s the digest of %s %s is keyed and its own', (org, kind, value, digest) => {
    expect(suppressionDigest(KEY, org, { kind, value }).toString('hex')).toBe(digest)
  })

  describe('with webhooks', () => {
    let app: Running
    let graph: Graph
    let org: Org
    let now: Date
    beforeAll(async () => {
      graph = await startGraph()
      app = await startApp({ workers: false, now: () => now, env: { GRAPH_API_URL: graph.url } })
    })
    beforeEach(async () => {
      now = new Date('2026-11-20T10:00:00Z')
      org = await app.org()
    })
    afterAll(async () => {
      await app.stop()
      await graph.stop()
    })

    const contacts = () =>
      read<{ id: string }>(app.on, org, 'select id from contacts where org_id = :org')
    const erase = async (kind: 'contact' | 'org', subject: string): Promise<void> => {
      await requestDeletion(app.on, { kind, org: org.id, subject, road: 'self', by: SYSTEM })
      if (kind === 'org') now = new Date(now.getTime() + 8 * DAY)
      expect((await advanceDue(app.on, { now })).failed).toEqual([])
    }

    test('a message of an erased person, delivered again seven days later, brings nothing back', async () => {
      const ana = newCustomer()
      const said = messagesBody(
        org.connection,
        ana,
        messageOf(ana, 'Hello', { timestamp: seconds(now) }),
      )
      await arrive(app.on, org, said)
      now = new Date(now.getTime() + 60_000)
      const [found] = await contacts()
      await erase('contact', found?.id ?? '')
      now = new Date(now.getTime() + 7 * DAY)
      await arrive(app.on, org, said)
      expect(await contacts()).toEqual([])
      expect(await read(app.on, org, 'select id from messages where org_id = :org')).toEqual([])
    })

    test('what they write a second after the erasure is taken in, as somebody new', async () => {
      const ana = newCustomer()
      const saying = (text: string) =>
        messagesBody(org.connection, ana, messageOf(ana, text, { timestamp: seconds(now) }))
      await arrive(app.on, org, saying('Hello'))
      const [before] = await contacts()
      await erase('contact', before?.id ?? '')
      now = new Date(now.getTime() + 1_000)
      await arrive(app.on, org, saying('Me again'))
      const [after, ...others] = await contacts()
      expect(others).toEqual([])
      expect(after?.id).toBeTruthy()
      expect(after?.id).not.toBe(before?.id)
      expect(await read(app.on, org, 'select text from messages where org_id = :org')).toEqual([
        { text: 'Me again' },
      ])
    })

    test('a body for the number of an erased organization is dropped on the shared callback', async () => {
      const { phoneNumberId } = org.connection
      expect(await isErasedNumber(app.on, phoneNumberId)).toBe(false)
      await erase('org', org.id)
      expect(await isErasedNumber(app.on, phoneNumberId)).toBe(true)
      const ana = newCustomer()
      const [key] = app.on.vault.instance
      if (!key) throw new Error('no key')
      const at = now.getTime()
      const body = JSON.stringify(messagesBody(org.connection, ana, messageOf(ana, 'Hello')))
      const sealed = seal(key, { purpose: 'webhook', org: 'shared', row: String(at) }, body)
      await receive(app.on, [{ org: null, connection: null, at, sealed }])
      const letters = await app.on.db.withSystem((tx) =>
        rows(tx, 'select id from dead_letters where phone_number_id = ?', [phoneNumberId]),
      )
      expect(letters).toEqual([])
    })

    test('the digests go when backups and redeliveries are over', async () => {
      const ana = newCustomer()
      await arrive(app.on, org, messagesBody(org.connection, ana, messageOf(ana, 'Hello')))
      const [found] = await contacts()
      await erase('contact', found?.id ?? '')
      const kept = await app.on.db.withSystem((tx) =>
        rows<{ days: number }>(
          tx,
          `select extract(day from expires_at - erased_at)::int as days from suppressions where org_id = ?`,
          [org.id],
        ),
      )
      expect(kept.length).toBeGreaterThan(0)
      for (const { days } of kept) expect(days).toBe(45)
      now = new Date(now.getTime() + 46 * DAY)
      await sweepRetention(app.on, now)
      expect(
        await app.on.db.withSystem((tx) =>
          rows(tx, 'select 1 from suppressions where org_id = ?', [org.id]),
        ),
      ).toEqual([])
    })
  })
})
