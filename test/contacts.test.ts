import { AsyncResource } from 'node:async_hooks'
import pg from 'pg'
import { changeContact, createContact } from '../src/contacts/changes.ts'
import { findOrCreateByPhoneOrUserId, getContact, listContacts } from '../src/contacts/contacts.ts'
import { addIdentities } from '../src/contacts/identities.ts'
import { rows } from '../src/db.ts'
import { lastSeq, readFeed } from '../src/feed/feed.ts'
import { startApp, type Running } from './support/app.ts'
import type { Org } from './support/org.ts'
import { until } from './support/until.ts'

let app: Running
let org: Org
beforeAll(async () => {
  app = await startApp({ workers: false })
})
beforeEach(async () => {
  org = await app.org()
})
afterAll(() => app.stop())

const WAITING = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
/** As another request would do it: not inside the transaction that is open here. */
const outside = AsyncResource.bind((run: () => Promise<string>) => run())
const find = (to: string): Promise<string> =>
  app.on.db.withTenant(org.id, (tx) => findOrCreateByPhoneOrUserId(tx, org.id, to))
const search = async (q: string): Promise<(string | null)[]> => {
  const found = await app.on.db.withTenant(org.id, (tx) =>
    listContacts(tx, org.id, { q, limit: 100 }),
  )
  return found.map(({ name }) => name)
}
const read = (id: string) => app.on.db.withTenant(org.id, (tx) => getContact(tx, org.id, id))

test('a number in another spelling leads to the same contact, and its own spelling stays', async () => {
  const first = await find('551187654321')
  expect(await find('+55 11 98765-4321')).toBe(first)
  expect(await find('551187654321')).toBe(first)
  expect((await read(first))?.phone).toBe('551187654321')
})

test('a user id is no number', async () => {
  const first = await find('MX.40022119')
  expect(await find('MX.40022119')).toBe(first)
  expect(await find('mx.40022119').catch((error: Error) => error.constructor.name)).toBe('Refusal')
  expect(await read(first)).toMatchObject({ wa_user_id: 'MX.40022119', phone: null })
})

test('an exact number goes before one that only matches', async () => {
  const old = await find('551187654321')
  const { id } = await createContact(app.on, org.id, { name: 'B', wa_user_id: 'BR.1' })
  await app.on.db.withTenant(org.id, (tx) =>
    addIdentities(tx, org.id, id, [{ kind: 'phone', value: '5511987654321' }]),
  )
  expect(await find('5511987654321')).toBe(id)
  expect(await find('551187654321')).toBe(old)
})

test('two at once make one contact: the later one waits and finds it', async () => {
  const watch = new pg.Client({ connectionString: app.on.config.DATABASE_URL })
  await watch.connect()
  let second: Promise<string> | undefined
  const first = await app.on.db.withTenant(org.id, async (tx) => {
    const id = await findOrCreateByPhoneOrUserId(tx, org.id, '5215512345678')
    second = outside(() => find('525512345678'))
    await until(async () => (await watch.query(WAITING)).rowCount)
    return id
  })
  await watch.end()
  expect(await second).toBe(first)
  const all = await app.on.db.withTenant(org.id, (tx) => listContacts(tx, org.id, { limit: 100 }))
  expect(all.map(({ id }) => id)).toEqual([first])
})

test('a contact is added once; the second one is told whose number it is', async () => {
  const ana = await createContact(app.on, org.id, { name: 'Ana', phone: '+55 19 99555-0141' })
  const second = createContact(app.on, org.id, { name: 'Bia', phone: '551995550141' })
  await expect(second).rejects.toMatchObject({
    status: 409,
    code: 'contact_exists',
    fields: { phone: expect.stringContaining(ana.id) as string },
  })
  expect(await search('Bia')).toEqual([])
})

test('a contact needs something that leads to it', async () => {
  await expect(createContact(app.on, org.id, { name: 'Nobody' })).rejects.toMatchObject({
    status: 422,
  })
  const { id } = await createContact(app.on, org.id, { phone: '+1 415 555 0100' })
  await expect(changeContact(app.on, org.id, id, { phone: null })).rejects.toMatchObject({
    status: 422,
  })
  expect((await read(id))?.phone).toBe('14155550100')
})

