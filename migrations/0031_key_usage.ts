import type { Knex } from 'knex'

/**
 * How often each key has sealed, set aside in blocks before it is used; what proves a master key to be the right one;
 * and all data keys for the directory, so that secrets open while a new key takes over.
 */
export async function up(db: Knex): Promise<void> {
  await db.raw(TABLES)
  await db.raw(LOOKUPS)
}

const TABLES = `
  set local role cf_owner;
  set local search_path = app, public;
  alter table org_keys drop column seals, add column retired_at timestamptz;
  update org_keys set retired_at = now() where state = 'retired';
  alter table org_keys add constraint org_keys_retired check ((state = 'retired') = (retired_at is not null));

  -- block is what the latest reservation was given; a row for each key, without locking the key itself.
  create table key_usage (
    org_id uuid not null references organizations,
    kid text not null,
    seals bigint not null check (seals >= 0),
    block bigint not null check (block >= 0),
    primary key (org_id, kid)
  );
  create index key_usage_seals on key_usage (seals);
  create table master_keys (
    kid text primary key,
    probe text,
    seals bigint not null default 0 check (seals >= 0),
    block bigint not null default 0 check (block >= 0),
    first_at timestamptz not null default now()
  );
  select protect('key_usage');
  select protect_system(t) from unnest(array['key_usage', 'master_keys']::regclass[]) t;
  revoke insert, update, delete on key_usage from cf_app;
  grant select (wrapped_by) on org_keys to cf_lookup;
  reset role;`

const LOOKUPS = `
  grant create on schema app to cf_lookup;
  set local role cf_lookup;
  drop function app.route_connections();
  -- All connections with their sealed secrets, for the directory. The one that proved its number last comes first.
  create function app.route_connections()
  returns table (org_id uuid, connection_id uuid, phone_number_id text, waba_id text, state text, app_secret text,
                 verify_token text, proven boolean, keys jsonb)
  language sql stable security definer set search_path = pg_catalog as $$
    with rings as materialized (
      select k.org_id, jsonb_agg(jsonb_build_object('kid', k.kid, 'wrapped', k.wrapped) order by k.state, k.kid) as keys
        from app.org_keys k group by k.org_id)
    select c.org_id, c.id, c.phone_number_id, c.waba_id, c.state, c.app_secret, c.verify_token,
           c.verified_at is not null, coalesce(r.keys, '[]')
      from app.connections c left join rings r on r.org_id = c.org_id
     where c.state <> 'removed'
     order by (c.state = 'active') desc, c.verified_at desc nulls last, c.id desc $$;
  -- Which master keys wrap data keys, how many, and one of them to try.
  create function app.wrapping_keys() returns table (wrapped_by text, n bigint, org_id uuid, kid text, wrapped text)
  language sql stable security definer set search_path = pg_catalog as $$
    select distinct on (k.wrapped_by) k.wrapped_by, count(*) over (partition by k.wrapped_by), k.org_id, k.kid, k.wrapped
      from app.org_keys k order by k.wrapped_by, k.org_id, k.kid $$;
  revoke all on function app.route_connections(), app.wrapping_keys() from public;
  grant execute on function app.route_connections(), app.wrapping_keys() to cf_system;
  reset role;
  revoke create on schema app from cf_lookup;`

export async function down(db: Knex): Promise<void> {
  await db.raw(`
    drop function app.wrapping_keys(), app.route_connections();
    drop table app.master_keys, app.key_usage;
    alter table app.org_keys drop column retired_at, add column seals bigint not null default 0;
    set local role cf_owner;
    grant create on schema app to cf_lookup;
    set local role cf_lookup;
    create function app.route_connections()
    returns table (org_id uuid, connection_id uuid, phone_number_id text, waba_id text, state text, app_secret text,
                   verify_token text, proven boolean, kid text, wrapped text)
    language sql stable security definer set search_path = pg_catalog as $$
      select c.org_id, c.id, c.phone_number_id, c.waba_id, c.state, c.app_secret, c.verify_token,
             c.verified_at is not null, k.kid, k.wrapped
        from app.connections c left join app.org_keys k on k.org_id = c.org_id and k.state = 'active'
       where c.state <> 'removed'
       order by (c.state = 'active') desc, c.verified_at desc nulls last, c.id desc $$;
    revoke all on function app.route_connections() from public;
    grant execute on function app.route_connections() to cf_system;
    reset role;
    revoke create on schema app from cf_lookup;
  `)
}
