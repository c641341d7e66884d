import type { Knex } from 'knex'

/** What people ask whoever operates the product, and when those may look at an organization's data to answer. */
export async function up(db: Knex): Promise<void> {
  await db.raw(`
    set local role cf_owner;
    set local search_path = app, public;

    -- Sealed under the key of the installation: also somebody without an account may ask.
    create table support_tickets (
      id uuid primary key,
      org_id uuid references organizations,
      user_id uuid references users on delete cascade,
      address text,
      subject text not null,
      state text not null default 'open' check (state in ('open', 'closed')),
      waits_for text not null default 'operator' check (waits_for in ('operator', 'asker')),
      once_digest bytea not null unique,
      created_at timestamptz not null,
      last_at timestamptz not null,
      closed_at timestamptz,
      check ((state = 'closed') = (closed_at is not null)),
      check ((user_id is null) = (address is not null))
    );
    create index support_tickets_org on support_tickets (org_id, last_at desc);
    create index support_tickets_user on support_tickets (user_id, last_at desc);
    create index support_tickets_desk on support_tickets (state, last_at desc);
    create index support_tickets_closed on support_tickets (closed_at);

    -- user_id is who asked, whichever side writes: with that person all of it goes.
    create table support_messages (
      id uuid primary key,
      ticket_id uuid not null references support_tickets on delete cascade,
      user_id uuid references users on delete cascade,
      side text not null check (side in ('asker', 'operator')),
      body text not null,
      at timestamptz not null
    );
    create index support_messages_ticket on support_messages (ticket_id, at);
    create index support_messages_user on support_messages (user_id);

    create table support_files (
      id uuid primary key,
      message_id uuid not null references support_messages on delete cascade,
      user_id uuid references users on delete cascade,
      name text not null,
      mime text not null check (mime in ('image/png', 'image/jpeg', 'image/webp', 'application/pdf', 'text/plain')),
      size int not null check (size between 1 and 2097152),
      bytes text not null,
      at timestamptz not null
    );
    create index support_files_message on support_files (message_id);
    create index support_files_user on support_files (user_id);

    -- What an owner allowed, and until when: nobody who operates the product opens anything without such a row.
    create table support_access (
      org_id uuid not null references organizations,
      id uuid not null,
      granted_by uuid not null,
      scope text not null check (scope in ('configuration', 'content')),
      granted_at timestamptz not null,
      until timestamptz not null,
      revoked_at timestamptz,
      primary key (org_id, id),
      foreign key (org_id, granted_by) references memberships (org_id, user_id) on delete cascade,
      check (until > granted_at and until <= granted_at + interval '72 hours')
    );
    create index support_access_member on support_access (org_id, granted_by);
    create index support_access_until on support_access (until);

    select protect(t) from unnest(array['support_tickets', 'support_access']::regclass[]) t;
    revoke insert, update, delete on support_tickets from cf_app;
    select protect_system(t) from unnest(array['support_tickets', 'support_messages', 'support_files']::regclass[]) t;
    -- Banners and operators read grants; they are given and taken back behind the organization's own door.
    create policy system on support_access for select to cf_system using (true);
    grant select on support_access to cf_system;
    reset role;
  `)
}

export async function down(db: Knex): Promise<void> {
  await db.raw(
    'drop table app.support_access, app.support_files, app.support_messages, app.support_tickets',
  )
}
