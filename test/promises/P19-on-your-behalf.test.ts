import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { revokeApiKey } from '../../src/accounts/api-keys.ts'
import { byPerson } from '../../src/audit/audit.ts'
import { constraintOf, rows, type Tx } from '../../src/db.ts'
import { newId } from '../../src/ids.ts'
import { restrictContact } from '../../src/restrictions/restrictions.ts'
import { ROOT } from '../../src/root.ts'
import { useDesk } from '../support/desk.ts'
import { arrive } from '../support/inbound.ts'
import { messageOf, messagesBody, newCustomer } from '../support/meta.ts'
import type { Org } from '../support/org.ts'
import { program, type Program } from '../support/program.ts'
import { signInAs } from '../support/sign-in.ts'
import { openTalk, type Talk } from '../support/talk.ts'
import { until } from '../support/until.ts'
import { visit, type Visitor } from '../support/visitor.ts'

jest.setTimeout(60_000)

type Kept = { kind: string; because: string; actor_id: string | null; cause_id: string | null }

describe('P19 — on your behalf', () => {
  const desk = useDesk()
  let org: Org
  let talk: Talk
  let agent: Visitor
  let shop: Program
  beforeEach(async () => {
    org = await desk.app.org()
    talk = await openTalk(desk.app.on, org)
    agent = visit(desk.app, { cookie: await signInAs(desk.app.on, org, org.owner) })
    shop = await program(desk.app, org)
  })

  const inOrg = <T>(run: (tx: Tx) => Promise<T>): Promise<T> =>
    desk.app.on.db.withTenant(org.id, run)
  const decisions = (): Promise<(Kept & { message_id: string })[]> =>
    inOrg((tx) =>
      rows(
        tx,
        'select message_id, kind, because, actor_id, cause_id from routing_decisions where org_id = ?',
        [org.id],
      ),
    )
  const replyByHand = (text: string): Promise<unknown> =>
    agent.post(`/inbox/${talk.id}/messages`, { text })
  const sendByProgram = async (body: object): Promise<string> => {
    const answer = await shop.send('POST', `/conversations/${talk.id}/messages`, body)
    expect(answer.status).toBe(202)
    return String(answer.body['id'])
  }
  const TEMPLATE = { type: 'template', template: { name: 'hello', language: { code: 'en' } } }

  test('every message that reaches WhatsApp was asked for by a person or a program, and it is kept by which', async () => {
    desk.graph.script({ code: 131026 })
    await replyByHand('by hand')
    await desk.drained(talk)
    const failed = desk.graph.calls[0]?.ref ?? ''
    await agent.post(`/inbox/${talk.id}/messages/${failed}/retry`)
    await sendByProgram({ type: 'text', text: { body: 'by program' } })
    await sendByProgram(TEMPLATE)
    await shop.send('POST', '/messages', {
      connection_id: org.connection.id,
      to: '+5511987654321',
      ...TEMPLATE,
    })
    await until(async () => {
      await desk.drained(talk)
      return desk.graph.calls.length === 5
    })
    const kept = new Map((await decisions()).map((decision) => [decision.message_id, decision]))
    const [key] = await inOrg((tx) =>
      rows<{ id: string }>(tx, 'select id from api_keys where org_id = ?', [org.id]),
    )
    const person = { kind: 'agent', actor_id: org.owner.id, cause_id: null }
    const byKey = { kind: 'api_key', actor_id: null, cause_id: key?.id }
    const causes = (text: RegExp): unknown[] =>
      desk.graph.calls.flatMap((call) => (text.test(call.text) ? [kept.get(call.ref)] : []))
    expect(causes(/by hand/)).toMatchObject([
      { ...person, because: expect.stringContaining('pressed Send') as string },
      { ...person, because: expect.stringContaining('again after it had failed') as string },
    ])
    expect(causes(/by program|^$/)).toMatchObject([byKey, byKey, byKey])
  })

  test('whatever customers write, nothing goes out that nobody asked for', async () => {
    const ana = newCustomer()
    for (const words of ['Hello?', 'STOP', 'Are you open today?'])
      await arrive(desk.app.on, org, messagesBody(org.connection, ana, messageOf(ana, words)))
    await desk.drained(talk)
    expect(await decisions()).toEqual([])
    expect(desk.graph.calls).toEqual([])
  })

  const messageOut = async (tx: Tx): Promise<string> => {
    const id = newId()
    await rows(
      tx,
      `insert into messages (org_id, id, conversation_id, direction, kind, text, status, rank, created_at)
       values (?, ?, ?, 'out', 'text', 'Thank you for your message', 'queued', 0, now())`,
      [org.id, id, talk.id],
    )
    return id
  }
  const toOutbox = (tx: Tx, message: string): Promise<unknown> =>
    rows(
      tx,
      `insert into outbox (org_id, message_id, conversation_id, connection_id, body)
       values (?, ?, ?, ?, '{"type":"text","text":{"body":"Thank you for your message"}}')`,
      [org.id, message, talk.id, org.connection.id],
    )
  const byRule = (tx: Tx, message: string, version: number | null): Promise<unknown> =>
    rows(
      tx,
      `insert into routing_decisions (org_id, message_id, kind, cause_id, cause_version, because, at)
       values (?, ?, 'rule', ?, ?, 'The message came outside the hours of the rule “Closed”.', now())`,
      [org.id, message, newId(), version],
    )

  test('a reply that something sends by itself is refused by the database as long as it names no cause', async () => {
    const silent = inOrg(async (tx) => toOutbox(tx, await messageOut(tx)))
    expect(await silent.catch(constraintOf)).toBe('outbox_cause')
    const vague = inOrg(async (tx) => byRule(tx, await messageOut(tx), null))
    expect(await vague.catch(constraintOf)).toMatch(/^routing_decisions_/)
    await desk.drained(talk)
    expect(desk.graph.calls).toEqual([])
  })

  test('the reason stands as it was given, in the version that was followed', async () => {
    const message = await inOrg(async (tx) => {
      const id = await messageOut(tx)
      await byRule(tx, id, 3)
      return id
    })
    const page = await agent.get(`/inbox/${talk.id}/messages/${message}/why`)
    expect(page.text).toContain('The message came outside the hours of the rule “Closed”.')
    expect(page.text).toContain('A rule of the organization, version 3')
    for (const change of [`because = 'Another reason'`, 'cause_version = 4', `kind = 'agent'`])
      await expect(
        inOrg((tx) =>
          rows(tx, `update routing_decisions set ${change} where org_id = ?`, [org.id]),
        ),
      ).rejects.toMatchObject({ code: '23514' })
  })

  test('a page says why, by whom and when, to colleagues and to nobody else', async () => {
    await replyByHand('Two are left')
    const message = await sendByProgram({ type: 'text', text: { body: 'Your order is packed' } })
    const thread = (await agent.get(`/inbox/${talk.id}`)).text
    expect(thread).toContain('API key “Test”')
    const links = [...thread.matchAll(/href="(\/inbox\/[^"]+\/why)"/g)].map(([, at]) => at ?? '')
    expect(links).toHaveLength(2)
    const byHand = links.find((at) => !at.includes(message)) ?? ''
    const byKey = `/inbox/${talk.id}/messages/${message}/why`
    expect((await agent.get(byHand)).text).toMatch(/pressed Send[^]*id="asked-by"><bdi>Test owner/)
    expect((await agent.get(byKey)).text).toContain('The API key “Test” (…')
    const [key] = await inOrg((tx) =>
      rows<{ id: string }>(tx, 'select id from api_keys where org_id = ?', [org.id]),
    )
    await revokeApiKey(desk.app.on, org.id, key?.id ?? '', byPerson(actor()))
    expect((await agent.get(byKey)).text).toContain('The API key “Test” (…')
    const other = await desk.app.org()
    const cookie = await signInAs(desk.app.on, other, other.owner)
    expect((await visit(desk.app, { cookie }).get(byKey)).status).toBe(404)
  })

  const actor = (): Parameters<typeof byPerson>[0] => ({ user: org.owner.id, source: {} }) as never

  test('what waits to be sent stays unsent once the organization is being erased', async () => {
    await replyByHand('Never mind')
    await desk.app.on.db.withSystem((tx) =>
      rows(tx, `update organizations set status = 'purging' where org_id = ?`, [org.id]),
    )
    await expect(desk.drained(talk)).rejects.toMatchObject({ code: '42501' })
    expect(desk.graph.calls).toEqual([])
  })

  test('what waits to be sent to a contact who had their data restricted is never posted', async () => {
    await replyByHand('Never mind')
    await restrictContact(desk.app.on, org.id, {
      contact: talk.contact,
      kind: 'restricted',
      ground: 'claim',
      road: 'agent',
      by: { kind: 'user', id: org.owner.id },
    })
    await desk.drained(talk)
    expect(desk.graph.calls).toEqual([])
  })

  test('one place posts messages and one fills the outbox, and whoever asks them says for whom', () => {
    const found = (pattern: RegExp): string[] =>
      sources().filter((file) => pattern.test(readFileSync(path.join(ROOT, file), 'utf8')))
    expect(found(/`\/\$\{[^`]*\}\/messages`/)).toEqual(['src/sending/post.ts'])
    expect(found(/insert into outbox/)).toEqual(['src/sending/store.ts'])
    // What answers by a rule that an admin approved stores with its rule and version.
    expect(
      found(/from '(\.\.\/sending|\.)\/store\.ts'/).filter(
        (file) => !file.startsWith('src/messages'),
      ),
    ).toEqual(['src/rights/ways.ts', 'src/sending/outbox.ts'])
    expect(found(/import \{[^}]*\b(queue|retry)Message\b/)).toEqual([
      'src/api/messages.ts',
      // The invented organization that is deleted each week to see that nothing is left.
      'src/canary/settle.ts',
      'src/messages/routes.ts',
      'src/templates/picker-routes.ts',
    ])
  })

  const sources = (): string[] =>
    readdirSync(path.join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
      .map((file) => `src/${file}`)
      .filter((file) => file.endsWith('.ts') && !file.startsWith('src/sandbox/'))
      .toSorted()
})
