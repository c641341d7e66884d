import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createWeb } from '../src/listener.ts'
import { listAudit } from '../src/audit/log.ts'
import { OPERATOR } from '../src/audit/audit.ts'
import { changeSecrets } from '../src/connections/changes.ts'
import { accessTokenOf } from '../src/connections/connections.ts'
import { rows } from '../src/db.ts'
import { openFor, sealFor } from '../src/keys.ts'
import { openLog } from '../src/log.ts'
import { receive } from '../src/messages/inbound.ts'
import { rotateDataKey } from '../src/ops/data-key.ts'
import { keepDeadLetters, listDeadLetters, showDeadLetter } from '../src/ops/dead-letters.ts'
import { keyStatus } from '../src/ops/key-status.ts'
import { listKept, queueMail } from '../src/ops/mail.ts'
import { rotateMasterKey } from '../src/ops/master-key.ts'
import { openResources, type Resources } from '../src/resources.ts'
import { keyIdOf, SealError, type SealingKey } from '../src/vault.ts'
import { openRequest } from '../src/rights/request.ts'
import { startApp, type Running } from './support/app.ts'
import { read, sealedBody } from './support/inbound.ts'
import { messageOf, messagesBody, newCustomer } from './support/meta.ts'
import type { Org } from './support/org.ts'
import { signInAs } from './support/sign-in.ts'
import { secretsKnown } from './support/known.ts'

let app: Running
const others: Resources[] = []
const keyNamed = (id: string): SealingKey => ({ id, key: Buffer.alloc(32, `master key ${id} `) })

beforeEach(async () => {
  app = await startApp({ workers: false })
})
afterEach(async () => {
  for (const other of others.splice(0)) await other.close()
  await app.stop()
})

/** Another process on the same database, started with these master keys. */
async function processWith(masterKeys: SealingKey[]): Promise<Resources> {
  const log = openLog('silent')
  const on = await openResources({ ...app.on.config, masterKeys }, { log, queuePrefix: 'other' })
  others.push(on)
  await on.directory.refresh()
  return on
}
const sealedOf = async (org: Org): Promise<string[]> => {
  const [found] = await read<Record<string, string>>(
    app.on,
    org,
    'select access_token, app_secret, verify_token from connections where org_id = :org',
  )
  return Object.values(found ?? {})
}
const acts = async (org: Org): Promise<string[]> =>
  (await app.on.db.withTenant(org.id, (tx) => listAudit(tx, org.id, { limit: 100 }))).map(
    ({ action }) => action,
  )

