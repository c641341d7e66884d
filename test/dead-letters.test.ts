import pg from 'pg'
import { rows } from '../src/db.ts'
import { receive } from '../src/messages/inbound.ts'
import {
  discardDeadLetter,
  listDeadLetters,
  showDeadLetter,
  type DeadLetter,
} from '../src/ops/dead-letters.ts'
import { replayDeadLetter, replayNumber } from '../src/ops/replay.ts'
import type { InboundBody } from '../src/queues.ts'
import { jsonObject } from '../src/webhooks/body.ts'
import { sealTogether } from '../src/webhooks/sealing.ts'
import { splitShared } from '../src/webhooks/split.ts'
import { startApp, type Running } from './support/app.ts'
import { arrive, read, sealedBody } from './support/inbound.ts'
import { bodyAround, messageOf, messagesBody, newCustomer, statusOf } from './support/meta.ts'
import type { Org } from './support/org.ts'

let app: Running
let org: Org
let queued: InboundBody[] = []
beforeAll(async () => {
  app = await startApp({ workers: false })
  app.on.queues.addInbound = (bodies) => {
    queued.push(...bodies)
    return Promise.resolve()
  }
})
afterAll(() => app.stop())
beforeEach(async () => {
  org = await app.org()
  queued = []
})

const letters = async (of: Org | null = org): Promise<DeadLetter[]> =>
  (await listDeadLetters(app.on, { limit: 100 })).filter(
    ({ org_id }) => org_id === (of?.id ?? null),
  )
const texts = async (of = org): Promise<(string | null)[]> =>
  (
    await read<{ text: string | null }>(
      app.on,
      of,
      'select text from messages where org_id = :org order by created_at, id',
    )
  ).map(({ text }) => text)
/** What a replay put into the queue goes through the worker's part. */
const work = (): Promise<void> => receive(app.on, queued.splice(0))

const ana = newCustomer()
const textTo = (connection: Org['connection'], text: string): object =>
  messagesBody(connection, ana, messageOf(ana, text))

test('another organization’s number in a rightly signed body is never stored there', async () => {
  const other = await app.org()
  await arrive(app.on, org, textTo(other.connection, 'not yours'))
  expect([await texts(org), await texts(other)]).toEqual([[], []])
  expect(await letters(other)).toEqual([])
  expect(await letters(org)).toMatchObject([
    { reason: 'unknown_number', phone_number_id: other.connection.phoneNumberId, attempts: 1 },
  ])
})

test('what is not understood is kept once, however often it comes, and its neighbours are stored', async () => {
  const body = messagesBody(org.connection, ana, messageOf(ana, 'good'), null as never, {
    from: '1',
  })
  await arrive(app.on, org, body)
  await arrive(app.on, org, body)
  expect(await texts()).toEqual(['good'])
  const found = await letters()
  expect(found.map(({ reason, code, attempts }) => ({ reason, code, attempts }))).toEqual(
    expect.arrayContaining([
      { reason: 'parse', code: 'message', attempts: 2 },
      { reason: 'parse', code: 'id', attempts: 2 },
    ]) as object,
  )
  expect(found).toHaveLength(2)
})

test('a body with very many faults, or too deep to be divided, is kept as one', async () => {
  await arrive(
    app.on,
    org,
    messagesBody(
      org.connection,
      ana,
      ...Array.from({ length: 300 }, (_, n) => ({ from: String(n) })),
      messageOf(ana, 'good'),
    ),
  )
  const deep = `{"entry":[{"x":${'['.repeat(9000)}${']'.repeat(9000)},"changes":[{"value":${JSON.stringify(
    {
      metadata: { phone_number_id: org.connection.phoneNumberId },
      messages: [messageOf(ana, 'under a deep entry'), { id: '' }],
    },
  )}}]}]}`
  await receive(app.on, [sealedBody(app.on, org.connection, deep)])
  expect(await texts()).toEqual(['good', 'under a deep entry'])
  expect(await letters()).toHaveLength(2)
})

describe('data that the database does not take', () => {
  let admin: pg.Client
  beforeAll(async () => {
    admin = new pg.Client({ connectionString: app.on.config.DATABASE_URL })
    await admin.connect()
    await admin.query(
      `alter table app.messages add constraint no_poison check (text not like '%poison%')`,
    )
  })
  afterAll(async () => {
    await admin.query('alter table app.messages drop constraint no_poison')
    await admin.end()
  })

  test('convicts only itself: everything around it is stored, in whatever body', async () => {
    const good = Array.from({ length: 12 }, (_, n) => textTo(org.connection, `good ${n}`))
    const mixed = messagesBody(
      org.connection,
      ana,
      messageOf(ana, 'before'),
      messageOf(ana, 'poison 1'),
      messageOf(ana, 'after'),
    )
    await arrive(
      app.on,
      org,
      ...good.slice(0, 6),
      mixed,
      textTo(org.connection, 'poison 2'),
      ...good.slice(6),
    )
    expect(new Set(await texts())).toEqual(
      new Set(['after', 'before', ...good.map((_, n) => `good ${n}`)]),
    )
    expect(await letters()).toMatchObject([
      { reason: 'data', code: '23514' },
      { reason: 'data', code: '23514' },
    ])
  })

  test('is stored by a replay once the reason is gone, and leaves the list', async () => {
    await arrive(app.on, org, textTo(org.connection, 'poison'))
    const [letter] = await letters()
    if (!letter) throw new Error('no letter')
    await replayDeadLetter(app.on, letter.id)
    await work()
    expect(await letters()).toMatchObject([{ id: letter.id, reason: 'data' }])

    await admin.query('alter table app.messages drop constraint no_poison')
    await replayDeadLetter(app.on, letter.id)
    await work()
    await admin.query(
      `alter table app.messages add constraint no_poison check (text not like '%poison%') not valid`,
    )
    expect(await texts()).toEqual(['poison'])
    expect(await letters()).toEqual([])
  })
})

