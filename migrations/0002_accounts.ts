import type { Knex } from 'knex'

/** Organizations, their keys, people with an account, and programs. Closed lists are text with CHECK: enum equality is not leakproof. */
export async function up(db: Knex): Promise<void> {
  await db.raw(`
    set local role cf_owner;
    set local search_path = app, public;

    create table organizations (
      org_id uuid primary key,
      name text not null check (length(name) between 1 and 200),
      status text not null default 'active' check (status in ('active', 'frozen', 'purging')),
      settings jsonb not null default '{}',
      require_2fa boolean not null default false,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now()
    );

    -- The write fence: an organization that is being purged takes no new rows; deleting goes on.
    create function app_writable_org() returns uuid language plpgsql stable parallel safe set search_path = pg_catalog as $$
    declare o uuid := app.app_org();
    begin
      if not exists (select from app.organizations where org_id = o and status <> 'purging') then
        raise exception 'organization is gone or being erased' using errcode = '42501';
      end if;
      return o;
    end $$;
    revoke all on function app_writable_org() from public;
    grant execute on function app_writable_org() to cf_app;

    -- Every table with org_id passes through here: forced row security, one policy, rights for cf_app.
    create function protect(t regclass) returns void language plpgsql set search_path = pg_catalog as $$
    begin
      execute format('alter table %s enable row level security', t);
      execute format('alter table %s force row level security', t);
      execute format('create policy tenant on %s to cf_app using (org_id = (select app.app_org()))
                      with check (org_id = (select app.app_writable_org()))', t);
      execute format('grant select, insert, update, delete on %s to cf_app', t);
    end $$;
    -- Tables that cf_system serves too, or alone.
    create function protect_system(t regclass) returns void language plpgsql set search_path = pg_catalog as $$
    begin
      execute format('alter table %s enable row level security', t);
      execute format('alter table %s force row level security', t);
      execute format('create policy system on %s to cf_system using (true) with check (true)', t);
      execute format('grant select, insert, update, delete on %s to cf_system', t);
    end $$;
    revoke all on function protect(regclass), protect_system(regclass) from public;

    create table org_keys (
      org_id uuid not null references organizations,
      kid text not null,
      wrapped text not null,
      wrapped_by text not null,
      state text not null default 'active' check (state in ('active', 'retired')),
      seals bigint not null default 0,
      created_at timestamptz not null default now(),
      primary key (org_id, kid)
    );
    create unique index org_keys_active on org_keys (org_id) where state = 'active';

    create table users (
      id uuid primary key,
      email text not null unique check (email = lower(email)),
      name text not null,
      password_hash text,
      email_verified_at timestamptz,
      preferences jsonb not null default '{}',
      failed_logins int not null default 0,
      disabled_at timestamptz,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now()
    );

    create table memberships (
      org_id uuid not null references organizations,
      user_id uuid not null references users on delete cascade,
      role text not null check (role in ('owner', 'admin', 'agent', 'viewer')),
      usage_objected_at timestamptz,
      notifications jsonb not null default '{}',
      created_at timestamptz not null default now(),
      primary key (org_id, user_id)
    );
    create index memberships_user on memberships (user_id);

    -- The session id is stored as its SHA-256: a dump of the table gives nobody a cookie.
    create table user_sessions (
      sid text primary key,
      sess json not null,
      expire timestamptz not null,
      user_id uuid generated always as ((sess ->> 'uid')::uuid) stored references users on delete cascade,
      created_at timestamptz not null default now()
    );
    create index user_sessions_user on user_sessions (user_id);
    create index user_sessions_expire on user_sessions (expire);

    create table invitations (
      org_id uuid not null references organizations,
      id uuid not null,
      code_digest bytea not null unique,
      email text not null,
      role text not null check (role in ('owner', 'admin', 'agent', 'viewer')),
      invited_by uuid,
      expires_at timestamptz not null,
      used_at timestamptz,
      created_at timestamptz not null default now(),
      primary key (org_id, id)
    );

    create table password_resets (
      token_digest bytea primary key,
      user_id uuid not null references users on delete cascade,
      purpose text not null check (purpose in ('reset', 'verify_email', 'change_email', 'undo_email')),
      new_email text,
      expires_at timestamptz not null,
      used_at timestamptz,
      created_at timestamptz not null default now()
    );
    create index password_resets_user on password_resets (user_id);
    create index password_resets_expires on password_resets (expires_at);

    -- Kept by rate-limiter-flexible; the key is a keyed digest, never an address.
    create table throttles (
      key varchar(255) primary key,
      points integer not null default 0,
      expire bigint
    );
    create index throttles_expire on throttles (expire);

    create table api_keys (
      org_id uuid not null references organizations,
      id uuid not null,
      name text not null,
      key_digest bytea not null unique,
      hint text not null,
      scopes text[] not null default '{}',
      created_by uuid,
      created_at timestamptz not null default now(),
      last_used_on date,
      expires_at timestamptz,
      revoked_at timestamptz,
      primary key (org_id, id)
    );
    create table idempotency_keys (
      org_id uuid not null,
      api_key_id uuid not null,
      key text not null,
      request_digest bytea not null,
      status int,
      response text,
      created_at timestamptz not null default now(),
      primary key (org_id, api_key_id, key),
      foreign key (org_id, api_key_id) references api_keys on delete cascade
    );
    create index idempotency_keys_retention on idempotency_keys (created_at);

    select protect(t) from unnest(array['organizations', 'org_keys', 'memberships', 'invitations', 'api_keys',
      'idempotency_keys']::regclass[]) t;
    select protect_system(t) from unnest(array['organizations', 'users', 'user_sessions', 'password_resets', 'throttles']::regclass[]) t;
    revoke insert, delete on organizations from cf_app;

    -- cf_app sees the members of its organization, without secrets; sign-in and profile go through cf_system.
    create policy members on users for select to cf_app
      using (id in (select m.user_id from memberships m where m.org_id = (select app_org())));
    grant select (id, email, name, disabled_at, created_at) on users to cf_app;
    reset role;
  `)
}

export async function down(db: Knex): Promise<void> {
  await db.raw(`
    drop table app.idempotency_keys, app.api_keys, app.throttles, app.password_resets, app.invitations, app.user_sessions,
      app.memberships, app.users, app.org_keys, app.organizations;
    drop function app.protect(regclass), app.protect_system(regclass), app.app_writable_org();
  `)
}
