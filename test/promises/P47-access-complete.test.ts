import { rows } from '../../src/db.ts'
import { newId } from '../../src/ids.ts'
import { startApp, type Running } from '../support/app.ts'
import { exportOf } from '../support/exports.ts'
import { read } from '../support/inbound.ts'
import { member } from '../support/member.ts'
import { somebodyIn, theyWrite, type Case } from '../support/restricted.ts'

describe('P47 — everything that is held, in plain words', () => {
  let app: Running
  let one: Case
  let page: string
  let file: string
  beforeAll(async () => {
    app = await startApp({ workers: false })
    one = await somebodyIn(app)
    const { org, talk } = one
    await theyWrite(app, one, 'Canarytext of theirs')
    await talk.say('Canaryanswer of ours')
    const neighbour = await somebodyIn(app, org)
    await app.on.db.withTenant(org.id, async (tx) => {
      await rows(tx, `update contacts set name = 'Neighbourname' where org_id = ? and id = ?`, [
        org.id,
        neighbour.talk.contact,
      ])
      await rows(
        tx,
        `insert into messages (org_id, id, conversation_id, direction, kind, payload, wamid, status, created_at)
         values (?, ?, ?, 'in', 'contacts', ?::jsonb, 'wamid.card', 'received', now())`,
        [
          org.id,
          newId(),
          talk.id,
          JSON.stringify({
            contacts: [{ name: { formatted_name: 'Strangercard' }, phones: [{ phone: '+1999' }] }],
          }),
        ],
      )
      await rows(
        tx,
        `insert into drafts (org_id, conversation_id, user_id, text) values (?, ?, ?, 'Canarydraft about them')`,
        [org.id, talk.id, org.owner.id],
      )
    })
    await theyWrite(app, neighbour, 'Neighbourtext')
    const admin = await member(app, org, 'admin')
    page = await (await admin.get(`/contacts/${talk.contact}/data`)).text()
    const { files } = await exportOf(app, { kind: 'contact', org: org.id, id: talk.contact })
    file = Object.values(files).join('\n')
  })
  afterAll(() => app.stop())

  const CANARIES = [
    'Canaryname',
    'Canarynewname',
    'canary@example.test',
    'canaryplan',
    'Canarytext of theirs',
    'Canaryanswer of ours',
    'Canarydraft about them',
  ]
  test('all of a contact is on the page and in the file, what colleagues noted included', () => {
    for (const canary of [...CANARIES, one.phone]) {
      expect([canary, page.includes(canary)]).toEqual([canary, true])
      expect([canary, file.includes(canary)]).toEqual([canary, true])
    }
  })

  test('nothing of a neighbour is in either, and a card of somebody else is masked', () => {
    for (const other of ['Neighbourname', 'Neighbourtext', 'Strangercard', '+1999']) {
      expect([other, page.includes(other)]).toEqual([other, false])
      expect([other, file.includes(other)]).toEqual([other, false])
    }
    expect(page).toContain('••••')
  })

  test('colleagues are called agent, and each value says where it is from, why and how long', () => {
    expect(page).not.toContain(one.org.owner.id)
    expect(file).not.toContain(one.org.owner.id)
    expect(page).toContain('>agent<')
    for (const words of [
      'WhatsApp',
      'to process and route WhatsApp messages',
      'as long as the organization keeps',
      'GDPR 28',
    ])
      expect(page).toContain(words)
  })

  test('that somebody looked is written down, and an agent may not', async () => {
    const audits = await read(
      app.on,
      one.org,
      `select target_id from audit_log where org_id = :org and action = 'contact.data_shown'`,
    )
    expect(audits).toEqual([{ target_id: one.talk.contact }])
    const agent = await member(app, one.org, 'agent')
    expect((await agent.get(`/contacts/${one.talk.contact}/data`)).status).toBe(403)
  })
})
