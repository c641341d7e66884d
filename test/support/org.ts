import { randomBytes } from 'node:crypto'
import { rows } from '../../src/db.ts'
import { newId } from '../../src/ids.ts'
import { sealFor } from '../../src/keys.ts'
import type { Resources } from '../../src/resources.ts'

export type Person = { id: string; email: string; role: string }
export type TestConnection = {
  id: string
  phoneNumberId: string
  wabaId: string
  accessToken: string
  appSecret: string
  verifyToken: string
}
export type Org = {
  id: string
  owner: Person
  connection: TestConnection
  person(role: string): Promise<Person>
  connect(): Promise<TestConnection>
}

/** An organization nobody else uses: rows as the product's own functions make them, without the cost of a password hash. */
export async function makeOrg(on: Resources): Promise<Org> {
  const id = newId()
  const { wrapped, wrappedBy, key } = on.vault.newDataKey(id)
  await on.db.withSystem((tx) =>
    rows(tx, 'insert into organizations (org_id, name) values (?, ?)', [id, 'Test shop']),
  )
  await on.db.withTenant(id, (tx) =>
    rows(tx, 'insert into org_keys (org_id, kid, wrapped, wrapped_by) values (?, ?, ?, ?)', [
      id,
      key.id,
      wrapped,
      wrappedBy,
    ]),
  )
  const person = (role: string): Promise<Person> => makePerson(on, id, role)
  const connect = (): Promise<TestConnection> => makeConnection(on, id)
  return { id, owner: await person('owner'), connection: await connect(), person, connect }
}

async function makePerson(on: Resources, org: string, role: string): Promise<Person> {
  const id = newId()
  const email = `${role}-${id.slice(-12)}@example.test`
  await on.db.withSystem((tx) =>
    rows(tx, 'insert into users (id, email, name, email_verified_at) values (?, ?, ?, now())', [
      id,
      email,
      `Test ${role}`,
    ]),
  )
  await on.db.withTenant(org, (tx) =>
    rows(tx, 'insert into memberships (org_id, user_id, role) values (?, ?, ?)', [org, id, role]),
  )
  return { id, email, role }
}

async function makeConnection(on: Resources, org: string): Promise<TestConnection> {
  const digits = (): string =>
    BigInt(`0x${randomBytes(6).toString('hex')}`)
      .toString()
      .padStart(15, '1')
  const made = {
    id: newId(),
    phoneNumberId: digits(),
    wabaId: digits(),
    accessToken: `token-${randomBytes(12).toString('hex')}`,
    appSecret: randomBytes(16).toString('hex'),
    verifyToken: randomBytes(8).toString('hex'),
  }
  await on.db.withTenant(org, async (tx) => {
    const sealed = (column: string, text: string): Promise<string> =>
      sealFor(on, tx, { purpose: `connections|${column}`, org, row: made.id }, text)
    await rows(
      tx,
      `insert into connections (org_id, id, name, phone_number_id, waba_id, display_phone, access_token, app_secret, verify_token, verified_at)
       values (?, ?, 'Test number', ?, ?, '+1 555 0100', ?, ?, ?, now())`,
      [
        org,
        made.id,
        made.phoneNumberId,
        made.wabaId,
        await sealed('access_token', made.accessToken),
        await sealed('app_secret', made.appSecret),
        await sealed('verify_token', made.verifyToken),
      ],
    )
  })
  await on.directory.refresh()
  return made
}
