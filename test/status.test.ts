import { rows } from '../src/db.ts'
import { newId } from '../src/ids.ts'
import type { Message } from '../src/messages/messages.ts'
import { applyStatuses } from '../src/messages/status.ts'
import { startApp, type Running } from './support/app.ts'
import { arrive, read } from './support/inbound.ts'
import { bodyAround, newWamid, statusOf } from './support/meta.ts'
import { orders, shuffled } from './support/order.ts'
import type { Org } from './support/org.ts'
import { openTalk, type Talk } from './support/talk.ts'

let app: Running
let org: Org
let talk: Talk
beforeAll(async () => {
  app = await startApp({ workers: false })
  org = await app.org()
  talk = await openTalk(app.on, org)
})
afterAll(() => app.stop())

const START = Math.floor(Date.now() / 1000) * 1000
const at = (second: number): Date => new Date(START - 600_000 + second * 1000)
const ERROR = { errors: [{ code: 131026, title: 'Not deliverable' }] }

type Report = { status: string; second: number; more?: Record<string, unknown> }
const report = (wamid: string, { status, second, more }: Report): Promise<void> =>
  arrive(
    app.on,
    org,
    bodyAround(org.connection, { statuses: [statusOf(wamid, status, at(second), more)] }),
  )

/** What the sender does when the Graph API has answered: it stores the wamid, commits, and looks at the statuses. */
async function accepted(message: string, wamid: string): Promise<void> {
  await app.on.db.withTenant(org.id, (tx) =>
    rows(
      tx,
      `update messages set wamid = ?, rank = greatest(rank, 20), status = status_of(greatest(rank, 20)::smallint)
        where org_id = ? and id = ?`,
      [wamid, org.id, message],
    ),
  )
  await applyStatuses(app.on, org.id, [wamid])
}

const outcome = ({
  status,
  rank,
  sent_at,
  delivered_at,
  read_at,
  failed_at,
  error_code,
}: Message): object => ({
  status,
  rank,
  sent_at,
  delivered_at,
  read_at,
  failed_at,
  error_code,
})

const REPORTS: Report[] = [
  { status: 'sent', second: 1 },
  { status: 'delivered', second: 5 },
  { status: 'read', second: 9 },
  { status: 'failed', second: 3, more: ERROR },
]
const ALL = {
  status: 'read',
  rank: 60,
  sent_at: at(1),
  delivered_at: at(5),
  read_at: at(9),
  failed_at: at(3),
  error_code: '131026',
}

test('all orders of the statuses, with the wamid learned before, between or after, end in one and the same row', async () => {
  const ended = new Set<string>()
  for (const [n, order] of orders(REPORTS).entries()) {
    const [message, wamid] = [await talk.say('x'), newWamid()]
    const steps = order.map((one) => () => report(wamid, one))
    steps.splice(n % 5, 0, () => accepted(message.id, wamid))
    for (const step of steps) await step()
    ended.add(JSON.stringify(outcome(await talk.message(message.id))))
  }
  expect([...ended]).toEqual([JSON.stringify(ALL)])
})

test('a status that names our own id binds before the wamid is known, and settles the outbox', async () => {
  const [message, wamid] = [await talk.say('x'), newWamid()]
  await report(wamid, {
    status: 'delivered',
    second: 5,
    more: { biz_opaque_callback_data: message.id },
  })
  expect(await talk.message(message.id)).toMatchObject({
    status: 'delivered',
    wamid,
    sent_at: null,
  })
  expect(await talk.outbox(message.id)).toMatchObject({ state: 'done' })
})

test('each status twice, by several workers at once, changes nothing more', async () => {
  const [message, wamid] = [await talk.say('x'), newWamid()]
  await accepted(message.id, wamid)
  const twice = [...REPORTS, ...REPORTS, ...REPORTS]
  await Promise.all(shuffled(twice, 5).map((one) => report(wamid, one)))
  expect(outcome(await talk.message(message.id))).toEqual(ALL)
  const feed = `select count(*) as n from feed where org_id = :org and ref_id = '${message.id}'`
  const [before] = await read(app.on, org, feed)
  await Promise.all(twice.map((one) => report(wamid, one)))
  expect(await read(app.on, org, feed)).toEqual([before])
})

test('failed wins over sent and yields to delivered', async () => {
  const [message, wamid] = [await talk.say('x'), newWamid()]
  await accepted(message.id, wamid)
  await report(wamid, { status: 'failed', second: 3, more: ERROR })
  await report(wamid, { status: 'sent', second: 1 })
  expect(await talk.message(message.id)).toMatchObject({
    status: 'failed',
    error_title: 'Not deliverable',
  })
  await report(wamid, { status: 'delivered', second: 5 })
  expect(await talk.message(message.id)).toMatchObject({ status: 'delivered' })
})

test('the earliest report of a status counts, also when it comes last or before the message is known', async () => {
  const [message, wamid] = [await talk.say('x'), newWamid()]
  await report(wamid, { status: 'read', second: 9 })
  await report(wamid, { status: 'read', second: 4 })
  await report(wamid, { status: 'read', second: 7 })
  const mine = { biz_opaque_callback_data: message.id }
  await report(wamid, { status: 'read', second: 8, more: mine })
  expect(await talk.message(message.id)).toMatchObject({ read_at: at(4) })
  await report(wamid, { status: 'read', second: 2 })
  expect(await talk.message(message.id)).toMatchObject({ read_at: at(2) })
})

test('deleted by the customer is noted and moves nothing', async () => {
  const [message, wamid] = [await talk.say('x'), newWamid()]
  await accepted(message.id, wamid)
  await report(wamid, { status: 'deleted', second: 9 })
  expect(await talk.message(message.id)).toMatchObject({ status: 'accepted', rank: 20 })
  const [row] = await read(
    app.on,
    org,
    `select deleted_at from messages where org_id = :org and wamid = '${wamid}'`,
  )
  expect(row).toEqual({ deleted_at: at(9) })
})

test('a status of somebody else’s message waits and changes nothing', async () => {
  const wamid = newWamid()
  await report(wamid, { status: 'read', second: 9, more: { biz_opaque_callback_data: newId() } })
  const events = await read(
    app.on,
    org,
    `select applied_at from message_events where org_id = :org and wamid = '${wamid}'`,
  )
  expect(events).toEqual([{ applied_at: null }])
})

test('another organization’s id in a status binds nothing there', async () => {
  const other = await app.org()
  const theirs = await (await openTalk(app.on, other)).say('x')
  await report(newWamid(), {
    status: 'read',
    second: 9,
    more: { biz_opaque_callback_data: theirs.id },
  })
  const [row] = await read(app.on, other, `select status from messages where org_id = :org`)
  expect(row).toEqual({ status: 'queued' })
})

test('many statuses in one body, of many messages, are one set', async () => {
  const sent = await Promise.all(Array.from({ length: 30 }, () => talk.say('x')))
  const statuses = shuffled(
    sent.flatMap(({ id }) =>
      REPORTS.slice(0, 3).map(({ status, second }) =>
        statusOf(`wamid.${id}`, status, at(second), { biz_opaque_callback_data: id }),
      ),
    ),
    9,
  )
  await arrive(app.on, org, bodyAround(org.connection, { statuses: [...statuses, ...statuses] }))
  const found = await Promise.all(sent.map(({ id }) => talk.message(id)))
  expect(new Set(found.map(({ status }) => status))).toEqual(new Set(['read']))
})
