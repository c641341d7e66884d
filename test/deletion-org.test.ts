import { advanceDue } from '../src/deletions/advance.ts'
import { findDeletion } from '../src/deletions/deletion.ts'
import { cancelDeletion } from '../src/deletions/cancel.ts'
import { requestDeletion, type Asked } from '../src/deletions/request.ts'
import { SYSTEM } from '../src/audit/audit.ts'
import { rows } from '../src/db.ts'
import { queueMessage } from '../src/sending/outbox.ts'
import { BACKENDS, startApp, type Running } from './support/app.ts'
import { arrive, read, sealedBody } from './support/inbound.ts'
import { messageOf, messagesBody, newCustomer, postWebhook } from './support/meta.ts'
import type { Org } from './support/org.ts'
import { byProgram } from './support/talk.ts'

const DAY = 86_400_000

describe.each(BACKENDS)('deleting an organization, queues in %s', (backend) => {
  let app: Running
  let org: Org
  let now: Date
  beforeAll(async () => {
    app = await startApp({ backend, workers: false, now: () => now })
  })
  beforeEach(async () => {
    now = new Date('2026-11-20T10:00:00Z')
    org = await app.org()
  })
  afterAll(() => app.stop())

  const ask = (of = org): Promise<Asked> =>
    requestDeletion(app.on, { kind: 'org', subject: of.id, road: 'self', by: SYSTEM })
  const status = async (of = org): Promise<string | undefined> => {
    const [found] = await app.on.db.withSystem((tx) =>
      rows<{ status: string }>(tx, 'select status from organizations where org_id = ?', [of.id]),
    )
    return found?.status
  }
  const hello = async (of = org): Promise<void> => {
    const ana = newCustomer()
    await arrive(app.on, of, messagesBody(of.connection, ana, messageOf(ana, 'Hello')))
  }
  const later = (days: number): void => {
    now = new Date(now.getTime() + days * DAY)
  }

  test('waits for its grace, in which nothing is sent and everything can be read', async () => {
    await hello()
    const { deadline, state } = await ask()
    expect(state).toBe('grace')
    expect(deadline).toEqual(new Date('2026-12-20T10:00:00Z'))
    expect(await status()).toBe('frozen')
    later(6.9)
    expect(await advanceDue(app.on, { now })).toEqual({ purged: [], failed: [], overdue: [] })
    const [talk] = await read<{ id: string }>(
      app.on,
      org,
      'select id from conversations where org_id = :org',
    )
    const draft = {
      conversation: talk?.id ?? '',
      body: { type: 'text', text: { body: 'Hi' } },
      cause: byProgram,
    }
    await expect(queueMessage(app.on, org.id, draft)).rejects.toMatchObject({
      code: 'being_deleted',
    })
  })

  test('can be cancelled until its grace is over, and then works as before', async () => {
    await ask()
    await cancelDeletion(app.on, { subject: org.id, by: SYSTEM })
    later(8)
    await advanceDue(app.on, { now })
    expect(await status()).toBe('active')
    await hello()
    const { code } = await ask()
    later(7)
    await expect(cancelDeletion(app.on, { subject: org.id, by: SYSTEM })).rejects.toMatchObject({
      code: 'too_late',
    })
    expect((await findDeletion(app.on, code))?.state).toBe('grace')
  })

  test('removes it and its people, and nothing of its neighbour', async () => {
    const neighbour = await app.org()
    await hello()
    await hello(neighbour)
    const both = await org.person('agent')
    await app.on.db.withTenant(neighbour.id, (tx) =>
      rows(tx, `insert into memberships (org_id, user_id, role) values (?, ?, 'agent')`, [
        neighbour.id,
        both.id,
      ]),
    )
    const { code } = await ask()
    later(7)
    const done = await advanceDue(app.on, { now })
    expect(done).toMatchObject({ failed: [], overdue: [] })
    expect(done.purged).toHaveLength(1)
    expect(await status()).toBeUndefined()
    const people = await app.on.db.withSystem((tx) =>
      rows<{ id: string }>(tx, 'select id from users where id = any(?)', [
        [org.owner.id, both.id] as never,
      ]),
    )
    expect(people.map(({ id }) => id)).toEqual([both.id])
    expect(
      await read(app.on, neighbour, 'select id from messages where org_id = :org'),
    ).toHaveLength(1)
    const found = await findDeletion(app.on, code)
    expect(found).toMatchObject({ state: 'purged', purged_at: now })
    expect(found?.backups_clear_at).toEqual(new Date(now.getTime() + 14 * DAY))
  })

  test('takes its bodies out of jobs that it shares with others', async () => {
    const neighbour = await app.org()
    const ana = newCustomer()
    const bodyOf = (of: Org, text: string) =>
      sealedBody(app.on, of.connection, messagesBody(of.connection, ana, messageOf(ana, text)))
    await app.on.queues.addInbound([bodyOf(org, 'ours'), bodyOf(neighbour, 'theirs')])
    await app.on.queues.addInbound([bodyOf(org, 'ours alone')])
    await app.on.queues.ring({ org: org.id, connection: org.connection.id })
    await ask()
    later(7)
    expect((await advanceDue(app.on, { now })).failed).toEqual([])
    expect(await app.on.queues.hasForgotten(org.id)).toBe(true)
    expect(await app.on.queues.hasForgotten(neighbour.id)).toBe(false)
    expect((await app.on.queues.depths()).inbound.waiting).toBe(1)
  })

  test('answers late webhooks without keeping them', async () => {
    await ask()
    later(7)
    await advanceDue(app.on, { now })
    const ana = newCustomer()
    const body = messagesBody(org.connection, ana, messageOf(ana, 'Are you there?'))
    const answer = await postWebhook(app.url, org.connection, body)
    expect(answer.status).toBe(401)
  })
})
