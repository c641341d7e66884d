import { OPERATOR } from '../../src/audit/audit.ts'
import { changeContact } from '../../src/contacts/changes.ts'
import { getContact } from '../../src/contacts/contacts.ts'
import { correctContact, denyCorrection } from '../../src/contacts/corrections.ts'
import { rows } from '../../src/db.ts'
import { newId } from '../../src/ids.ts'
import { noteCorrection } from '../../src/messages/correcting.ts'
import { startApp, type Running } from '../support/app.ts'
import { exportOf } from '../support/exports.ts'
import { read } from '../support/inbound.ts'
import { agent } from '../support/inbox.ts'
import { member } from '../support/member.ts'
import { program } from '../support/program.ts'
import { somebodyIn, theyWrite, type Case } from '../support/restricted.ts'

describe('P48 — a correction reaches every copy', () => {
  let app: Running
  let one: Case
  beforeAll(async () => {
    app = await startApp({ workers: false })
  })
  beforeEach(async () => {
    one = await somebodyIn(app)
  })
  afterAll(() => app.stop())
  const nameOf = async (): Promise<string | null | undefined> =>
    (await app.on.db.withTenant(one.org.id, (tx) => getContact(tx, one.org.id, one.talk.contact)))
      ?.name
  const correct = (name: string) =>
    correctContact(app.on, one.org.id, {
      contact: one.talk.contact,
      change: { name },
      by: OPERATOR,
    })

  test('the next message with another profile name keeps what a person said, also when it was WhatsApp’s own', async () => {
    await app.on.db.withTenant(one.org.id, (tx) =>
      rows(tx, `update contacts set profile_name = 'Canaryname', sources = '{}' where org_id = ?`, [
        one.org.id,
      ]),
    )
    await correct('Canaryname')
    await theyWrite(app, one, 'Hello')
    expect(await nameOf()).toBe('Canaryname')
    await correct('Rightname')
    await theyWrite(app, one, 'Hello again')
    expect(await nameOf()).toBe('Rightname')
  })

  test('a colleague does not replace the person’s own word, and the person does', async () => {
    await correct('Rightname')
    await expect(
      changeContact(app.on, one.org.id, one.talk.contact, { name: 'Agentname' }),
    ).rejects.toMatchObject({ code: 'corrected_by_person' })
    await correct('Righter')
    expect(await nameOf()).toBe('Righter')
  })

  test('the earlier value is in no list, search or answer, and those who had it are told', async () => {
    const api = await program(app, one.org)
    await api.get(`/contacts/${one.talk.contact}`)
    const running = newId()
    await app.on.db.withTenant(one.org.id, (tx) =>
      rows(
        tx,
        `insert into exports (id, org_id, kind, subject_id, requested_by, state, expires_at)
         values (?, ?, 'org', ?, ?, 'running', now() + interval '1 day')`,
        [running, one.org.id, one.org.id, one.org.owner.id],
      ),
    )
    await correct('Rightname')
    const maya = await agent(app, one.org)
    for (const at of [
      '/contacts',
      '/inbox',
      `/inbox/${one.talk.id}`,
      `/contacts/${one.talk.contact}`,
    ])
      expect((await maya.get(at)).text).not.toContain('Canaryname')
    expect((await maya.get('/contacts?q=canaryname')).text).toContain('nobody-found')
    expect((await maya.get('/contacts?q=rightname')).text).toContain(one.talk.contact)
    const told = await read(
      app.on,
      one.org,
      `select kind from feed where org_id = :org and kind = 'contact.updated' and ref_id = '${one.talk.contact}'`,
    )
    expect(told).toHaveLength(1)
    expect(await read(app.on, one.org, `select state from exports where org_id = :org`)).toEqual([
      { state: 'pending' },
    ])
    const kept = await read<{ recipients: { kind: string }[] }>(
      app.on,
      one.org,
      'select recipients from contact_corrections where org_id = :org',
    )
    expect(kept.flatMap(({ recipients }) => recipients.map(({ kind }) => kind))).toEqual([
      'api_key',
    ])
  })

  test('what was said stays, with what is right beside it in the thread, answers and exports', async () => {
    await theyWrite(app, one, 'I live in Wrongstreet')
    const [message] = await read<{ id: string }>(
      app.on,
      one.org,
      'select id from messages where org_id = :org',
    )
    const id = message?.id ?? ''
    await noteCorrection(app.on, one.org.id, { message: id, text: 'Rightstreet', by: OPERATOR })
    const page = (await (await agent(app, one.org)).get(`/inbox/${one.talk.id}`)).text
    expect(page).toMatch(/Wrongstreet[^]*Correction of[^]*Rightstreet/)
    const api = await program(app, one.org)
    expect((await api.get(`/messages/${id}`)).body).toMatchObject({
      text: 'I live in Wrongstreet',
      corrections: [{ text: 'Rightstreet' }],
    })
    const { files } = await exportOf(app, {
      kind: 'contact',
      org: one.org.id,
      id: one.talk.contact,
    })
    expect(files['data/message_corrections.jsonl']).toContain('Rightstreet')
  })

  test('where it is not corrected, what the person says stands beside the value', async () => {
    await denyCorrection(app.on, one.org.id, {
      contact: one.talk.contact,
      field: 'email',
      statement: 'That address is my brother’s',
      by: OPERATOR,
    })
    const admin = await member(app, one.org, 'admin')
    const page = await (await admin.get(`/contacts/${one.talk.contact}`)).text()
    expect(page).toContain('That address is my brother’s')
    const { files } = await exportOf(app, {
      kind: 'contact',
      org: one.org.id,
      id: one.talk.contact,
    })
    expect(files['data/contact_corrections.jsonl']).toContain('my brother’s')
  })
})
