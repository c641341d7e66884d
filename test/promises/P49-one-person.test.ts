import { readdir } from 'node:fs/promises'
import { audit, byPerson, SYSTEM } from '../../src/audit/audit.ts'
import { listAudit } from '../../src/audit/log.ts'
import { rows } from '../../src/db.ts'
import { advanceDue } from '../../src/deletions/advance.ts'
import { requestDeletion } from '../../src/deletions/request.ts'
import { Collision } from '../../src/messages/collision.ts'
import { thread } from '../../src/messages/messages.ts'
import { advanceExport, requestExport } from '../../src/privacy/exports.ts'
import { folderOf } from '../../src/privacy/export-place.ts'
import { claim } from '../../src/sending/claim.ts'
import { post } from '../../src/sending/post.ts'
import { useDesk } from '../support/desk.ts'
import { exportOf, linesOf, watchedDoors } from '../support/exports.ts'
import { arrive, read } from '../support/inbound.ts'
import { messageOf, messagesBody, newCustomer } from '../support/meta.ts'
import type { Org } from '../support/org.ts'
import { until } from '../support/until.ts'

const desk = useDesk()

/** Everything an organization keeps of anybody on WhatsApp, as one text. */
async function picture(org: Org): Promise<string> {
  const parts = await Promise.all(
    ['contacts', 'contact_identities', 'conversations', 'messages', 'message_events', 'outbox'].map(
      (table) =>
        read<{ all: string | null }>(
          desk.app.on,
          org,
          `select string_agg(t::text, '|' order by t::text) as all from ${table} t where org_id = :org`,
        ),
    ),
  )
  return JSON.stringify(parts)
}

async function erase(org: string, subject: string): Promise<void> {
  await requestDeletion(desk.app.on, {
    kind: 'contact',
    org,
    subject,
    road: 'agent',
    by: SYSTEM,
  })
  expect((await advanceDue(desk.app.on, { now: desk.app.on.now() })).failed).toEqual([])
}

/** As `erase`, cut off once the fence stands; what it answers lets the next process go on to the end. */
async function fence(org: string, subject: string): Promise<() => Promise<void>> {
  const cut = new AbortController()
  await requestDeletion(desk.app.on, { kind: 'contact', org, subject, road: 'agent', by: SYSTEM })
  const { purged } = await advanceDue(desk.app.on, {
    now: desk.app.on.now(),
    signal: cut.signal,
    observe: (at) => {
      if (at === 'fence ended') cut.abort()
    },
  })
  expect(purged).toEqual([])
  return async () => {
    await desk.app.on.db.withSystem((tx) =>
      rows(tx, 'update deletions set lease_until = null where subject_id = ?', [subject]),
    )
    const done = await advanceDue(desk.app.on, { now: desk.app.on.now() })
    expect([done.purged.length, done.failed]).toEqual([1, []])
  }
}

const wire = { timeoutMs: 5_000, wrote: () => undefined }
const later = (): Record<string, unknown> => ({
  timestamp: String(Math.ceil(Date.now() / 1_000) + 2),
})
const orgOf = async (id: string): Promise<Org> => ({ ...(await desk.app.org()), id })

