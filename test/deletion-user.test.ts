import { advanceDue } from '../src/deletions/advance.ts'
import { findDeletion } from '../src/deletions/deletion.ts'
import { requestDeletion, type Asked } from '../src/deletions/request.ts'
import { SYSTEM } from '../src/audit/audit.ts'
import { rows } from '../src/db.ts'
import { newId } from '../src/ids.ts'
import { startApp, type Running } from './support/app.ts'
import { arrive, read } from './support/inbound.ts'
import { messageOf, messagesBody, newCustomer } from './support/meta.ts'
import type { Org, Person } from './support/org.ts'

let app: Running
let org: Org
beforeAll(async () => {
  app = await startApp({ workers: false })
})
beforeEach(async () => {
  org = await app.org()
})
afterAll(() => app.stop())

const ask = ({ id }: Person): Promise<Asked> =>
  requestDeletion(app.on, { kind: 'user', subject: id, road: 'self', by: SYSTEM })
const run = async (): Promise<void> => {
  expect((await advanceDue(app.on, { now: app.on.now() })).failed).toEqual([])
}
const as = (of: Org, sql: string, values: string[]): Promise<unknown[]> =>
  app.on.db.withTenant(of.id, (tx) => rows(tx, sql, values))

/** A conversation that this person answered, is assigned to and drafts in. */
async function worksIn(of: Org, { id }: Person): Promise<void> {
  const ana = newCustomer()
  await arrive(app.on, of, messagesBody(of.connection, ana, messageOf(ana, 'Hello')))
  await as(of, 'update conversations set assignee_id = ? where org_id = ?', [id, of.id])
  await as(of, 'update messages set author_id = ? where org_id = ?', [id, of.id])
  await as(
    of,
    `insert into drafts (org_id, conversation_id, user_id, text)
     select org_id, id, ?, 'unsent' from conversations where org_id = ?`,
    [id, of.id],
  )
  const ref = newId()
  await as(of, 'insert into usage_refs (org_id, user_id, ref, since) values (?, ?, ?, now())', [
    of.id,
    id,
    ref,
  ])
  await as(
    of,
    `insert into usage_events (org_id, id, page, at, ref) values (?, ?, '/inbox', now(), ?)`,
    [of.id, newId(), ref],
  )
}

describe('deleting a person’s own account', () => {
  test('takes the person out of every organization and leaves what belongs to those', async () => {
    const other = await app.org()
    const maya = await org.person('agent')
    await as(other, `insert into memberships (org_id, user_id, role) values (?, ?, 'agent')`, [
      other.id,
      maya.id,
    ])
    for (const of_ of [org, other]) await worksIn(of_, maya)
    const { code } = await ask(maya)
    await run()
    expect((await findDeletion(app.on, code))?.state).toBe('purged')
    for (const of_ of [org, other]) {
      const [left] = await read(
        app.on,
        of_,
        `select (select count(*)::int from messages where org_id = :org) as messages,
                (select count(*)::int from messages m where m.org_id = :org and m.author_id is not null
                    and not exists (select from former_members f where f.org_id = :org and f.id = m.author_id)) as authored,
                (select count(*)::int from conversations where org_id = :org and assignee_id is not null) as assigned,
                (select count(*)::int from drafts where org_id = :org) as drafts,
                (select count(*)::int from usage_events where org_id = :org) as events,
                (select count(*)::int from memberships where org_id = :org) as members`,
      )
      expect(left).toEqual({
        messages: 1,
        authored: 0,
        assigned: 0,
        drafts: 0,
        events: 0,
        members: 1,
      })
    }
    const gone = await app.on.db.withSystem((tx) =>
      rows(tx, 'select id from users where id = ?', [maya.id]),
    )
    expect(gone).toEqual([])
  })

  test('is refused to the only owner of an organization, who is told what to do', async () => {
    await expect(ask(org.owner)).rejects.toMatchObject({
      status: 409,
      code: 'last_owner',
      message: expect.stringContaining('Make somebody else an owner first') as string,
    })
  })

  test('ends their sessions and nobody else’s', async () => {
    const maya = await org.person('agent')
    const session = (user: string): Promise<unknown> =>
      app.on.db.withSystem((tx) =>
        rows(
          tx,
          `insert into user_sessions (sid, sess, expire) values (?, ?, now() + interval '1 day')`,
          [newId(), JSON.stringify({ uid: user, org: org.id })],
        ),
      )
    await session(maya.id)
    await session(org.owner.id)
    await ask(maya)
    await run()
    const left = await app.on.db.withSystem((tx) =>
      rows<{ user_id: string }>(tx, 'select user_id from user_sessions where user_id = any(?)', [
        [maya.id, org.owner.id] as never,
      ]),
    )
    expect(left).toEqual([{ user_id: org.owner.id }])
  })
})
