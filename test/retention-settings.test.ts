import { rows } from '../src/db.ts'
import { newId } from '../src/ids.ts'
import { sweepRetention } from '../src/privacy/retention.ts'
import { startApp, type Running } from './support/app.ts'
import { member } from './support/member.ts'
import type { Org } from './support/org.ts'
import { talkWith, type Talk } from './support/program.ts'

const NOW = new Date('2026-11-24T12:00:00Z')
const DAY = 86_400_000
const ago = (days: number, ms = 0): Date => new Date(NOW.getTime() - days * DAY - ms)

let app: Running
beforeAll(async () => {
  app = await startApp({ workers: false, now: () => NOW })
})
afterAll(() => app.stop())

type Said = { at: Date; kind?: string; text?: string }

/** A customer's message of that moment, which is also the newest of its conversation. */
async function say(
  org: Org,
  talk: Talk,
  { at, kind = 'text', text = 'Hello' }: Said,
): Promise<string> {
  const id = newId()
  await app.on.db.withTenant(org.id, async (tx) => {
    await rows(
      tx,
      `insert into messages (org_id, id, conversation_id, direction, kind, text, wamid, status, created_at)
       values (?, ?, ?, 'in', ?, ?, ?, 'received', ?)`,
      [org.id, id, talk.conversation, kind, text, `wamid.${id}`, at],
    )
    await rows(
      tx,
      `update conversations set last_message_id = ?, last_message_preview = ?, last_message_direction = 'in', unread = 1
        where org_id = ? and id = ?`,
      [id, text, org.id, talk.conversation],
    )
  })
  return id
}

const messagesOf = (org: Org): Promise<string[]> =>
  app.on.db.withTenant(org.id, async (tx) =>
    (
      await rows<{ id: string }>(tx, 'select id from messages where org_id = ? order by id', [
        org.id,
      ])
    ).map(({ id }) => id),
  )

const setRules = (org: Org, rules: Record<string, number>): Promise<void> =>
  app.on.db.withTenant(org.id, async (tx) => {
    for (const [rule, days] of Object.entries(rules))
      await rows(tx, 'insert into retention_settings (org_id, rule, days) values (?, ?, ?)', [
        org.id,
        rule,
        days,
      ])
  })

const conversationOf = (org: Org, talk: Talk) =>
  app.on.db.withTenant(org.id, async (tx) => {
    const [found] = await rows<{ preview: string | null; last: string | null; unread: number }>(
      tx,
      `select last_message_preview as preview, last_message_id as last, unread from conversations
        where org_id = ? and id = ?`,
      [org.id, talk.conversation],
    )
    return found
  })

