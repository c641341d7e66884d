import type { Knex } from 'knex'

/** WhatsApp numbers and the people who write to them. */
export async function up(db: Knex): Promise<void> {
  await db.raw(`
    set local role cf_owner;
    set local search_path = app, public;

    create table connections (
      org_id uuid not null references organizations,
      id uuid not null unique,
      name text not null default '',
      phone_number_id text not null,
      waba_id text not null,
      display_phone text,
      state text not null default 'active' check (state in ('pending', 'active', 'disabled', 'suspended', 'removed')),
      state_reason text,
      access_token text,
      app_secret text,
      verify_token text,
      quality text,
      throughput int not null default 80,
      settings jsonb not null default '{}',
      verified_at timestamptz,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now(),
      primary key (org_id, id),
      -- Never unique across organizations: that would tell one about the other.
      unique (org_id, phone_number_id)
    );
    create index connections_number on connections (phone_number_id);
    create index connections_waba on connections (waba_id);

    create table contacts (
      org_id uuid not null references organizations,
      id uuid not null,
      name text,
      profile_name text,
      profile_name_at timestamptz,
      search_name text,
      email text,
      attributes jsonb not null default '{}',
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now(),
      primary key (org_id, id)
    );
    create index contacts_list on contacts (org_id, search_name, id);
    create index contacts_trgm on contacts using gin (search_name gin_trgm_ops);

    -- A person is found by any of these; the phone number may be missing or change.
    create table contact_identities (
      org_id uuid not null,
      kind text not null check (kind in ('wa_user_id', 'phone', 'username', 'phone_match')),
      value text not null,
      contact_id uuid not null,
      created_at timestamptz not null default now(),
      primary key (org_id, kind, value),
      foreign key (org_id, contact_id) references contacts on delete cascade
    );
    create index contact_identities_contact on contact_identities (org_id, contact_id);
    create index contact_identities_trgm on contact_identities using gin (value gin_trgm_ops) where kind in ('phone', 'username');

    select protect(t) from unnest(array['connections', 'contacts', 'contact_identities']::regclass[]) t;
    reset role;
  `)
}

export async function down(db: Knex): Promise<void> {
  await db.raw('drop table app.contact_identities, app.contacts, app.connections')
}
