import { SYSTEM } from '../../src/audit/audit.ts'
import { rows } from '../../src/db.ts'
import { advanceDue } from '../../src/deletions/advance.ts'
import { requestDeletion } from '../../src/deletions/request.ts'
import { arrive, read } from '../support/inbound.ts'
import { useDesk } from '../support/desk.ts'
import { messageOf, messagesBody, newCustomer } from '../support/meta.ts'
import type { Org } from '../support/org.ts'

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

  test('of a colleague who goes, what was written stays without saying by whom', async () => {
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
      'select author_id from messages where org_id = :org order by author_id nulls last',
    )
    expect(authors).toEqual([{ author_id: noor.id }, { author_id: null }])
    const people = await desk.app.on.db.withSystem((tx) =>
      rows(tx, 'select id from users where id = any(?)', [[maya.id, noor.id] as never]),
    )
    expect(people).toEqual([{ id: noor.id }])
  })
})