describe('P49 — one person is erased, and the rest stays whole', () => {
  test('another organization that knows the same number is unchanged, byte for byte', async () => {
    const [org, other] = [await desk.app.org(), await desk.app.org()]
    const ana = newCustomer()
    for (const one of [org, other])
      await arrive(desk.app.on, one, messagesBody(one.connection, ana, messageOf(ana, 'Hello')))
    const before = await picture(other)
    const [found] = await read<{ id: string }>(
      desk.app.on,
      org,
      'select id from contacts where org_id = :org',
    )
    await erase(org.id, found?.id ?? '')
    expect(await picture(other)).toBe(before)
  })

  test('what waits to be sent to them is not sent', async () => {
    const talk = await desk.talk()
    await talk.say('on its way')
    await erase(talk.bell.org, talk.contact)
    await desk.drained(talk)
    expect(desk.graph.calls).toEqual([])
  })

  test('what Meta took a moment before leaves nothing behind when its answer comes', async () => {
    const talk = await desk.talk()
    await talk.say('in flight')
    let answer = (): void => undefined
    desk.graph.script({ wait: new Promise<void>((resolve) => (answer = resolve)) })
    await desk.sender.drain(talk.bell)
    await erase(talk.bell.org, talk.contact)
    answer()
    await desk.sender.settlePosts(10_000)
    const nobody = await desk.app.org()
    expect(await picture({ ...nobody, id: talk.bell.org })).toBe(await picture(nobody))
  })

  test('what a worker took a moment before the erasure is looked at again, and not sent', async () => {
    const talk = await desk.talk()
    await talk.say('claimed')
    const [entry] = await claim(desk.app.on, talk.bell, 1, 'a worker')
    if (!entry) throw new Error('nothing was claimed')
    const finish = await fence(talk.bell.org, talk.contact)
    expect(await post(desk.app.on, entry, wire)).toMatchObject({ verdict: 'lost' })
    await desk.app.on.db.withTenant(talk.bell.org, (tx) =>
      rows(tx, `update outbox set state = 'pending' where org_id = ?`, [talk.bell.org]),
    )
    expect(await claim(desk.app.on, talk.bell, 1, 'another')).toEqual([])
    await finish()
    expect(desk.graph.calls).toEqual([])
  })

  test('the id that Meta answers once the erasure has begun is not stored', async () => {
    const talk = await desk.talk()
    await talk.say('in flight')
    let answer = (): void => undefined
    desk.graph.script({ wait: new Promise<void>((resolve) => (answer = resolve)) })
    await desk.sender.drain(talk.bell)
    await until(() => desk.graph.calls.length === 1)
    const finish = await fence(talk.bell.org, talk.contact)
    answer()
    await desk.sender.settlePosts(10_000)
    const org = await orgOf(talk.bell.org)
    const kept = await read(
      desk.app.on,
      org,
      `select m.wamid, o.state from messages m join outbox o on o.org_id = m.org_id and o.message_id = m.id
        where m.org_id = :org`,
    )
    expect(kept).toEqual([{ wamid: null, state: 'posting' }])
    await finish()
    expect(await picture(org)).toBe(await picture(await desk.app.org()))
  })

  test('what waited in the queue from before is dropped, and who writes meanwhile is somebody new', async () => {
    const org = await desk.app.org()
    const ana = newCustomer()
    const said = (text: string, more = {}) =>
      messagesBody(org.connection, ana, messageOf(ana, text, more))
    await arrive(desk.app.on, org, said('Hello'))
    const [old] = await read<{ id: string }>(
      desk.app.on,
      org,
      'select id from contacts where org_id = :org',
    )
    const finish = await fence(org.id, old?.id ?? '')
    await arrive(desk.app.on, org, said('from before'), said('again', later()))
    await finish()
    const found = await read<{ text: string; contact_id: string }>(
      desk.app.on,
      org,
      `select m.text, c.contact_id from messages m join conversations c on c.org_id = m.org_id and c.id = m.conversation_id
        where m.org_id = :org`,
    )
    expect(found).toMatchObject([{ text: 'again' }])
    expect(found[0]?.contact_id).not.toBe(old?.id)
  })

  test('a set that knew the person before the fence stood is not stored under them', async () => {
    const org = await desk.app.org()
    const ana = newCustomer()
    await arrive(desk.app.on, org, messagesBody(org.connection, ana, messageOf(ana, 'Hello')))
    await desk.app.on.db.withTenant(org.id, (tx) =>
      rows(tx, 'update contacts set erasing_at = now() where org_id = ?', [org.id]),
    )
    const before = await picture(org)
    const late = messagesBody(org.connection, ana, messageOf(ana, 'again', later()))
    await expect(arrive(desk.app.on, org, late)).rejects.toBeInstanceOf(Collision)
    expect(await picture(org)).toBe(before)
  })

  test('an export that is being made meanwhile ends, says why, and leaves no file', async () => {
    const org = await desk.app.org()
    const ana = newCustomer()
    await arrive(desk.app.on, org, messagesBody(org.connection, ana, messageOf(ana, 'Hello')))
    const [contact] = await read<{ id: string }>(
      desk.app.on,
      org,
      'select id from contacts where org_id = :org',
    )
    const id = await requestExport(desk.app.on, { kind: 'org', org: org.id }, org.owner.id)
    let doors = 0
    const db = watchedDoors(desk.app.on.db, async () => {
      doors += 1
      if (doors === 30) await erase(org.id, contact?.id ?? '')
    })
    await advanceExport({ ...desk.app.on, db }, id)
    expect(doors).toBeGreaterThanOrEqual(30)
    expect(await read(desk.app.on, org, 'select state from exports where org_id = :org')).toEqual([
      { state: 'superseded' },
    ])
    const files = await readdir(folderOf(desk.app.on), { recursive: true })
    expect(files.filter((name) => name.includes(id))).toEqual([])
  })

  test('of a colleague who goes, what was written stays under a label that says nothing', async () => {
    const org = await desk.app.org()
    const [maya, noor] = [await org.person('agent'), await org.person('agent')]
    for (const { id } of [maya, noor]) {
      const ana = newCustomer()
      await arrive(desk.app.on, org, messagesBody(org.connection, ana, messageOf(ana, 'Hello')))
      await desk.app.on.db.withTenant(org.id, (tx) =>
        rows(tx, 'update messages set author_id = ? where org_id = ? and author_id is null', [
          id,
          org.id,
        ]),
      )
    }
    await requestDeletion(desk.app.on, { kind: 'user', subject: maya.id, road: 'self', by: SYSTEM })
    expect((await advanceDue(desk.app.on, { now: desk.app.on.now() })).failed).toEqual([])
    const authors = await read<{ author_id: string | null }>(
      desk.app.on,
      org,
      'select author_id from messages where org_id = :org',
    )
    expect(authors.map(({ author_id }) => author_id)).toContain(noor.id)
    expect(authors.map(({ author_id }) => author_id)).not.toContain(maya.id)
    const people = await desk.app.on.db.withSystem((tx) =>
      rows(tx, 'select id from users where id = any(?)', [[maya.id, noor.id] as never]),
    )
    expect(people).toEqual([{ id: noor.id }])
  })

  test('the label is another one in each organization, in threads, in the log and in exports', async () => {
    const [org, other] = [await desk.app.org(), await desk.app.org()]
    const maya = await org.person('agent')
    const conversations = new Map<Org, string>()
    for (const one of [org, other]) {
      const ana = newCustomer()
      await arrive(desk.app.on, one, messagesBody(one.connection, ana, messageOf(ana, 'Hello')))
      await desk.app.on.db.withTenant(one.id, async (tx) => {
        await rows(
          tx,
          `insert into memberships (org_id, user_id, role) values (?, ?, 'agent') on conflict do nothing`,
          [one.id, maya.id],
        )
        const [message] = await rows<{ conversation_id: string }>(
          tx,
          'update messages set author_id = ? where org_id = ? returning conversation_id',
          [maya.id, one.id],
        )
        conversations.set(one, message?.conversation_id ?? '')
        await audit(tx, one.id, { actor: byPerson({ user: maya.id }), action: 'sign_in.ok' })
      })
    }
    await requestDeletion(desk.app.on, { kind: 'user', subject: maya.id, road: 'self', by: SYSTEM })
    expect((await advanceDue(desk.app.on, { now: desk.app.on.now() })).failed).toEqual([])

    const labels = []
    for (const [one, conversation] of conversations) {
      const [shown, told] = await desk.app.on.db.withTenant(one.id, async (tx) => [
        await thread(tx, one.id, conversation, { limit: 5 }),
        await listAudit(tx, one.id, { action: 'sign_in.ok', limit: 5 }),
      ])
      const name = shown[0]?.author_name ?? ''
      expect(name).toMatch(/^former member [0-9A-F]{4}$/)
      expect(told.map(({ actor_name }) => actor_name)).toEqual([name])
      const { files } = await exportOf(desk.app, { kind: 'org', org: one.id })
      const [former] = linesOf(files['data/former_members.jsonl'])
      expect(`former member ${String(former?.['label'])}`).toBe(name)
      expect(linesOf(files['data/messages.jsonl']).map((row) => row['author_id'])).toEqual([
        former?.['id'],
      ])
      labels.push(name)
    }
    expect(new Set(labels).size).toBe(2)
  })
})
