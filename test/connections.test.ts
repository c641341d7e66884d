import pg from 'pg'
import { rows } from '../src/db.ts'
import { newId } from '../src/ids.ts'
import { changeSecrets, switchConnection } from '../src/connections/changes.ts'
import { testConnection } from '../src/connections/check.ts'
import {
  accessTokenOf,
  createConnection,
  getConnection,
  listConnections,
  noteHandshake,
  noteWebhook,
  type Connection,
} from '../src/connections/connections.ts'
import { startApp, type Running } from './support/app.ts'
import type { Org } from './support/org.ts'
import { until } from './support/until.ts'
import { secretsKnown } from './support/known.ts'

const NOW = new Date('2026-09-01T10:00:00Z')
let app: Running
let org: Org
let id: string

beforeAll(async () => {
  app = await startApp({ workers: false, now: () => NOW })
})
afterAll(() => app.stop())
beforeEach(async () => {
  org = await app.org()
  id = org.connection.id
})

const secrets = { accessToken: 'EAAB-token', appSecret: 'app-secret', verifyToken: 'verify-token' }
const another = (phoneNumberId = `1${String(Math.random()).slice(2, 15)}`) => ({
  name: 'Dubai store',
  phoneNumberId,
  wabaId: '102290129340398',
  ...secrets,
})
const connectionOf = async (of = org.id, one = id): Promise<Connection | undefined> =>
  app.on.db.withTenant(of, (tx) => getConnection(tx, of, one))
const sealedRow = async (one: string): Promise<Record<string, string>> => {
  const [row] = await app.on.db.withTenant(org.id, (tx) =>
    rows<Record<string, string>>(
      tx,
      'select access_token, app_secret, verify_token from connections where org_id = ? and id = ?',
      [org.id, one],
    ),
  )
  return row ?? {}
}

