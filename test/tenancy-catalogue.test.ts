import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { newId } from '../src/ids.ts'
import { ROOT } from '../src/root.ts'
import {
  asUs,
  hasOrg,
  openNeighbours,
  tenantTables,
  type Neighbours,
} from './support/neighbours.ts'

let at: Neighbours
beforeAll(async () => {
  at = await openNeighbours()
})
afterAll(() => at.stop())

describe('the catalogue', () => {
  const names = async (sql: string): Promise<string[]> =>
    (await at.login.query<{ name: string }>(sql)).rows.map(({ name }) => name)

  test('has forced row security on every table, and WITH CHECK on every one of organizations', async () => {
    const open = `select c.relname as name from pg_class c
      where c.relnamespace = 'app'::regnamespace and c.relkind in ('r', 'p')
        and (not c.relrowsecurity or not c.relforcerowsecurity or not exists (
          select from pg_policy p where p.polrelid = c.oid and p.polwithcheck is not null))`
    expect(await names(open)).toEqual([])
  })

  test('lets cf_app through no policy but the one of its organization', async () => {
    const wide = `select p.polrelid::regclass || ' ' || p.polname as name from pg_policy p
      where (p.polroles @> array['cf_app'::regrole::oid] or p.polroles = '{0}')
        and pg_get_expr(p.polqual, p.polrelid) !~ 'app_org\\(\\)'`
    expect(await names(wide)).toEqual([])
  })

  test('has org_id in every foreign key between tables of organizations', () => {
    const loose = at.foreignKeys.filter(
      ({ from, to, columns }) => hasOrg(at, from) && hasOrg(at, to) && !columns.includes('org_id'),
    )
    expect(loose).toEqual([])
  })

  test('has no unique key that spans organizations, except ids and digests of random codes', async () => {
    const spanning = `select i.indexrelid::regclass::text as name from pg_index i join pg_class c on c.oid = i.indrelid
      where i.indisunique and c.relnamespace = 'app'::regnamespace
        and exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'org_id')
        and not exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'org_id' and a.attnum = any (i.indkey))
      order by 1`
    expect(await names(spanning)).toEqual([
      'app.abuse_findings_pkey',
      'app.api_keys_key_digest_key',
      'app.connections_id_key',
      'app.dead_letters_pkey',
      'app.deletions_code_digest_key',
      'app.deletions_confirm_digest_key',
      'app.deletions_pkey',
      'app.deletions_running',
      'app.egress_log_pkey',
      'app.exports_pkey',
      'app.invitations_code_digest_key',
      'app.mail_outbox_pkey',
      'app.privacy_request_texts_pkey',
      'app.privacy_requests_code_digest_key',
      'app.privacy_requests_number_key',
      'app.privacy_requests_pkey',
      'app.support_tickets_once_digest_key',
      'app.support_tickets_pkey',
      'app.user_preferences_pkey',
    ])
  })

  test('has an index that begins with the columns of each foreign key', async () => {
    const bare = `select k.conrelid::regclass || ' ' || k.conname as name from pg_constraint k
      where k.contype = 'f' and k.connamespace = 'app'::regnamespace and not exists (
        select from pg_index i where i.indrelid = k.conrelid
          and (i.indkey::int2[])[0:cardinality(k.conkey) - 1] @> k.conkey)`
    expect(await names(bare)).toEqual([])
  })

  test('knows no role of ours that may log in, bypass row security or more', async () => {
    const powerful = `select rolname as name from pg_roles where rolname like 'cf\\_%'
      and (rolsuper or rolbypassrls or rolcanlogin or rolcreaterole or rolcreatedb or rolreplication or rolinherit)
      order by 1`
    // What a restore goes in by is what pages and workers go in by, while those are kept out.
    expect(await names(powerful)).toEqual(['cf_restore_app', 'cf_restore_system'])
  })

  test('lets nobody become the owners of the functions that cross organizations', async () => {
    const members = `select m.member::regrole::text as name from pg_auth_members m
      where m.roleid in ('cf_search'::regrole, 'cf_lookup'::regrole)`
    expect(await names(members)).toEqual([])
  })

  test('has only the functions that cross organizations on purpose, each with a fixed search path', async () => {
    const definers = `select p.proname as name from pg_proc p
      where p.pronamespace = 'app'::regnamespace and p.prosecdef order by 1`
    const loose = `select p.proname as name from pg_proc p where p.pronamespace = 'app'::regnamespace
      and p.prosecdef and not coalesce(p.proconfig::text ~ 'search_path=', false)`
    expect(await names(definers)).toEqual([
      'app_connections',
      'audit_chain',
      'audit_forget',
      'audit_trim',
      'due_connections',
      'due_media',
      'due_syncs',
      'expired_leases',
      'hold_rewrap',
      'hold_strip',
      'leases_of',
      'lookup_api_key',
      'lookup_invitation',
      'ops_connections',
      'ops_failures',
      'ops_unsure',
      'parked_events',
      'route_connections',
      'search_contacts',
      'unused_media',
      'user_orgs',
      'wrapping_keys',
    ])
    expect(await names(loose)).toEqual([])
  })

  test('opens no function of ours to everybody, and no view to all rows', async () => {
    const open = `select p.proname as name from pg_proc p where p.pronamespace = 'app'::regnamespace
      and has_function_privilege('public', p.oid, 'execute')`
    const views = `select c.relname as name from pg_class c where c.relnamespace = 'app'::regnamespace
      and c.relkind in ('v', 'm') and not coalesce(c.reloptions::text ~ 'security_invoker=(true|on|1)', false)`
    expect(await names(open)).toEqual([])
    expect(await names(views)).toEqual([])
  })
})

