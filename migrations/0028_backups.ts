import type { Knex } from 'knex'

/** Backups with an end, the deletions a restore has to do again, and the roles that neither page nor worker ever takes. */
export async function up(db: Knex): Promise<void> {
  await db.raw(ROLES)
  await db.raw(TABLES)
}

/**
 * cf_backup reads every row and writes none. cf_restore_app and cf_restore_system are cf_app and cf_system with a way of
 * their own into the schema: while a restore goes on, the ways of those two are taken away, and whatever else is connected
 * finds the door shut until every deletion was done again.
 */
const ROLES = `
  do $$
  declare r text;
  begin
    foreach r in array array['cf_backup', 'cf_restore_app', 'cf_restore_system'] loop
      begin
        if not exists (select from pg_roles where rolname = r) then
          execute format('create role %I nologin %s', r, case r when 'cf_backup' then 'noinherit' else 'inherit' end);
        end if;
      exception when duplicate_object or unique_violation then null;
      end;
      if not pg_has_role(current_user, r, 'member') then
        execute format('grant %I to current_user', r);
      end if;
    end loop;
    if not pg_has_role('cf_restore_app', 'cf_app', 'member') then grant cf_app to cf_restore_app; end if;
    if not pg_has_role('cf_restore_system', 'cf_system', 'member') then grant cf_system to cf_restore_system; end if;
  end $$;
  grant usage on schema app to cf_backup, cf_restore_app, cf_restore_system;
  grant usage on schema public to cf_restore_app, cf_restore_system;`

const TABLES = `
  set local role cf_owner;
  set local search_path = app, public;

  create function protect_backup(t regclass) returns void language plpgsql set search_path = pg_catalog as $$
  begin
    if exists (select from pg_policy where polrelid = t and polname = 'backup') then return; end if;
    execute format('create policy backup on %s for select to cf_backup using (true)', t);
    execute format('grant select on %s to cf_backup', t);
  end $$;
  revoke all on function protect_backup(regclass) from public;
  create or replace function protect(t regclass) returns void language plpgsql set search_path = pg_catalog as $$
  begin
    execute format('alter table %s enable row level security', t);
    execute format('alter table %s force row level security', t);
    execute format('create policy tenant on %s to cf_app using (org_id = (select app.app_org()))
                    with check (org_id = (select app.app_writable_org()))', t);
    execute format('grant select, insert, update, delete on %s to cf_app', t);
    perform app.protect_backup(t);
  end $$;
  create or replace function protect_system(t regclass) returns void language plpgsql set search_path = pg_catalog as $$
  begin
    execute format('alter table %s enable row level security', t);
    execute format('alter table %s force row level security', t);
    execute format('create policy system on %s to cf_system using (true) with check (true)', t);
    execute format('grant select, insert, update, delete on %s to cf_system', t);
    perform app.protect_backup(t);
  end $$;
  select protect_backup(oid::regclass) from pg_class
   where relnamespace = 'app'::regnamespace and relkind in ('r', 'p');

  -- A file that was made, and until when it may be there; null bytes: it is being made, or whoever made it was stopped.
  create table backups (
    id uuid primary key,
    kind text not null check (kind in ('file')),
    file text not null,
    made_at timestamptz not null,
    expires_at timestamptz not null,
    bytes bigint,
    sha256 bytea,
    removed_at timestamptz,
    check (expires_at > made_at)
  );
  create index backups_there on backups (expires_at) where removed_at is null;

  create table restores (
    id uuid primary key,
    backup_id uuid not null,
    made_at timestamptz not null,
    begun_at timestamptz not null,
    opened_at timestamptz,
    replayed int not null default 0
  );
  create index restores_begun on restores (begun_at);

  -- What a restore has to do again, chained and signed; the file beside the data is written from here.
  create table deletion_ledger (
    n bigint primary key,
    at timestamptz not null,
    line text not null
  );
  create index deletion_ledger_at on deletion_ledger (at);

  -- What the deletion was the first time, where a restore made it necessary again.
  alter table deletions add column first jsonb;

  select protect_system(t) from unnest(array['backups', 'restores', 'deletion_ledger']::regclass[]) t;
  create function ledger_frozen() returns trigger language plpgsql set search_path = pg_catalog as $$
  begin
    raise exception 'the deletion ledger is append-only' using errcode = '42501';
  end $$;
  create trigger frozen before update on deletion_ledger for each row execute function ledger_frozen();
  revoke all on function ledger_frozen() from public;
  reset role;`

export async function down(db: Knex): Promise<void> {
  await db.raw(`
    alter table app.deletions drop column first;
    drop table app.deletion_ledger, app.restores, app.backups;
    drop function app.ledger_frozen();
    revoke usage on schema app from cf_backup, cf_restore_app, cf_restore_system;
  `)
}