describe('messages', () => {
  test('go when they are older than the organization set, to the millisecond; nobody else loses any', async () => {
    const [strict, lax] = [await app.org(), await app.org()]
    await setRules(strict, { messages: 30 })
    const kept: string[] = []
    for (const org of [strict, lax]) {
      const talk = await talkWith(app, org)
      await say(org, talk, { at: ago(30, 1) })
      kept.push(await say(org, talk, { at: ago(30) }), await say(org, talk, { at: ago(30, -1) }))
    }
    const { counts } = await sweepRetention(app.on, NOW)
    expect(counts['messages']).toBe(1)
    expect(await messagesOf(strict)).toEqual(kept.slice(0, 2))
    expect(await messagesOf(lax)).toHaveLength(3)
    expect((await sweepRetention(app.on, NOW)).counts['messages']).toBe(0)
  })

  test('with a file may go earlier than words', async () => {
    const org = await app.org()
    await setRules(org, { media: 14, messages: 90 })
    const talk = await talkWith(app, org)
    await say(org, talk, { at: ago(20), kind: 'image' })
    await say(org, talk, { at: ago(100) })
    const [words, picture] = [
      await say(org, talk, { at: ago(20) }),
      await say(org, talk, { at: ago(13), kind: 'image' }),
    ]
    await sweepRetention(app.on, NOW)
    expect(await messagesOf(org)).toEqual([words, picture])
  })

  test('leave no word of theirs in the list, no report, and tell the pages', async () => {
    const org = await app.org()
    await setRules(org, { messages: 30, media: 14 })
    const [empty, mixed] = [await talkWith(app, org), await talkWith(app, org)]
    const gone = await say(org, empty, { at: ago(40), text: 'Forget this' })
    const words = await say(org, mixed, { at: ago(20), text: 'Still here' })
    await say(org, mixed, { at: ago(15), kind: 'image', text: 'A caption to forget' })
    await app.on.db.withTenant(org.id, (tx) =>
      rows(
        tx,
        `insert into message_events (org_id, wamid, status, rank, at, connection_id, received_at)
         values (?, ?, 'read', 60, ?, ?, ?)`,
        [org.id, `wamid.${gone}`, NOW, org.connection.id, NOW],
      ),
    )
    await sweepRetention(app.on, NOW)
    expect(await conversationOf(org, empty)).toEqual({ preview: null, last: null, unread: 0 })
    expect(await conversationOf(org, mixed)).toEqual({
      preview: 'Still here',
      last: words,
      unread: 1,
    })
    const left = await app.on.db.withTenant(org.id, (tx) =>
      rows<{ events: number; told: number }>(
        tx,
        `select (select count(*)::int from message_events where org_id = :org) as events,
                (select count(*)::int from feed where org_id = :org and kind = 'conversation.updated'
                    and ref_id = any(:talks)) as told`,
        { org: org.id, talks: [empty.conversation, mixed.conversation] },
      ),
    )
    expect(left).toEqual([{ events: 0, told: 2 }])
    const page = await (await member(app, org, 'agent')).get(`/inbox/${empty.conversation}`)
    expect([page.status, (await page.text()).includes('Forget this')]).toEqual([200, false])
  })

  test('on the wire at this moment stay until their outcome is known', async () => {
    const org = await app.org()
    await setRules(org, { messages: 30 })
    const talk = await talkWith(app, org)
    const id = newId()
    await app.on.db.withTenant(org.id, async (tx) => {
      await rows(
        tx,
        `insert into messages (org_id, id, conversation_id, direction, kind, status, rank, created_at)
         values (?, ?, ?, 'out', 'text', 'sending', 5, ?)`,
        [org.id, id, talk.conversation, ago(40)],
      )
      await rows(
        tx,
        `insert into routing_decisions (org_id, message_id, kind, because, at) values (?, ?, 'agent', 'Written by hand.', now())`,
        [org.id, id],
      )
      await rows(
        tx,
        `insert into outbox (org_id, message_id, conversation_id, connection_id, state, body)
         values (?, ?, ?, ?, 'posting', '{}')`,
        [org.id, id, talk.conversation, org.connection.id],
      )
    })
    await sweepRetention(app.on, NOW)
    expect(await messagesOf(org)).toEqual([id])
    await app.on.db.withTenant(org.id, (tx) =>
      rows(tx, `update outbox set state = 'unknown' where org_id = ?`, [org.id]),
    )
    await sweepRetention(app.on, NOW)
    expect(await messagesOf(org)).toEqual([])
  })

  test('more than a batch of them go in one sweep', async () => {
    const org = await app.org()
    await setRules(org, { messages: 30 })
    const talk = await talkWith(app, org)
    await app.on.db.withTenant(org.id, (tx) =>
      rows(
        tx,
        `insert into messages (org_id, id, conversation_id, direction, kind, wamid, status, created_at)
         select ?, gen_random_uuid(), ?, 'in', 'text', 'w' || n, 'received', ? from generate_series(1, 2100) n`,
        [org.id, talk.conversation, ago(31)],
      ),
    )
    expect((await sweepRetention(app.on, NOW)).counts['messages']).toBe(2_100)
    expect(await messagesOf(org)).toEqual([])
  })
})

describe('an admin', () => {
  const post = '/settings/privacy/retention'
  const rulesOf = (org: Org) =>
    app.on.db.withTenant(org.id, (tx) =>
      rows(tx, 'select rule, days from retention_settings where org_id = ? order by rule', [
        org.id,
      ]),
    )

  test('is asked twice when messages would stay shorter, and told how many go tonight', async () => {
    const org = await app.org()
    const admin = await member(app, org, 'admin')
    const talk = await talkWith(app, org)
    // At noon it is not 90 days old yet, at three in the night it is.
    for (const days of [100, 89.5, 80]) await say(org, talk, { at: ago(days) })
    const asked = await admin.post(post, { messages: '90', media: '' })
    const page = await asked.text()
    expect(page).toMatch(/would delete <b>2 messages<\/b> tonight/)
    expect(await rulesOf(org)).toEqual([])
    expect(await messagesOf(org)).toHaveLength(3)

    const kept = await admin.post(post, { messages: '90', media: '', sure: '1' })
    expect([kept.status, kept.headers.get('location')]).toEqual([303, '/settings/privacy?saved=1'])
    expect(await rulesOf(org)).toEqual([{ rule: 'messages', days: 90 }])
    await sweepRetention(app.on, new Date('2026-11-25T03:00:00Z'))
    expect(await messagesOf(org)).toHaveLength(1)
  })

  test('makes it longer at once, and nothing comes back', async () => {
    const org = await app.org()
    const admin = await member(app, org, 'admin')
    await setRules(org, { messages: 30, media: 14 })
    expect((await admin.post(post, { messages: '365', media: '' })).status).toBe(303)
    expect(await rulesOf(org)).toEqual([{ rule: 'messages', days: 365 }])
    expect(await (await admin.get('/settings/privacy')).text()).toContain('value="365"')
  })

  test.each([
    [{ messages: '29', media: '' }, 'Between 30 and 3650 days'],
    [{ messages: '3651', media: '' }, 'Between 30 and 3650 days'],
    [{ messages: '', media: '13' }, 'Between 14 and 3650 days'],
    [{ messages: 'soon', media: '' }, 'Enter a number of days'],
  ])('is refused %j, also when sure', async (form, words) => {
    const org = await app.org()
    const admin = await member(app, org, 'admin')
    const answer = await admin.post(post, { ...form, sure: '1' })
    expect(answer.status).toBe(422)
    expect(await answer.text()).toContain(words)
    expect(await rulesOf(org)).toEqual([])
  })
})