describe('an injected expression', () => {
  test('cannot switch the organization or the role with set_config', async () => {
    for (const [name, value] of [
      ['app.org_id', at.theirs.org],
      ['role', 'cf_system'],
    ] as const)
      await expect(asUs(at, 'select set_config(?, ?, true)', [name, value])).rejects.toThrow(
        /permission denied for function set_config/,
      )
  })

  test.each([
    'select 1; reset role',
    `select 1; set local "app.org_id" = '${newId()}'`,
    'select 1; set local role cf_system; select * from users',
  ])('cannot carry a second statement, with values or without: %s', async (sql) => {
    for (const values of [[], ['x']]) {
      const text = values.length > 0 ? sql.replace('select 1', 'select ?::text') : sql
      await expect(asUs(at, text, values)).rejects.toThrow(/cannot insert multiple commands/)
    }
  })

  test('cannot write a policy, take row security off or see another schema', async () => {
    for (const sql of [
      'alter table app.messages disable row level security',
      'create policy all_of_it on app.messages to cf_app using (true)',
      'create table app.mine (id int)',
      'select * from jobs.bullmq_jobs',
      'select * from public.knex_migrations',
    ])
      await expect(asUs(at, sql)).rejects.toThrow(/permission denied|must be owner/)
  })
})

/** Text literals of a source file, template or quoted. */
const LITERAL = /`((?:[^`\\]|\\.)*)`|'((?:[^'\\\n]|\\.)*)'/g
const TOUCHES = /\b(?:from|join|update|into)\s+(?:app\.)?([a-z_]+)/g
/** Served to operators and sweeps by the system door, which has no organization. */
const SYSTEM = new Set([
  'organizations',
  'dead_letters',
  'mail_outbox',
  'exports',
  'deletions',
  'suppressions',
  'egress_log',
  'legal_holds',
  'usage_daily',
  'abuse_findings',
  'support_tickets',
  'incident_orgs',
])

test('every statement of ours on a table of organizations names the organization itself', async () => {
  const tenant = new Set(tenantTables(at).filter((table) => !SYSTEM.has(table)))
  const forgetful: string[] = []
  let statements = 0
  for (const file of await sources()) {
    const text = await readFile(file, 'utf8')
    const literals = [...text.matchAll(LITERAL)].map(
      ([, template, quoted]) => template ?? quoted ?? '',
    )
    const raw = literals.filter((sql) =>
      [...sql.matchAll(TOUCHES)].some(([, name]) => tenant.has(name ?? '')),
    )
    const built = [...text.matchAll(/\btx\('([a-z_]+)[^]{0,200}/g)].filter(([, name]) =>
      tenant.has(name ?? ''),
    )
    const all = [...raw, ...built.map(([chain]) => chain)]
    statements += all.length
    // A statement whose conditions are put together elsewhere in its file is looked at as that file.
    const names = (sql: string): boolean => /org_id/.test(sql.includes('${conditions') ? text : sql)
    forgetful.push(...all.filter((sql) => !names(sql)).map((sql) => `${file}: ${sql.slice(0, 80)}`))
  }
  expect(statements).toBeGreaterThan(40)
  expect(forgetful).toEqual([])
})

async function sources(): Promise<string[]> {
  const folders = ['src', 'workers'].map((folder) => path.join(ROOT, folder))
  const entries = await Promise.all(
    folders.map((folder) => readdir(folder, { recursive: true, withFileTypes: true })),
  )
  return entries
    .flat()
    .filter(({ name }) => name.endsWith('.ts'))
    .map(({ parentPath, name }) => path.join(parentPath, name))
}
