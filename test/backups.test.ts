import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import pg from 'pg'
import { SYSTEM } from '../src/audit/audit.ts'
import { replayLedger } from '../src/backups/again.ts'
import { RESTORE_DOORS, rows } from '../src/db.ts'
import { advanceDue } from '../src/deletions/advance.ts'
import { findDeletion } from '../src/deletions/deletion.ts'
import { requestDeletion } from '../src/deletions/request.ts'
import { queueMail } from '../src/ops/mail.ts'
import { sweepRetention } from '../src/privacy/retention.ts'
import { openResources } from '../src/resources.ts'
import { startApp, type Running } from './support/app.ts'
import { arrive, read } from './support/inbound.ts'
import { messageOf, messagesBody, newCustomer } from './support/meta.ts'
import { chatflow } from './support/product.ts'
import { signInAs } from './support/sign-in.ts'
import { openTalk } from './support/talk.ts'
import { columnsOf } from './support/schema.ts'

jest.setTimeout(60_000)

describe('a backup and its restore', () => {
  let app: Running
  let folder: string
  let login: pg.Client
  beforeAll(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'chatflow-backups-'))
    app = await startApp({ workers: false })
    login = new pg.Client({ connectionString: app.on.config.DATABASE_URL })
    await login.connect()
  })
  afterAll(async () => {
    await login.end()
    await app.stop()
    await rm(folder, { recursive: true })
  })

  const command = (...args: string[]) => {
    const { DATABASE_URL, DATA_DIR, masterKeys } = app.on.config
    const [key] = masterKeys
    return chatflow(args, {
      DATABASE_URL,
      DATA_DIR,
      LOG_LEVEL: 'silent',
      CHATFLOW_MASTER_KEY: `${key?.id}:${key?.key.toString('base64')}`,
    })
  }

  /** Every row of every table but those that tell of the restore itself. */
  async function picture(): Promise<Record<string, string>> {
    const tables = new Set((await columnsOf(login)).map(({ table }) => table))
    const found: Record<string, string> = {}
    for (const table of tables) {
      if (['restores', 'sweep_runs', 'deletion_ledger', 'backups'].includes(table)) continue
      const { rows: all } = await login.query<{ text: string }>(
        `select t::text as text from app."${table}" t order by 1`,
      )
      found[table] = all.map(({ text }) => text).join('\n')
    }
    return found
  }

  test('a backup comes back row for row, but nobody is signed in and nothing goes out a second time', async () => {
    const org = await app.org()
    const talk = await openTalk(app.on, org)
    await talk.say('on its way')
    const mail = { to: 'somebody@example.test', kind: 'alarm', subject: 'x', text: 'x' } as const
    const sent = await app.on.db.withSystem((tx) => queueMail(tx, app.on, mail))
    await login.query(`update app.mail_outbox set state = 'pending'`)
    await signInAs(app.on, org, org.owner)
    const file = path.join(folder, 'a.backup')
    const made = await command('backup', '--out', file)
    expect([made.code, made.result]).toMatchObject([0, { file, records: { messages: 1 } }])
    expect(await command('backup', '--out', file)).toMatchObject({
      code: 1,
      result: { error: { code: 'file_exists' } },
    })
    const before = await picture()
    await read(app.on, org, 'delete from messages where org_id = :org')
    await app.org()

    const back = await command('restore', file)
    expect([back.code, back.result]).toMatchObject([0, { backup: made.result['id'], replayed: 0 }])
    const after = await picture()
    expect(after['user_sessions']).toBe('')
    const changed = Object.keys(before).filter((table) => before[table] !== after[table])
    // The sweep at the end of a restore notes which organizations are in use, and each process which keys it uses.
    expect(changed.toSorted()).toEqual([
      'key_usage',
      'mail_outbox',
      'master_keys',
      'messages',
      'organizations',
      'outbox',
      'user_sessions',
    ])
    const unsent = `select m.status, o.state from messages m join outbox o on o.message_id = m.id where m.org_id = :org`
    expect(await read(app.on, org, unsent)).toEqual([{ status: 'unknown', state: 'unknown' }])
    const mails = await app.on.db.withSystem((tx) => tx('mail_outbox').select('id', 'state'))
    expect(mails).toEqual([{ id: sent, state: 'kept' }])
    // What is written afterwards finds triggers, keys and row security as they were.
    const ana = newCustomer()
    await arrive(app.on, org, messagesBody(org.connection, ana, messageOf(ana, 'Hello again')))
    await talk.say('after it')
    const [{ relforce } = {}] = (
      await login.query<{ relforce: boolean }>(
        `select bool_and(relforcerowsecurity and relrowsecurity) as relforce from pg_class
        where relnamespace = 'app'::regnamespace and relkind = 'r'`,
      )
    ).rows
    expect(relforce).toBe(true)
  })

  test('a database that was set back by other means deletes nothing more before the ledger was done again', async () => {
    const org = await app.org()
    const ana = newCustomer()
    await arrive(app.on, org, messagesBody(org.connection, ana, messageOf(ana, 'Hello')))
    const kept = { contacts: '', contact_identities: '', conversations: '', messages: '' }
    const { rows: ends } = await login.query<{ n: string }>(
      'select max(n) as n from app.deletion_ledger',
    )
    for (const table of Object.keys(kept))
      await login.query(`create table public.kept_${table} as select * from app.${table}`)
    const erase = async (): Promise<string> => {
      const [found] = await read<{ id: string }>(
        app.on,
        org,
        'select id from contacts where org_id = :org',
      )
      const wish = { kind: 'contact' as const, org: org.id, road: 'agent' as const, by: SYSTEM }
      return (await requestDeletion(app.on, { ...wish, subject: found?.id ?? '' })).code
    }
    const code = await erase()
    expect((await advanceDue(app.on, { now: app.on.now() })).failed).toEqual([])

    await login.query('delete from app.deletions')
    await login.query('delete from app.deletion_ledger where n > $1', [ends[0]?.n ?? 0])
    for (const table of Object.keys(kept)) {
      await login.query(
        `insert into app.${table} select * from public.kept_${table} on conflict do nothing`,
      )
      await login.query(`drop table public.kept_${table}`)
    }
    expect((await sweepRetention(app.on, app.on.now())).overdue).toEqual(['deletion ledger'])

    const { config, log } = app.on
    const { queuePrefix } = app
    const on = await openResources(config, { log, queuePrefix, doors: RESTORE_DOORS })
    expect(await replayLedger(on)).toEqual({ replayed: 1 })
    await on.close()
    expect((await findDeletion(app.on, code))?.state).toBe('purged')
    expect(await read(app.on, org, 'select 1 from contacts where org_id = :org')).toEqual([])
    expect((await sweepRetention(app.on, app.on.now())).overdue).toEqual([])
    const alarms = await app.on.db.withSystem((tx) =>
      rows(tx, `select 1 from alarms where kind = 'ledger' and cleared_at is null`),
    )
    expect(alarms).toEqual([])
  })
})
