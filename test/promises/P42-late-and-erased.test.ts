import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { SYSTEM } from '../../src/audit/audit.ts'
import { changeContact, createContact } from '../../src/contacts/changes.ts'
import { advanceDue } from '../../src/deletions/advance.ts'
import { requestDeletion } from '../../src/deletions/request.ts'
import { isErasedNumber, suppressionDigest } from '../../src/deletions/suppressions.ts'
import { rows } from '../../src/db.ts'
import { receive } from '../../src/messages/inbound.ts'
import { exportToFile } from '../../src/privacy/export-file.ts'
import { importExport } from '../../src/privacy/import.ts'
import { sweepRetention } from '../../src/privacy/retention.ts'
import { seal } from '../../src/vault.ts'
import { startApp, type Running } from '../support/app.ts'
import { startGraph, type Graph } from '../support/graph.ts'
import { arrive, read } from '../support/inbound.ts'
import { messageOf, messagesBody, newCustomer, recordedOf, seconds } from '../support/meta.ts'
import { shuffled } from '../support/order.ts'
import type { Org } from '../support/org.ts'
import { program } from '../support/program.ts'
import { signInAs } from '../support/sign-in.ts'
import { visit } from '../support/visitor.ts'

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

    test('everything recorded of them, delivered again in any order and twice, leaves every table as it was', async () => {
      const recorded = recordedOf(org.connection, newCustomer(), now)
      for (const body of recorded) await arrive(app.on, org, body)
      const [found] = await contacts()
      await erase('contact', found?.id ?? '')
      const tables = [
        'contacts',
        'contact_identities',
        'conversations',
        'messages',
        'message_events',
      ]
      const counts = (): Promise<unknown> =>
        Promise.all(
          tables.map((table) => read(app.on, org, `select 1 from ${table} where org_id = :org`)),
        )
      await read(app.on, org, 'delete from message_events where org_id = :org')
      now = new Date(now.getTime() + 7 * DAY)
      for (const body of [...shuffled(recorded, 1), ...shuffled(recorded, 2)])
        await arrive(app.on, org, body)
      expect(await counts()).toEqual(tables.map(() => []))
    })

    describe('typed in by hand, or by a program', () => {
      const SPELLINGS = [
        '5511987654321',
        '+55 11 98765-4321',
        '0055 (11) 98765.4321',
        'tel:+55-11-98765-4321',
        '+55 11 8765-4321',
      ]
      const SAYS =
        'This person asked to be erased on 20 November 2026. Continue only if they contacted you again, and say how.'
      const gone = async (): Promise<void> => {
        const { id } = await createContact(app.on, org.id, { name: 'Ana', phone: SPELLINGS[1] })
        await erase('contact', id)
      }
      const returned = (): Promise<unknown[]> =>
        read(
          app.on,
          org,
          `select actor_kind, actor_id, detail, target_id from audit_log where org_id = :org and action = 'contact.returned'`,
        )

      test('the number is stopped in any spelling with the day of the erasure, and only here', async () => {
        await gone()
        const refused = { status: 409, code: 'erased', message: SAYS }
        const { id } = await createContact(app.on, org.id, { phone: '+1 415 555 0100' })
        for (const phone of SPELLINGS) {
          await expect(createContact(app.on, org.id, { phone })).rejects.toMatchObject(refused)
          await expect(changeContact(app.on, org.id, id, { phone })).rejects.toMatchObject(refused)
          const other = await app.org()
          expect((await createContact(app.on, other.id, { phone })).phone).toBeTruthy()
        }
      })

      test('it goes on when they contacted the organization again, and how is recorded', async () => {
        await gone()
        const browser = visit(app, { cookie: await signInAs(app.on, org, org.owner) })
        // The session store goes by the database's clock, which this test does not set.
        await app.on.db.withSystem((tx) =>
          rows(tx, `update user_sessions set expire = now() + interval '1 day'`),
        )
        const typed = { name: 'Ana', phone: '+55 11 98765-4321', email: '' }
        const stopped = await browser.post('/contacts', typed)
        expect([stopped.status, stopped.text]).toEqual([409, expect.stringContaining(SAYS)])
        expect(stopped.text).toContain('<select class="input" id="contacted_again"')
        const kept = await browser.post('/contacts', { ...typed, contacted_again: 'called' })
        expect(kept.status).toBe(303)
        const target_id = kept.location.split('/').at(-1)
        const entry = { actor_kind: 'user', actor_id: org.owner.id, target_id }
        expect(await returned()).toEqual([{ ...entry, detail: { because: 'called' } }])
      })

      test('a program is stopped the same way, for a new contact and for a first message', async () => {
        await gone()
        const api = await program(app, org)
        const first = {
          connection_id: org.connection.id,
          to: '+55 11 98765-4321',
          type: 'template',
          template: { name: 'hello', language: { code: 'en' } },
        }
        for (const [call, body] of [
          ['/contacts', { phone: first.to }],
          ['/messages', first],
        ] as const) {
          expect(await api.send('POST', call, body)).toMatchObject({
            status: 409,
            body: { code: 'erased', detail: SAYS },
          })
          expect(await contacts()).toEqual([])
        }
        const again = await api.send('POST', '/messages', { ...first, contacted_again: 'ordered' })
        expect(again.status).toBe(202)
        expect(await returned()).toMatchObject([
          { actor_kind: 'api_key', detail: { because: 'ordered' } },
        ])
      })
    })

    test('an export made before leaves the erased out when it is read back, also into another organization', async () => {
      const [ana, ben] = [newCustomer(), newCustomer()]
      for (const one of [ana, ben])
        await arrive(app.on, org, messagesBody(org.connection, one, messageOf(one, 'Hello')))
      const file = path.join(app.on.config.DATA_DIR, `${org.id}.zip`)
      await mkdir(app.on.config.DATA_DIR, { recursive: true })
      await exportToFile(app.on, { kind: 'org', org: org.id }, file)
      const named = await read<{ id: string; profile_name: string }>(
        app.on,
        org,
        'select id, profile_name from contacts where org_id = :org',
      )
      await erase('contact', named.find((one) => one.profile_name === ana.name)?.id ?? '')
      const other = await app.org()
      await read(app.on, other, 'delete from connections where org_id = :org')
      const done = await importExport(app.on, other.id, file)
      expect(done).toMatchObject({ erased: 1, records: { contacts: 1, messages: 1 } })
      expect(
        await read(app.on, other, 'select profile_name from contacts where org_id = :org'),
      ).toEqual([{ profile_name: ben.name }])
    })

    test('with its organization go the digests of its people, and those of its numbers stay', async () => {
      const ana = newCustomer()
      await arrive(app.on, org, messagesBody(org.connection, ana, messageOf(ana, 'Hello')))
      const [found] = await contacts()
      await erase('contact', found?.id ?? '')
      await erase('org', org.id)
      const kept = await app.on.db.withSystem((tx) =>
        rows(tx, 'select distinct kind from suppressions where org_id = ?', [org.id]),
      )
      expect(kept).toEqual([{ kind: 'number' }])
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
