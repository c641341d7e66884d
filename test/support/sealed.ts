import pg from 'pg'
import { OPERATOR } from '../../src/audit/audit.ts'
import { rows } from '../../src/db.ts'
import { keepDeadLetters } from '../../src/ops/dead-letters.ts'
import { through } from '../../src/privacy/export-plan.ts'
import { openRequest } from '../../src/rights/request.ts'
import { listSealed } from '../../src/ops/sealed-columns.ts'
import { openFor, sealFor } from '../../src/keys.ts'
import { keyIdOf, open, seal } from '../../src/vault.ts'
import type { Running } from './app.ts'
import { newIds, seedRows } from './rows.ts'
import { arrive, read } from './inbound.ts'
import { messageOf, messagesBody, newCustomer } from './meta.ts'
import type { Org } from './org.ts'
import { program, talkWith } from './program.ts'
import { until } from './until.ts'
import { restrictSomebody, somebodyIn, theyWrite } from './restricted.ts'

const DOCUMENT = {
  type: 'document',
  document: { id: '1013859600285441', mime_type: 'application/pdf', filename: 'Zanzibar.pdf' },
}

/** Something in every sealed column of an organization, put there by the product itself. */
export async function fillSealed(app: Running, org: Org): Promise<void> {
  const ana = newCustomer()
  const odd = { type: 'hologram', hologram: { canary: 'Zanzibar' } }
  await arrive(
    app.on,
    org,
    messagesBody(org.connection, ana, messageOf(ana, '', odd)),
    messagesBody(org.connection, ana, messageOf(ana, '', DOCUMENT)),
    accountUpdate(org),
  )
  const restricted = await somebodyIn(app, org)
  await restrictSomebody(app, restricted)
  await theyWrite(app, restricted, 'kept apart')
  const talk = await talkWith(app, org)
  const api = await program(app, org)
  const message = { type: 'text', text: { body: 'Hello' } }
  const headers = { 'idempotency-key': 'order-1' }
  await api.send('POST', `/conversations/${talk.conversation}/messages`, message, headers)
  await openRequest(app.on, {
    org: org.id,
    kind: 'question',
    road: 'form',
    by: OPERATOR,
    texts: { asked: 'What do you keep?' },
  })
  await keepLetter(app, org)
}

const accountUpdate = (org: Org): object => ({
  object: 'whatsapp_business_account',
  entry: [
    {
      id: org.connection.wabaId,
      time: Math.floor(Date.now() / 1_000),
      changes: [{ field: 'account_update', value: { event: 'BRAND_NEW', secret: 'Zanzibar' } }],
    },
  ],
})

async function keepLetter(app: Running, org: Org): Promise<void> {
  const route = app.on.directory.find(org.connection.id)
  if (!route) throw new Error('not known')
  const letter = { org: org.id, connection: org.connection.id, number: null, code: null }
  await keepDeadLetters(app.on, [
    { ...letter, at: Date.now(), key: route.key, reason: 'parse', plain: `{"b":"${org.id}"}` },
  ])
}

export type Sealed = { column: string; kid: string; opens: boolean }

/** Every sealed value of an organization: which key names it, and whether it opens in its place. */
export async function sealedOf(on: Running['on'], org: string): Promise<Sealed[]> {
  const keys = await on.db.withTenant(org, (tx) => on.keys.of(tx, org))
  const found: Sealed[] = []
  for (const { table, column, door, where, place } of await listSealed(on, org)) {
    const values = await through(on.db, door, (tx) =>
      rows<{ value: string; facts: Record<string, unknown> }>(
        tx,
        `select t."${column}" as value, to_jsonb(t) as facts from app."${table}" t
          where ${where} and t."${column}" like 'v1.%'`,
        where.includes(':org') ? { org } : {},
      ),
    )
    for (const { value, facts } of values) {
      let opens = true
      try {
        open(keys, place(facts), value)
      } catch {
        opens = false
      }
      found.push({ column: `${table}.${column}`, kid: keyIdOf(value), opens })
    }
  }
  return found
}

/**
 * Writes a newer text into the one message with an original while `change` wants to seal it anew, and waits for it: the row
 * is held until the change waits for it. Answers what the message says afterwards.
 */
export async function writtenDuring(
  app: Running,
  org: Org,
  change: () => Promise<unknown>,
): Promise<string> {
  const [row] = await read<{ id: string }>(
    app.on,
    org,
    'select id from messages where org_id = :org and raw is not null',
  )
  const place = { purpose: 'messages|raw', org: org.id, row: row?.id ?? '' }
  let release: () => void = () => undefined
  const gate = new Promise<void>((resolve) => (release = resolve))
  let writing: Promise<void> | undefined
  await new Promise<void>((isWritten) => {
    writing = app.on.db.withTenant(org.id, async (tx) => {
      const raw = await sealFor(app.on, tx, place, 'the newer text')
      await rows(tx, 'update messages set raw = ? where org_id = ? and id = ?', [
        raw,
        org.id,
        place.row,
      ])
      isWritten()
      await gate
    })
  })
  const changing = change()
  await until(async () => {
    const { rows: waiting } = await app.on.pool.query(
      `select 1 from pg_locks where not granted and locktype = 'transactionid'`,
    )
    return waiting.length > 0
  })
  release()
  await Promise.all([writing, changing])
  const [kept] = await read<{ raw: string }>(
    app.on,
    org,
    'select raw from messages where org_id = :org and raw is not null',
  )
  return app.on.db.withTenant(org.id, async (tx) =>
    (await openFor(app.on, tx, place, kept?.raw ?? '')).toString(),
  )
}

/** A value under the first master key in every column that the installation seals; answers their names. */
export async function fillInstance(app: Running): Promise<string[]> {
  const [key] = app.on.vault.instance
  if (!key) throw new Error('no key')
  const login = new pg.Client({ connectionString: app.on.config.DATABASE_URL })
  await login.connect()
  const names: string[] = []
  try {
    await seedRows(login, newIds())
    // What was seeded is sealed with nothing real.
    await login.query(`delete from app.org_keys where wrapped_by = 'm1'`)
    for (const { table, column, where, place } of await listSealed(app.on, null)) {
      const own = where.replace(':org::uuid', 'null')
      const { rows: found } = await login.query<{ at: string; facts: Record<string, unknown> }>(
        `select t.ctid::text as at, to_jsonb(t) as facts from app."${table}" t where ${own} and t."${column}" like 'v1.kid.%' limit 1`,
      )
      const [row] = found
      if (!row) continue
      const value = seal(key, place(row.facts), 'kept')
      await login.query(`update app."${table}" set "${column}" = $1 where ctid = $2::tid`, [
        value,
        row.at,
      ])
      names.push(`${table}.${column}`)
    }
  } finally {
    await login.end()
  }
  return names
}
