import type { Knex } from 'knex'

/** What people with an account chose, allow and corrected, and what was corrected about a contact. */
export async function up(db: Knex): Promise<void> {
  await db.raw(CHOICES)
  await db.raw(CORRECTIONS)
}

const CHOICES = `
  set local role cf_owner;
  set local search_path = app, public;

  alter table memberships add column personalisation_objected_at timestamptz;
  -- An organization's no counts for all its members; of the two answers the stricter wins.
  alter table organizations
    add column no_usage boolean not null default false,
    add column no_personalisation boolean not null default false,
    add column no_optional_mail boolean not null default false;

  -- Without an organization it holds wherever the person is. Keys and values are declared in the product.
  create table user_preferences (
    id uuid primary key,
    user_id uuid not null references users on delete cascade,
    org_id uuid references organizations,
    key text not null check (key ~ '^[a-z_]{1,40}$'),
    value jsonb not null check (pg_column_size(value) <= 1000),
    at timestamptz not null,
    unique nulls not distinct (user_id, org_id, key),
    foreign key (org_id, user_id) references memberships on delete cascade
  );
  create index user_preferences_member on user_preferences (org_id, user_id);

  -- Whom somebody gave conversations to lately, so that these names come first: made from use, never asked.
  create table recent_assignees (
    org_id uuid not null,
    user_id uuid not null,
    assignee_id uuid not null,
    at timestamptz not null,
    primary key (org_id, user_id, assignee_id),
    foreign key (org_id, user_id) references memberships on delete cascade,
    foreign key (org_id, assignee_id) references memberships on delete cascade
  );
  create index recent_assignees_assignee on recent_assignees (org_id, assignee_id);

  -- The address before a change, sealed, for as long as the change can be taken back.
  create table address_undos (
    id uuid primary key,
    user_id uuid not null references users on delete cascade,
    token_digest bytea not null unique,
    address text not null,
    created_at timestamptz not null,
    expires_at timestamptz not null
  );
  create index address_undos_user on address_undos (user_id);
  create index address_undos_expires on address_undos (expires_at);

  select protect('user_preferences'), protect('recent_assignees');
  select protect_system('user_preferences'), protect_system('address_undos');
  reset role;`

const CORRECTIONS = `
  set local role cf_owner;
  set local search_path = app, public;

  -- Who said what a contact's field holds now, where it was not WhatsApp: a word of less weight does not replace it.
  alter table contacts add column sources jsonb not null default '{}';
  alter table contacts no force row level security;
  update contacts set sources = '{"name": "agent"}' where name is not null and name is distinct from profile_name;
  alter table contacts force row level security;

  create table contact_corrections (
    org_id uuid not null,
    id uuid not null,
    contact_id uuid not null,
    field text not null check (field in ('name', 'phone', 'email', 'attributes')),
    decision text not null check (decision in ('made', 'denied')),
    -- What the person says instead, where it was not taken over.
    statement text check (length(statement) between 1 and 2000),
    -- Who had got the earlier value and was told: kinds and ids.
    recipients jsonb not null default '[]',
    decided_by uuid,
    request_id uuid,
    at timestamptz not null,
    primary key (org_id, id),
    foreign key (org_id, contact_id) references contacts on delete cascade,
    check ((decision = 'denied') = (statement is not null))
  );
  create index contact_corrections_contact on contact_corrections (org_id, contact_id, at desc);

  -- What was said is a record and is not rewritten: what is right instead stands beside it.
  create table message_corrections (
    org_id uuid not null,
    id uuid not null,
    message_id uuid not null,
    text text not null check (length(text) between 1 and 2000),
    noted_by uuid,
    request_id uuid,
    at timestamptz not null,
    primary key (org_id, id),
    foreign key (org_id, message_id) references messages on delete cascade
  );
  create index message_corrections_message on message_corrections (org_id, message_id, at);

  select protect(t) from unnest(array['contact_corrections', 'message_corrections']::regclass[]) t;
  reset role;`

export async function down(db: Knex): Promise<void> {
  await db.raw(`
    drop table app.message_corrections, app.contact_corrections, app.address_undos, app.recent_assignees, app.user_preferences;
    alter table app.contacts drop column sources;
    alter table app.organizations drop column no_optional_mail, drop column no_personalisation, drop column no_usage;
    alter table app.memberships drop column personalisation_objected_at;
  `)
}