describe('a new connection', () => {
  test('is listed without its secrets, and its webhooks find it at once', async () => {
    const made = await createConnection(app.on, org.id, another())
    expect(made.webhookPath).toBe(`/webhooks/whatsapp/${made.id}`)
    const listed = await app.on.db.withTenant(org.id, (tx) => listConnections(tx, org.id))
    expect(listed.map((one) => one.id)).toEqual([id, made.id])
    expect(JSON.stringify(listed)).not.toMatch(/EAAB-token|app-secret|verify-token|v1\./)
    expect(app.on.directory.find(made.id)).toMatchObject({ org: org.id, state: 'active' })
    expect(secretsKnown(app, made.id)).toEqual(['app-secret', 'verify-token'])
  })

  test('has its secrets sealed at rest, each bound to its own column and row', async () => {
    const made = await createConnection(app.on, org.id, another())
    const row = await sealedRow(made.id)
    for (const value of Object.values(row)) expect(value).toMatch(/^v1\.d[0-9a-f]{12}\.[\w-]{38,}$/)
    const token = async (one: string) => {
      const found = app.on.db.withTenant(org.id, (tx) => accessTokenOf(app.on, tx, org.id, one))
      return (await found).reveal('call_graph')
    }
    expect(await token(made.id)).toBe('EAAB-token')

    const put = (one: string, envelope?: string) =>
      app.on.db.withTenant(org.id, (tx) =>
        tx('connections').where({ org_id: org.id, id: one }).update({ access_token: envelope }),
      )
    await put(id, row['access_token'])
    await expect(token(id)).rejects.toThrow('sealed value does not open')
    await put(made.id, row['app_secret'])
    await expect(token(made.id)).rejects.toThrow('sealed value does not open')
  })

  test('is refused when the organization has the number already, in so many words', async () => {
    const number = another('106540352242922')
    await createConnection(app.on, org.id, number)
    await expect(createConnection(app.on, org.id, number)).rejects.toMatchObject({
      status: 409,
      code: 'number_connected',
      message: expect.stringMatching(/connected already/) as string,
    })
  })

  test('made twice at the same moment is made once', async () => {
    const number = another('106540352242923')
    const both = await Promise.allSettled([
      createConnection(app.on, org.id, number),
      createConnection(app.on, org.id, number),
    ])
    expect(both.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
  })

  test('says nothing to one organization about the numbers of another', async () => {
    const number = another('106540352242924')
    const neighbour = await app.org()
    await createConnection(app.on, neighbour.id, number)
    await expect(createConnection(app.on, org.id, number)).resolves.toHaveProperty('id')
  })

  test.each([
    [{ phoneNumberId: '../me' }, 'phone_number_id'],
    [{ phoneNumberId: '' }, 'phone_number_id'],
    [{ wabaId: '1/2' }, 'waba_id'],
    [{ accessToken: '' }, 'access_token'],
    [{ accessToken: 'EAAB\r\nX-Evil: 1' }, 'access_token'],
    [{ appSecret: '' }, 'app_secret'],
    [{ verifyToken: 'two words' }, 'verify_token'],
  ])('is refused with %j, by the name of the field and never its value', async (wrong, field) => {
    const refused = createConnection(app.on, org.id, { ...another(), ...wrong })
    await expect(refused).rejects.toMatchObject({
      status: 422,
      fields: { [field]: expect.any(String) as string },
    })
    await expect(refused).rejects.not.toThrow(/Evil|\.\.\/me|two words/)
  })
})

describe('new secrets', () => {
  test('replace the old ones where given, and the rest stays', async () => {
    await changeSecrets(app.on, org.id, id, { appSecret: 'newer-secret' })
    expect(secretsKnown(app, id)).toEqual(['newer-secret', org.connection.verifyToken])
    const token = await app.on.db.withTenant(org.id, (tx) => accessTokenOf(app.on, tx, org.id, id))
    expect(token.reveal('call_graph')).toBe(org.connection.accessToken)
  })

  test('let a suspended connection send again, and leave one that was switched off as it is', async () => {
    const setState = (state: string) =>
      app.on.db.withTenant(org.id, (tx) =>
        tx('connections').where({ org_id: org.id, id }).update({ state, state_reason: '190' }),
      )
    await setState('suspended')
    await changeSecrets(app.on, org.id, id, { accessToken: 'EAAB-new' })
    expect(await connectionOf()).toMatchObject({ state: 'active', state_reason: null })
    await switchConnection(app.on, { org: org.id }, id, 'disabled')
    await changeSecrets(app.on, org.id, id, { accessToken: 'EAAB-newer' })
    expect(await connectionOf()).toMatchObject({ state: 'disabled' })
  })

  test('of another organization’s connection are not found', async () => {
    const neighbour = await app.org()
    const theirs = neighbour.connection.id
    await expect(changeSecrets(app.on, org.id, theirs, secrets)).rejects.toMatchObject({
      status: 404,
    })
    await expect(
      switchConnection(app.on, { org: org.id }, theirs, 'disabled'),
    ).rejects.toMatchObject({
      status: 404,
    })
    await expect(testConnection(app.on, org.id, theirs)).rejects.toMatchObject({ status: 404 })
    expect(secretsKnown(app, theirs)[0]).toBe(neighbour.connection.appSecret)
  })
})

describe('what Meta does', () => {
  test('is noted: the handshake and the last webhook', async () => {
    await noteHandshake(app.on, org.id, id)
    await app.on.db.withTenant(org.id, (tx) => noteWebhook(tx, org.id, id, NOW))
    expect((await connectionOf())?.settings).toEqual({
      handshake_at: NOW.toISOString(),
      webhook_at: NOW.toISOString(),
    })
  })

  test('is noted at most every ten seconds, so that a busy number does not write its row all day', async () => {
    const at = async (seconds: number) => {
      const time = new Date(NOW.getTime() + seconds * 1_000)
      await app.on.db.withTenant(org.id, (tx) => noteWebhook(tx, org.id, id, time))
      return (await connectionOf())?.settings.webhook_at
    }
    expect(await at(0)).toBe('2026-09-01T10:00:00.000Z')
    expect(await at(9)).toBe('2026-09-01T10:00:00.000Z')
    expect(await at(11)).toBe('2026-09-01T10:00:11.000Z')
  })

  test('never makes a webhook wait for somebody who holds the row', async () => {
    const holder = new pg.Client({ connectionString: app.on.config.DATABASE_URL })
    await holder.connect()
    await holder.query('begin')
    await holder.query('select from app.connections where id = $1 for update', [id])
    await app.on.db.withTenant(org.id, (tx) => noteWebhook(tx, org.id, id, NOW))
    await holder.end()
    expect((await connectionOf())?.settings.webhook_at).toBeUndefined()
  })

  test('of an unknown connection changes nothing', async () => {
    await noteHandshake(app.on, org.id, newId())
    expect((await connectionOf())?.settings).toEqual({})
  })
})

test('what was committed while the connections are being read is known after the next reading', async () => {
  const holder = new pg.Client({ connectionString: app.on.config.DATABASE_URL })
  await holder.connect()
  await holder.query('begin')
  await holder.query('lock table app.connections in access exclusive mode')
  const early = app.on.directory.refresh()
  await until(async () => {
    const { rows: waiting } = await holder.query('select from pg_locks where not granted')
    return waiting.length > 0
  })
  await holder.query('update app.connections set phone_number_id = $1 where id = $2', ['777', id])
  await holder.query('commit')
  await app.on.directory.refresh()
  expect(app.on.directory.find(id)?.phoneNumberId).toBe('777')
  await early
  await holder.end()
})
