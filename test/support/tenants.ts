import pg from 'pg'
import { newId } from '../../src/ids.ts'
import { seal } from '../../src/vault.ts'
import type { Running } from './app.ts'

/** An organization with the numbers a webhook speaks of; the first of them is the one it is posted to. */
export type Tenant = { org: string; connection: { id: string; appSecret: string } }
export type Number = { phoneNumberId: string; wabaId: string }

/**
 * Many organizations at once, for tests that need one each: rows as the product makes them, in three statements, as the
 * login that row security does not bind.
 */
export async function makeTenants(app: Running, wanted: Number[][]): Promise<Tenant[]> {
  const tenants = wanted.map((numbers) => tenantOf(app, numbers))
  const login = new pg.Client({ connectionString: app.on.config.DATABASE_URL })
  await login.connect()
  const insert = (table: string, columns: string, rows: object[]): Promise<unknown> =>
    login.query(
      `insert into app.${table} (${columns}) select ${columns} from jsonb_populate_recordset(null::app.${table}, $1)`,
      [JSON.stringify(rows)],
    )
  await insert(
    'organizations',
    'org_id, name',
    tenants.map(({ org }) => ({ org_id: org, name: 'Test' })),
  )
  await insert(
    'org_keys',
    'org_id, kid, wrapped, wrapped_by, state',
    tenants.map(({ key }) => key),
  )
  await insert(
    'connections',
    'org_id, id, name, phone_number_id, waba_id, display_phone, state, throughput, settings, app_secret, verify_token, verified_at, created_at, updated_at',
    tenants.flatMap(({ connections }) => connections),
  )
  await login.end()
  await app.on.directory.refresh()
  return tenants
}

function tenantOf({ on }: Running, numbers: Number[]) {
  const org = newId()
  const { key: made, wrapped, wrappedBy } = on.vault.newDataKey(org)
  // Nobody sets uses aside for rows that are written all at once.
  const key = { id: made.id, key: made.key }
  const appSecret = newId()
  const now = new Date()
  const connections = numbers.map(({ phoneNumberId, wabaId }) => {
    const id = newId()
    return {
      org_id: org,
      id,
      name: '',
      phone_number_id: phoneNumberId,
      waba_id: wabaId,
      display_phone: '+1 555 078 3881',
      state: 'active',
      throughput: 80,
      settings: {},
      app_secret: seal(key, { purpose: 'connections|app_secret', org, row: id }, appSecret),
      verify_token: seal(key, { purpose: 'connections|verify_token', org, row: id }, 'token'),
      verified_at: now,
      created_at: now,
      updated_at: now,
    }
  })
  const keyRow = { org_id: org, kid: key.id, wrapped, wrapped_by: wrappedBy, state: 'active' }
  const id = connections[0]?.id ?? ''
  return { org, key: keyRow, connections, connection: { id, appSecret } }
}