describe('a new master key, first in the list', () => {
  const [next, last] = [keyNamed('m2'), () => app.on.config.masterKeys]

  /** What the instance itself seals: a mail, and a letter of nobody. */
  async function fill(): Promise<void> {
    const letter = {
      to: 'a@example.test',
      kind: 'password_reset' as const,
      subject: 'Hello',
      text: 'Read me',
    }
    await app.on.db.withSystem((tx) => queueMail(tx, app.on, letter))
    await openRequest(app.on, {
      org: null,
      kind: 'question',
      road: 'form',
      by: OPERATOR,
      texts: { asked: 'What do you keep?' },
    })
    const [key] = app.on.vault.instance
    if (!key) throw new Error('no key')
    const nobodys = { org: null, connection: null, number: null, code: null, key }
    await keepDeadLetters(app.on, [
      { ...nobodys, at: 1_790_000_000_000, reason: 'unknown_number', plain: '{"a":1}' },
    ])
  }

  test('opens everything when it is alone afterwards, and the old one nothing', async () => {
    const orgs = [await app.org(), await app.org(), await app.org()]
    await fill()
    const both = await processWith([next, ...last()])
    expect(await rotateMasterKey(both, OPERATOR)).toEqual({
      master_key: 'm2',
      organizations: 3,
      rewrapped: 3,
      resealed: {
        'mail_outbox.recipient': 1,
        'mail_outbox.body': 1,
        'dead_letters.body': 1,
        'privacy_request_texts.body': 1,
      },
      left: { data_keys: 0 },
    })
    const alone = await processWith([next])
    for (const org of orgs) {
      expect(secretsKnown({ on: alone }, org.connection.id)[0]).toBe(org.connection.appSecret)
      expect(await acts(org)).toEqual(['keys.rotated'])
    }
    expect(await listKept(alone)).toMatchObject([{ to: 'a@example.test', text: 'Read me' }])
    const [letter] = await listDeadLetters(alone, { limit: 9 })
    expect(await showDeadLetter(alone, letter?.id ?? '')).toMatchObject({ org_id: null })
    expect((await keyStatus(alone)).unreadable).toEqual([])

    const stale = await processWith(last())
    expect((await keyStatus(stale)).unreadable).toHaveLength(3)
    expect(stale.directory.find(orgs[0]?.connection.id ?? '')).toBeUndefined()
    await expect(listKept(stale)).rejects.toThrow(SealError)
  })

  test('has nothing left to do when it is run again', async () => {
    const org = await app.org()
    await fill()
    const both = await processWith([next, ...last()])
    await rotateMasterKey(both, OPERATOR)
    const again = await rotateMasterKey(both, OPERATOR)
    expect([again.rewrapped, again.resealed, again.left]).toEqual([0, {}, { data_keys: 0 }])
    expect(await acts(org)).toEqual(['keys.rotated'])
  })

  test('goes on where a run before was stopped', async () => {
    const orgs = [await app.org(), await app.org(), await app.org()]
    const both = await processWith([next, ...last()])
    const { rewrap } = both.vault
    let before = 2
    both.vault.rewrap = (...given) => {
      if ((before -= 1) < 0) throw new Error('killed')
      return rewrap(...given)
    }
    await expect(rotateMasterKey(both, OPERATOR)).rejects.toThrow('killed')
    both.vault.rewrap = rewrap
    expect(await rotateMasterKey(both, OPERATOR)).toMatchObject({ rewrapped: 1 })
    expect((await keyStatus(await processWith([next]))).unreadable).toEqual([])
    for (const org of orgs) expect(await acts(org)).toEqual(['keys.rotated'])
  })

  test('without the old one beside it changes nothing and says what is left', async () => {
    const org = await app.org()
    await fill()
    const lost = await processWith([next])
    expect(await rotateMasterKey(lost, OPERATOR)).toMatchObject({
      rewrapped: 0,
      resealed: {},
      left: { data_keys: 1, 'mail_outbox.body': 1, 'dead_letters.body': 1 },
    })
    expect((await keyStatus(app.on)).unreadable).toEqual([])
    expect(await acts(org)).toEqual([])
  })

  test('signs nobody out', async () => {
    const org = await app.org()
    const cookie = await signInAs(app.on, org, org.owner)
    const server: Server = createServer(createWeb(await processWith([next, ...last()])).answer)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const page = await fetch(`http://127.0.0.1:${port}/settings/profile`, {
      headers: { cookie },
      redirect: 'manual',
    })
    server.closeAllConnections()
    server.close()
    expect(page.status).toBe(200)
  })
})

