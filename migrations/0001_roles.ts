import type { Knex } from 'knex'

/**
 * Roles belong to the whole server and may be there already, made by another database or by a second
 * migrator a moment ago. None may log in, none bypasses row security.
 *
 * cf_owner owns tables and runs migrations; cf_app serves one organization per transaction; cf_system
 * serves sign-in, routing and sweeps; cf_search and cf_lookup own functions and are taken by nobody;
 * cf_idle is where every pooled connection begins; cf_queue is BullMQ's.
 */
export async function up(db: Knex): Promise<void> {
  await db.raw(`
    do $$
    declare r text;
    begin
      foreach r in array array['cf_owner', 'cf_app', 'cf_system', 'cf_search', 'cf_lookup', 'cf_idle', 'cf_queue'] loop
        begin
          if not exists (select from pg_roles where rolname = r) then
            execute format('create role %I nologin noinherit', r);
          end if;
        exception when duplicate_object or unique_violation then null;
        end;
        -- A superuser is a member of every role; granting again would need the admin option.
        if not pg_has_role(current_user, r, 'member') then
          execute format('grant %I to current_user', r);
        end if;
      end loop;
    end $$;

    create extension if not exists pg_trgm;
    create schema if not exists app;
    create schema if not exists jobs;
    revoke all on schema jobs from public;
    grant usage on schema jobs to cf_queue;
    revoke all on schema public from public;
    grant usage, create on schema app to cf_owner, cf_search, cf_lookup;
    grant usage on schema app to cf_app, cf_system;
    grant usage on schema public to cf_owner, cf_app, cf_system, cf_search, cf_lookup;

    set local role cf_owner;
    set local search_path = app, public;

    -- After a transaction the setting is the empty string, not null: both mean "no organization".
    create function app_org() returns uuid language plpgsql stable parallel safe set search_path = pg_catalog as $$
    declare v text := current_setting('app.org_id', true);
    begin
      if v is null or v = '' then
        raise exception 'tenant context missing' using errcode = '42501';
      end if;
      return v::uuid;
    end $$;

    -- The status people see for a rank; ranks of a message only grow.
    create function status_of(rank smallint) returns text language sql immutable parallel safe as $$
      select case rank when 0 then 'queued' when 5 then 'sending' when 10 then 'unknown' when 20 then 'accepted'
        when 30 then 'sent' when 40 then 'failed' when 50 then 'delivered' when 60 then 'read' end $$;

    revoke all on function app_org(), status_of(smallint) from public;
    grant execute on function app_org() to cf_app, cf_search;
    grant execute on function status_of(smallint) to cf_app;
    reset role;
  `)
}

export async function down(db: Knex): Promise<void> {
  await db.raw('drop schema app cascade; drop schema jobs cascade')
}