test('a change is seen by search and told to the feed, after it is committed', async () => {
  const { id } = await createContact(app.on, org.id, { name: 'Old', phone: '+1 415 555 0100' })
  const before = await app.on.db.withTenant(org.id, (tx) => lastSeq(tx, org.id))
  await changeContact(app.on, org.id, id, {
    name: 'José Ñandú',
    attributes: { size: 38, vip: true, note: null },
  })
  expect(await search('jose nandu')).toEqual(['José Ñandú'])
  expect(await search('ÑANDÚ')).toEqual(['José Ñandú'])
  expect(await search('Old')).toEqual([])
  expect((await read(id))?.attributes).toEqual({ size: 38, vip: true })
  const told = await app.on.db.withTenant(org.id, (tx) => readFeed(tx, org.id, before, 10))
  expect(told.map(({ kind, ref_id }) => [kind, ref_id])).toEqual([['contact.updated', id]])
})

test('taking the name away brings the name from WhatsApp back', async () => {
  const { id } = await createContact(app.on, org.id, { name: 'Ours', phone: '+1 415 555 0100' })
  await app.on.db.withTenant(org.id, (tx) =>
    rows(tx, `update contacts set profile_name = 'Zoë' where org_id = ? and id = ?`, [org.id, id]),
  )
  expect((await changeContact(app.on, org.id, id, { name: null })).name).toBe('Zoë')
  expect(await search('zoe')).toEqual(['Zoë'])
})

test('a new number replaces the old one, and the number of somebody else does not', async () => {
  const ana = await createContact(app.on, org.id, { name: 'Ana', phone: '+55 19 99555-0141' })
  await createContact(app.on, org.id, { name: 'Bia', phone: '+55 19 99555-0142' })
  await expect(
    changeContact(app.on, org.id, ana.id, { phone: '551995550142', name: 'Ana B' }),
  ).rejects.toMatchObject({ status: 409 })
  expect((await read(ana.id))?.name).toBe('Ana')
  await changeContact(app.on, org.id, ana.id, { phone: '+52 1 55 1234 5678' })
  expect(await search('5512345678')).toEqual(['Ana'])
  expect(await find('5519995550141')).not.toBe(ana.id)
})

test.each([
  ['part of a name', 'ern', ['Valentina Hernández']],
  ['two letters that begin it', 'va', ['Valentina Hernández']],
  ['part of the number as it is written', '55 5555-01', ['Valentina Hernández']],
  ['the number in another spelling', '+52 1 55 5555 0134', ['Valentina Hernández']],
  ['another script', 'عائ', ['عائشة المنصوري']],
  ['a user id', 'AE.77', ['عائشة المنصوري']],
  ['a sign that is a wildcard elsewhere', '%', ['100% Cotton']],
  ['an emoji', '🧵', ['Sewing 🧵']],
  ['an @', '@', []],
  ['nobody', 'xyzzy', []],
])('search finds %s', async (_what, q, names) => {
  await createContact(app.on, org.id, { name: 'Valentina Hernández', phone: '525555550134' })
  await createContact(app.on, org.id, { name: 'عائشة المنصوري', wa_user_id: 'AE.77' })
  await createContact(app.on, org.id, { name: '100% Cotton', phone: '14155550100' })
  await createContact(app.on, org.id, { name: 'Sewing 🧵', phone: '14155550101' })
  expect(await search(q)).toEqual(names)
})

test('nothing of another organization is found or read', async () => {
  const other = await app.org()
  const { id } = await createContact(app.on, other.id, { name: 'Theirs', phone: '14155550100' })
  expect(await search('Theirs')).toEqual([])
  expect(await search('14155550100')).toEqual([])
  expect(await read(id)).toBeUndefined()
  expect(await find('14155550100')).not.toBe(id)
  await expect(changeContact(app.on, org.id, id, { name: 'Mine' })).rejects.toMatchObject({
    status: 404,
  })
})
