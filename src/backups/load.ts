import knex from 'knex'
import type pg from 'pg'
import { rows, SILENT, type Tx } from '../db.ts'
import { keepLines, type Line } from '../deletions/ledger.ts'
import { newId } from '../ids.ts'
import { keepUnsentMail } from '../ops/mail.ts'
import { remake } from '../migrate.ts'
import { doubtUnsent } from '../sending/restored.ts'
import { copyIn } from '../copy.ts'
import type { Entry } from './frames.ts'
import type { Backup } from './shelf.ts'
import { listColumns, type About, type Columns } from './snapshot.ts'

/** What the restored database has to know that its backup could not. */
export type Known = { lines: Line[]; backups: Backup[]; at: Date }

/**
 * The database as the backup saw it, in one transaction: whatever stops it leaves everything as it was. When it ends,
 * nobody but the restore is let in, what waited to be sent is in doubt, and the ledger is the one of today.
 */
export async function load(
  url: string,
  about: About,
  entries: AsyncIterable<Entry>,
  known: Known,
): Promise<void> {
  const db = knex({ client: 'pg', connection: url, pool: { min: 0, max: 1 }, log: SILENT })
  try {
    await db.transaction(async (tx) => {
      await tx.raw(`set local lock_timeout = '60s'`)
      await remake(tx, about.migrations)
      await tx.raw('set local role cf_owner')
      const links = await loosen(tx)
      await fill(tx, entries)
      await settle(tx, about, known)
      await fasten(tx, links)
      await tx.raw('reset role')
      await tx.raw('revoke usage on schema app from cf_app, cf_system')
    })
  } finally {
    await db.destroy()
  }
}

type Link = { table: string; name: string; definition: string }

/** Rows come table by table: foreign keys, triggers and row security bind again when all of them are there. */
async function loosen(tx: Tx): Promise<Link[]> {
  const links = await rows<Link>(
    tx,
    `select conrelid::regclass::text as "table", quote_ident(conname) as name, pg_get_constraintdef(oid) as definition
       from pg_constraint where contype = 'f' and connamespace = 'app'::regnamespace`,
  )
  for (const { table, name } of links) await tx.raw(`alter table ${table} drop constraint ${name}`)
  for (const table of await listTables(tx))
    await tx.raw(`alter table ${table} no force row level security, disable trigger user`)
  return links
}

async function fasten(tx: Tx, links: Link[]): Promise<void> {
  for (const { table, name, definition } of links)
    await tx.raw(`alter table ${table} add constraint ${name} ${definition}`)
  for (const table of await listTables(tx))
    await tx.raw(`alter table ${table} force row level security, enable trigger user`)
  await tx.raw(SEQUENCES)
}

async function listTables(tx: Tx): Promise<string[]> {
  const found = await rows<{ name: string }>(
    tx,
    `select oid::regclass::text as name from pg_class where relnamespace = 'app'::regnamespace and relkind = 'r'`,
  )
  return found.map(({ name }) => name)
}

async function fill(tx: Tx, entries: AsyncIterable<Entry>): Promise<void> {
  const client = (await (
    tx.client as { acquireConnection(): Promise<unknown> }
  ).acquireConnection()) as pg.ClientBase
  const live = await listColumns(client)
  let isWhole = false
  for await (const { head, data } of entries) {
    isWhole ||= head['what'] === 'end'
    if (head['what'] !== 'table') continue
    const { table, columns } = head as Columns
    const names = columns.map((column) => `"${column}"`).join(', ')
    // A name from a file becomes part of a statement only if it is one of ours.
    const own = live.find((one) => one.table === table)?.columns ?? []
    if (!columns.every((column) => own.includes(column))) throw new Error('an unknown table')
    await copyIn(client, `copy app."${table}" (${names}) from stdin`, data)
  }
  if (!isWhole) throw new Error('the backup has no end')
}

/** Times went on since: nothing is sent a second time, and what is known of deletions and backups stays known. */
async function settle(tx: Tx, about: About, { lines, backups, at }: Known): Promise<void> {
  await doubtUnsent(tx)
  await keepUnsentMail(tx)
  await tx.raw('set local search_path = app, public')
  await keepLines(tx, lines)
  for (const { id, kind, file, made_at, expires_at, bytes, sha256, removed_at } of backups)
    await tx.raw(
      `insert into backups (id, kind, file, made_at, expires_at, bytes, sha256, removed_at) values (?, ?, ?, ?, ?, ?, ?, ?)
       on conflict (id) do update set bytes = excluded.bytes, sha256 = excluded.sha256, removed_at = excluded.removed_at`,
      [id, kind, file, made_at, expires_at, bytes, sha256, removed_at] as never,
    )
  await tx.raw('insert into restores (id, backup_id, made_at, begun_at) values (?, ?, ?, ?)', [
    newId(),
    about.id,
    new Date(about.made_at),
    at,
  ])
}

/** Numbers that the database counts itself go on behind the highest there is. */
const SEQUENCES = `
  do $$
  declare c record;
  begin
    for c in select attrelid::regclass as tab, attname from pg_attribute
              where attrelid in (select oid from pg_class where relnamespace = 'app'::regnamespace and relkind = 'r')
                and attidentity <> '' and attnum > 0 loop
      execute format('select setval(pg_get_serial_sequence(%L, %L), coalesce(max(%I), 0) + 1, false) from %s',
        c.tab::text, c.attname, c.attname, c.tab);
    end loop;
  end $$`
