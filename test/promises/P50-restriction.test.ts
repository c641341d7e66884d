import { OPERATOR } from '../../src/audit/audit.ts'
import { createContact } from '../../src/contacts/changes.ts'
import { listContacts } from '../../src/contacts/contacts.ts'
import { rows } from '../../src/db.ts'
import { lastSeq } from '../../src/feed/feed.ts'
import { newId } from '../../src/ids.ts'
import { changeConversation } from '../../src/inbox/conversations.ts'
import { importExport } from '../../src/privacy/import.ts'
import { sweepRetention } from '../../src/privacy/retention.ts'
import { KINDS, STOPS, type Kind } from '../../src/restrictions/gate.ts'
import { liftRestriction } from '../../src/restrictions/lift.ts'
import { recordNotice, recordObjection, type Ground } from '../../src/restrictions/restrictions.ts'
import { queueMessage } from '../../src/sending/outbox.ts'
import { useDesk } from '../support/desk.ts'
import { exportOf, linesOf } from '../support/exports.ts'
import { read } from '../support/inbound.ts'
import { agent } from '../support/inbox.ts'
import { member } from '../support/member.ts'
import type { Org } from '../support/org.ts'
import { program } from '../support/program.ts'
import { restrictSomebody, somebodyIn, theyWrite, type Case } from '../support/restricted.ts'

