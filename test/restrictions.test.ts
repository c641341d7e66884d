import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { OPERATOR } from '../src/audit/audit.ts'
import { kindsOf } from '../src/restrictions/gate.ts'
import { liftRestriction } from '../src/restrictions/lift.ts'
import { listRestrictions } from '../src/restrictions/restrictions.ts'
import { startApp, type Running } from './support/app.ts'
import { member } from './support/member.ts'
import { restrictSomebody, somebodyIn } from './support/restricted.ts'

let app: Running
beforeAll(async () => {
  app = await startApp({ workers: false })
})
afterAll(() => app.stop())

test('asked twice it is one, and what ended stays to be read', async () => {
  const one = await somebodyIn(app)
  const [first, second] = [
    await restrictSomebody(app, one, 'no_automation'),
    await restrictSomebody(app, one, 'no_automation'),
  ]
  expect(second.id).toBe(first.id)
  await liftRestriction(app.on, one.org.id, { restriction: first.id, by: OPERATOR })
  const [kinds, history] = await app.on.db.withTenant(one.org.id, async (tx) => [
    await kindsOf(tx, one.org.id, one.talk.contact),
    await listRestrictions(tx, one.org.id, one.talk.contact),
  ])
  expect(kinds).toEqual([])
  expect(history).toMatchObject([{ kind: 'no_automation', lifted_at: expect.any(Date) as Date }])
})

test('an admin restricts, is told to tell first, and lifts; an agent may do none of it', async () => {
  const one = await somebodyIn(app)
  const [admin, agent] = [await member(app, one.org, 'admin'), await member(app, one.org, 'agent')]
  const home = `/contacts/${one.talk.contact}`
  const wish = { kind: 'restricted', ground: 'claim' }
  expect((await agent.post(`${home}/restrictions`, wish)).status).toBe(403)
  expect((await admin.post(`${home}/restrictions`, wish)).status).toBe(303)
  const page = await (await admin.get(home)).text()
  const restriction = /restrictions\/([0-9a-f-]{36})\/end/.exec(page)?.[1] ?? ''
  expect(page).toMatch(/id="lift" type="submit" disabled/)
  expect((await admin.post(`${home}/restrictions/${restriction}/end`)).status).toBe(409)
  expect(await (await admin.get('/contacts/restricted')).text()).toContain('Canaryname')
  expect(
    (await admin.post(`${home}/restrictions/${restriction}/notice`, { road: 'phone' })).status,
  ).toBe(303)
  expect((await admin.post(`${home}/restrictions/${restriction}/end`)).status).toBe(303)
  const after = await (await admin.get(home)).text()
  expect(after).toMatch(/Earlier[^]*Data restricted: [^]*on the phone/)
})

test('words of a contact are read where restrictions are known, and nowhere else', () => {
  const statement = /select[^`]*?\bfrom[^`]*/g
  const tables = /(?:from|join) (?:contacts|messages|conversations)\b/
  const words =
    /\b(?:\w\.)?(?:name|profile_name|text|payload|last_message_preview|email|attributes)\b/
  const root = path.join(import.meta.dirname, '../src')
  const found = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .filter((file) =>
      (readFileSync(path.join(root, file), 'utf8').match(statement) ?? []).some(
        (sql) => tables.test(sql) && words.test(sql),
      ),
    )
  expect(found.toSorted()).toEqual([...SHOWING, ...KEEPING].toSorted())
})

/** Files that show what is a contact's or was said, and ask for restrictions. */
const SHOWING = [
  'contacts/contacts.ts',
  'inbox/changes.ts',
  'inbox/conversations.ts',
  'inbox/drafts.ts',
  'media/files.ts',
  'media/outgoing.ts',
  'messages/messages.ts',
  'restrictions/page.ts',
  // The desk of the privacy role.
  'rights/list.ts',
  'support/look.ts',
]
/** Files whose statements store, move or remove such words, and show them to nobody. */
const KEEPING = [
  'contacts/changes.ts',
  'deletions/gate.ts',
  'deletions/handles.ts',
  'deletions/verify.ts',
  'disclosures/scope.ts',
  'inbox/page.ts',
  'media/arriving.ts',
  'messages/address-book.ts',
  'messages/arrivals.ts',
  'messages/people.ts',
  'messages/touch.ts',
  'privacy/message-retention.ts',
  'rights/hearing.ts',
  // The author alone.
  'sending/cause.ts',
  'sending/record.ts',
]