describe('a new data key of an organization', () => {
  test('seals the secrets of connections from then on, and what was sealed before still opens', async () => {
    const org = await app.org()
    const place = { purpose: 'idempotency_keys|response', org: org.id, row: 'r1' }
    const inside = <T>(run: (tx: Parameters<typeof sealFor>[1]) => Promise<T>): Promise<T> =>
      app.on.db.withTenant(org.id, run)
    const before = await inside((tx) => sealFor(app.on, tx, place, 'an answer'))
    const { data_key, retired, resealed } = await rotateDataKey(app.on, org.id, { by: OPERATOR })
    expect([retired, resealed]).toEqual([[keyIdOf(before)], {}])
    expect((await sealedOf(org)).map(keyIdOf)).toEqual([data_key, data_key, data_key])
    expect(app.on.directory.find(org.connection.id)).toMatchObject({ key: { id: data_key } })
    expect(secretsKnown(app, org.connection.id)[0]).toBe(org.connection.appSecret)
    const after = await inside((tx) => sealFor(app.on, tx, place, 'another'))
    expect(keyIdOf(after)).toBe(data_key)
    const opened = await inside((tx) => openFor(app.on, tx, place, before))
    expect(opened.toString()).toBe('an answer')
    const token = await inside((tx) => accessTokenOf(app.on, tx, org.id, org.connection.id))
    expect(token.reveal('call_graph')).toBe(org.connection.accessToken)
    expect(await acts(org)).toEqual(['keys.rotated'])
  })

  test('leaves no webhook body shut: one sealed before, and one sealed after for a worker that knows only the old', async () => {
    const org = await app.org()
    const customer = newCustomer()
    const textBody = (text: string) =>
      sealedBody(
        app.on,
        org.connection,
        messagesBody(org.connection, customer, messageOf(customer, text)),
      )
    const worker = await processWith(app.on.config.masterKeys)
    // Its directory has heard of nothing, and it keeps the old key for half a minute.
    worker.directory = { ...worker.directory, loaded: () => false }
    await worker.db.withTenant(org.id, (tx) => worker.keys.of(tx, org.id))
    const early = textBody('sealed before')
    await rotateDataKey(app.on, org.id, { by: OPERATOR })
    const late = textBody('sealed after')
    expect(keyIdOf(late.sealed)).not.toBe(keyIdOf(early.sealed))
    await receive(worker, [early, late])
    const stored = await read<{ text: string }>(
      app.on,
      org,
      'select text from messages where org_id = :org order by text',
    )
    expect(stored.map(({ text }) => text)).toEqual(['sealed after', 'sealed before'])
  })

  test('loses no secret that is replaced at the same moment', async () => {
    const org = await app.org()
    const other = await processWith(app.on.config.masterKeys)
    await other.db.withTenant(org.id, (tx) => other.keys.of(tx, org.id))
    const { id } = org.connection
    for (let n = 0; n < 5; n++) {
      const appSecret = `secret-${n}`
      const [rotated] = await Promise.all([
        rotateDataKey(app.on, org.id, { by: OPERATOR }),
        changeSecrets(other, org.id, id, { appSecret }),
      ])
      await app.on.directory.refresh()
      expect(secretsKnown(app, id)[0]).toBe(appSecret)
      expect(new Set((await sealedOf(org)).map(keyIdOf))).toEqual(new Set([rotated.data_key]))
    }
  })

  test('changes nothing when a secret opens with none of its keys', async () => {
    const org = await app.org()
    const before = app.on.directory.find(org.connection.id)?.key.id
    await app.on.db.withTenant(org.id, (tx) =>
      rows(tx, `update connections set verify_token = 'v1.dlost.AAAA' where org_id = ?`, [org.id]),
    )
    await expect(rotateDataKey(app.on, org.id, { by: OPERATOR })).rejects.toThrow(SealError)
    const keys = await app.on.db.withTenant(org.id, (tx) => app.on.keys.of(tx, org.id))
    expect(keys.map(({ id }) => id)).toEqual([before])
  })

  test('takes the letters of the organization along', async () => {
    const org = await app.org()
    const route = app.on.directory.find(org.connection.id)
    if (!route) throw new Error('not known')
    const letter = { org: org.id, connection: org.connection.id, number: null, code: null }
    await keepDeadLetters(app.on, [
      { ...letter, at: 1_790_000_000_000, key: route.key, reason: 'parse', plain: '{"b":2}' },
    ])
    const { resealed } = await rotateDataKey(app.on, org.id, { by: OPERATOR })
    expect(resealed).toEqual({ 'dead_letters.body': 1 })
    await app.on.db.withTenant(org.id, (tx) =>
      rows(tx, `delete from org_keys where org_id = ? and state = 'retired'`, [org.id]),
    )
    const fresh = await processWith(app.on.config.masterKeys)
    const [kept] = await listDeadLetters(fresh, { limit: 9 })
    expect(await showDeadLetter(fresh, kept?.id ?? '')).toMatchObject({ org_id: org.id })
  })
})