describe('P50 — what a person asked for is enforced by the machine', () => {
  const desk = useDesk()
  const DAY = 86_400_000

  const somebody = (org?: Org): Promise<Case> => somebodyIn(desk.app, org)
  const restrict = (one: Case, kind?: Kind, ground?: Ground) =>
    restrictSomebody(desk.app, one, kind, ground)
  const write = (one: Case, text: string): Promise<void> => theyWrite(desk.app, one, text)
  const CANARIES = /canary|1555777/i

  test('what waited to be sent fails at once, and nothing new is taken', async () => {
    const one = await somebody()
    const queued = await one.talk.say('before')
    await restrict(one)
    expect(await one.talk.message(queued.id)).toMatchObject({
      status: 'failed',
      error_code: 'contact_restricted',
    })
    await expect(one.talk.say('after')).rejects.toMatchObject({ code: 'contact_restricted' })
    const api = await program(desk.app, one.org)
    const body = { type: 'text', text: { body: 'by a program' } }
    const answers = [
      await api.send('POST', `/conversations/${one.talk.id}/messages`, body),
      await api.send('POST', '/messages', {
        ...body,
        connection_id: one.org.connection.id,
        to: one.talk.to,
      }),
    ]
    expect(answers.map(({ status, body: told }) => [status, told['code']])).toEqual([
      [422, 'contact_restricted'],
      [422, 'contact_restricted'],
    ])
    await desk.drained(one.talk)
    expect(desk.graph.calls).toEqual([])
  })

  test('a restriction made after a message was chosen, and before its post, stops the post', async () => {
    const one = await somebody()
    const [mine, later] = [await one.talk.say('chosen'), await one.talk.say('another')]
    // As another process commits it while this one holds the entries already.
    await desk.app.on.db.withTenant(one.org.id, (tx) =>
      rows(
        tx,
        `insert into restrictions (org_id, id, contact_id, kind, ground, road, since)
         values (?, ?, ?, 'restricted', 'wish', 'operator', now())`,
        [one.org.id, newId(), one.talk.contact],
      ),
    )
    await desk.drained(one.talk)
    await desk.drained(one.talk)
    expect(desk.graph.calls).toEqual([])
    for (const { id } of [mine, later])
      expect(await one.talk.outbox(id)).toMatchObject({
        state: 'done',
        error_code: 'contact_restricted',
      })
  })

  test('every page, every answer and every live fragment shows a stub, and no search finds them', async () => {
    const one = await somebody()
    await write(one, 'Canarytext')
    const [maya, owner] = [await agent(desk.app, one.org), await member(desk.app, one.org, 'admin')]
    await maya.post(`/inbox/${one.talk.id}/draft`, { text: 'Canarydraft' })
    const api = await program(desk.app, one.org)
    const [message] = await read<{ id: string; wamid: string }>(
      desk.app.on,
      one.org,
      'select id, wamid from messages where org_id = :org',
    )
    const pages = [
      '/inbox',
      `/inbox/${one.talk.id}`,
      '/inbox?q=canary',
      '/contacts',
      '/contacts?q=canaryname',
      `/contacts?q=${one.phone}`,
      `/contacts/${one.talk.contact}`,
    ]
    const calls = [
      '/contacts',
      '/contacts?q=canaryname',
      `/contacts/${one.talk.contact}`,
      '/conversations',
      `/conversations/${one.talk.id}`,
      `/conversations/${one.talk.id}/messages`,
      `/messages/${message?.id}`,
      `/messages?wamid=${message?.wamid}`,
    ]
    const everything = async (): Promise<string[]> => {
      const found: string[] = []
      for (const at of pages) {
        const { text } = await maya.get(at)
        if (CANARIES.test(text.replaceAll(/(value="|“<bdi>|q=)[^"<&]*/g, ''))) found.push(at)
      }
      for (const at of calls)
        if (CANARIES.test(JSON.stringify((await api.get(at)).body))) found.push(at)
      return found
    }
    // The premise: before, each of them tells something.
    expect(await everything()).toEqual([...pages, ...calls])
    const after = await desk.app.on.db.withTenant(one.org.id, (tx) => lastSeq(tx, one.org.id))
    const live = await maya.stream(`view=open&conversation=${one.talk.id}&after=${after}`)
    await restrict(one, 'restricted', 'accuracy')
    const said = await live.says('Kept, and nothing else')
    live.close()
    expect(said).not.toMatch(CANARIES)
    expect(await everything()).toEqual([])
    expect((await api.get(`/contacts/${one.talk.contact}`)).body).toMatchObject({
      restricted: true,
      name: null,
      phone: null,
    })
    expect((await api.get(`/contacts/${one.talk.contact}/export`)).status).toBe(422)
    const stub = await (await owner.get(`/contacts/${one.talk.contact}`)).text()
    for (const words of ['Canaryname', 'They say that the data are wrong', 'Lift the restriction'])
      expect(stub).toContain(words)
  })

  test('what they write is sealed, told to the admins, and shown when it is lifted after a notice', async () => {
    const one = await somebody()
    const { id } = await restrict(one)
    await write(one, 'Canaryfirst')
    await write(one, 'Canarysecond')
    const kept = await read<{ row: string }>(
      desk.app.on,
      one.org,
      `select w::text as row from withheld_messages w where org_id = :org`,
    )
    expect(kept).toHaveLength(2)
    expect(kept.map(({ row }) => row).join()).not.toMatch(/canaryfirst|canarysecond/i)
    expect(await read(desk.app.on, one.org, 'select 1 from messages where org_id = :org')).toEqual(
      [],
    )
    expect(
      await read(desk.app.on, one.org, `select kind from mail_outbox where org_id = :org`),
    ).toEqual([{ kind: 'withheld' }])

    const lift = () => liftRestriction(desk.app.on, one.org.id, { restriction: id, by: OPERATOR })
    await expect(lift()).rejects.toMatchObject({ code: 'tell_first' })
    await expect(
      desk.app.on.db.withTenant(one.org.id, (tx) =>
        rows(tx, 'update restrictions set lifted_at = now() where org_id = ?', [one.org.id]),
      ),
    ).rejects.toMatchObject({ constraint: 'restrictions_told' })
    await recordNotice(desk.app.on, one.org.id, { restriction: id, road: 'letter', by: OPERATOR })
    await lift()
    const maya = await agent(desk.app, one.org)
    const page = await maya.get(`/inbox/${one.talk.id}`)
    expect(page.text).toMatch(/Canaryfirst[^]*Canarysecond/)
    expect((await maya.get('/inbox')).text).toMatch(/2<span class="sr"> unread/)
    expect(
      await read(desk.app.on, one.org, 'select 1 from withheld_messages where org_id = :org'),
    ).toEqual([])
    expect(await one.talk.say('Welcome back')).toMatchObject({ status: 'queued' })
  })

  test('every kind forbids what it stands for and nothing else, at each door there is', async () => {
    const org = await desk.app.org()
    const campaign = async ({ talk }: Case): Promise<void> => {
      const { id } = await talk.say('an offer')
      await talk.outboxIs(id, 'lane = 1')
      await desk.drained(talk)
      if (!desk.graph.calls.some(({ ref }) => ref === id)) throw new Error('not posted')
    }
    const doors = {
      reply: ({ talk }: Case) => talk.say('hello'),
      automate: ({ talk }: Case) =>
        queueMessage(desk.app.on, org.id, {
          conversation: talk.id,
          body: { type: 'text', text: { body: 'beep' } },
          cause: { kind: 'api_key', key: newId() },
        }),
      market: campaign,
      search: async ({ talk, phone }: Case) => {
        const found = await desk.app.on.db.withTenant(org.id, (tx) =>
          listContacts(tx, org.id, { q: phone, limit: 10 }),
        )
        if (!found.some(({ id }) => id === talk.contact)) throw new Error('not found')
      },
      route: ({ talk }: Case) =>
        changeConversation(desk.app.on, org.id, talk.id, { assignee_id: org.owner.id }),
      hand_over: async ({ phone }: Case) => {
        const { files } = await exportOf(desk.app, { kind: 'org', org: org.id })
        const own = linesOf(files['data/contacts.jsonl']).filter(({ email }) => email !== null)
        const value = linesOf(files['data/contact_identities.jsonl']).find(
          (r) => r['value'] === phone,
        )
        if (!own.some(({ id }) => id === value?.['contact_id'])) throw new Error('not handed over')
      },
    }
    const FORBIDDEN: Partial<Record<Kind, string[]>> = {
      no_marketing: ['market'],
      no_automation: ['automate'],
      no_personalisation: [],
      no_usage: [],
    }
    for (const kind of KINDS) {
      const found: Record<string, boolean> = {}
      for (const [operation, door] of Object.entries(doors)) {
        const one = await somebody(org)
        await restrict(one, kind, kind === 'restricted' ? 'wish' : 'objection')
        found[operation] = await door(one).then(
          () => true,
          () => false,
        )
      }
      const refused = Object.keys(found).filter((operation) => !found[operation])
      expect([kind, refused]).toEqual([kind, FORBIDDEN[kind] ?? Object.keys(doors)])
    }
    expect(STOPS.restricted.size).toBeGreaterThan(Object.keys(doors).length)
  })

  test('retention leaves what is needed for a claim and says so; of others it takes what is due', async () => {
    const org = await desk.app.org()
    const [claims, wishes] = [await somebody(org), await somebody(org)]
    await write(claims, 'Canaryclaim')
    await write(wishes, 'Canarywish')
    await restrict(claims, 'restricted', 'claim')
    await restrict(wishes)
    await desk.app.on.db.withTenant(org.id, (tx) =>
      rows(tx, `insert into retention_settings (org_id, rule, days) values (?, 'messages', 30)`, [
        org.id,
      ]),
    )
    const swept = await sweepRetention(desk.app.on, new Date(Date.now() + 60 * DAY))
    expect(swept.held).toMatchObject({ messages: 1 })
    expect(await read(desk.app.on, org, 'select text from messages where org_id = :org')).toEqual([
      { text: 'Canaryclaim' },
    ])
  })

  test('it stays with the person: by every name, after an export and an import', async () => {
    const one = await somebody()
    await restrict(one)
    const other = await somebody(one.org)
    await recordObjection(desk.app.on, one.org.id, {
      contact: other.talk.contact,
      kind: 'no_marketing',
      road: 'chat',
      by: { kind: 'subject' },
    })
    // A number in another spelling is the same person, who is there already.
    await expect(
      createContact(desk.app.on, one.org.id, { name: 'Again', phone: `+${one.phone}` }),
    ).rejects.toMatchObject({ code: 'contact_exists' })
    const { file, files, about } = await exportOf(desk.app, { kind: 'org', org: one.org.id })
    expect(linesOf(files['data/conversations.jsonl'])).toHaveLength(1)
    expect(about.held_back).toEqual({ conversations: 1 })
    const fresh = await desk.app.org()
    await desk.app.on.db.withTenant(fresh.id, (tx) =>
      rows(tx, 'delete from connections where org_id = ?', [fresh.id]),
    )
    await importExport(desk.app.on, fresh.id, file)
    const [kinds, log] = await desk.app.on.db.withTenant(fresh.id, async (tx) => [
      await rows<{ kind: Kind; value: string }>(
        tx,
        `select r.kind, i.value from restrictions r
           join contact_identities i on i.org_id = r.org_id and i.contact_id = r.contact_id and i.kind = 'phone'
          where r.org_id = ? and r.lifted_at is null order by r.kind`,
        [fresh.id],
      ),
      await rows(tx, `select purpose, state, road from consents where org_id = ?`, [fresh.id]),
    ])
    expect(kinds).toEqual([
      { kind: 'no_marketing', value: other.phone },
      { kind: 'restricted', value: one.phone },
    ])
    expect(log).toEqual([{ purpose: 'marketing', state: 'withdrawn', road: 'chat' }])
  })
})