test('a replay that fails before it returns leaves the letter where it is', async () => {
  await arrive(app.on, org, { entry: 'nothing' })
  const [letter] = await letters()
  const add = app.on.queues.addInbound
  app.on.queues.addInbound = (bodies) => receive(app.on, bodies)
  await replayDeadLetter(app.on, letter?.id ?? '')
  app.on.queues.addInbound = add
  expect(await letters()).toMatchObject([{ id: letter?.id, attempts: 2 }])
})

test('an operator sees the shape of a letter and none of its values', async () => {
  const value = { event: 'DISABLED', ban_info: { waba_ban_state: ['Canary'] }, 'Canary key': 1 }
  await arrive(app.on, org, {
    entry: [{ id: 'Canary', changes: [{ field: 'brand_new_field', value }] }],
  })
  const [letter] = await letters()
  const shown = await showDeadLetter(app.on, letter?.id ?? '')
  expect(shown).toMatchObject({
    reason: 'other',
    code: 'brand_new_field',
    shape: {
      entry: [
        { changes: [{ value: { event: 'text(8)', ban_info: { waba_ban_state: ['text(6)'] } } }] },
      ],
    },
  })
  expect(JSON.stringify(shown)).not.toContain('Canary')
})

test('a discarded letter is gone, and neither it nor a stranger can be replayed', async () => {
  await arrive(app.on, org, { entry: 'nothing' })
  const [letter] = await letters()
  await discardDeadLetter(app.on, letter?.id ?? '')
  expect(await letters()).toEqual([])
  await expect(replayDeadLetter(app.on, letter?.id ?? '')).rejects.toMatchObject({ status: 404 })
  await expect(discardDeadLetter(app.on, letter?.id ?? '')).rejects.toMatchObject({ status: 404 })
})

describe('the shared callback', () => {
  const split = (body: object): InboundBody[] => {
    const bytes = Buffer.from(JSON.stringify(body))
    const content = jsonObject(bytes) ?? {}
    return sealTogether(splitShared(app.on, { bytes, content, at: Date.now() })).bodies
  }

  test('gives each organization its own part, under its own key', async () => {
    const other = await app.org()
    const [mine, theirs] = [textTo(org.connection, 'mine'), textTo(other.connection, 'theirs')] as {
      entry: object[]
    }[]
    const bodies = split({
      object: 'whatsapp_business_account',
      entry: [...(mine?.entry ?? []), ...(theirs?.entry ?? [])],
    })
    expect(new Set(bodies.map((body) => body.org))).toEqual(new Set([org.id, other.id]))
    await receive(app.on, bodies)
    expect([await texts(org), await texts(other)]).toEqual([['mine'], ['theirs']])
  })

  test('gives nothing to an organization that typed in a number without proving it', async () => {
    const claimant = await app.org()
    const number = { phoneNumberId: '777000222', wabaId: '779' }
    await app.on.db.withTenant(claimant.id, (tx) =>
      rows(
        tx,
        'update connections set phone_number_id = ?, waba_id = ?, verified_at = null where org_id = ?',
        [number.phoneNumberId, number.wabaId, claimant.id],
      ),
    )
    await app.on.directory.refresh()
    const [body] = split(messagesBody(number, ana, messageOf(ana, 'not yours')))
    expect(body).toMatchObject({ org: null, connection: null })
  })

  test('finds the organization of an account event by the business account', () => {
    const change = { field: 'account_update', value: { event: 'X' } }
    expect(split({ entry: [{ id: org.connection.wabaId, changes: [change] }] })).toMatchObject([
      { org: org.id },
    ])
  })

  test('keeps what is for a number nobody has, and stores it when the number is connected', async () => {
    const later = { phoneNumberId: '777000111', wabaId: '778' }
    await receive(app.on, split(messagesBody(later, ana, messageOf(ana, 'early bird'))))
    expect(await letters(null)).toMatchObject([
      { reason: 'unknown_number', phone_number_id: '777000111' },
    ])

    await app.on.db.withTenant(org.id, (tx) =>
      rows(tx, 'update connections set phone_number_id = ? where org_id = ?', [
        '777000111',
        org.id,
      ]),
    )
    await app.on.directory.refresh()
    const number = { org: org.id, phoneNumberId: '777000111' }
    expect(await replayNumber(app.on, { ...number, isProven: false })).toBe(0)
    expect(await replayNumber(app.on, { ...number, isProven: true })).toBe(1)
    await work()
    expect(await texts()).toEqual(['early bird'])
    expect(await letters(null)).toEqual([])
  })
})

test('bodies of an organization that is being erased are dropped, and nothing of it is kept', async () => {
  const bodies = [
    sealedBody(app.on, org.connection, textTo(org.connection, 'late')),
    sealedBody(
      app.on,
      org.connection,
      bodyAround(org.connection, { statuses: [statusOf('w', 'sent', new Date())] }),
    ),
  ]
  await app.on.db.withSystem((tx) =>
    rows(tx, `update organizations set status = 'purging' where org_id = ?`, [org.id]),
  )
  await receive(app.on, bodies)
  expect(await letters()).toEqual([])
  expect(await texts()).toEqual([])
})
