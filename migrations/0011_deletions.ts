import type { Knex } from 'knex'

/** What was asked to be deleted, how far that is, and what must not come back. */
export async function up(db: Knex): Promise<void> {
  await db.raw(`
    set local role cf_owner;
    set local search_path = app, public;

    -- Outlives what it deletes, so it has no foreign keys; an organization is null for a person's account.
    create table deletions (
      id uuid primary key,
      org_id uuid,
      kind text not null check (kind in ('org', 'contact', 'user')),
      subject_id uuid not null,
      code_digest bytea not null unique,
      road text not null check (road in ('self', 'agent', 'api', 'cli', 'operator', 'meta', 'dormant')),
      state text not null check (state in ('requested', 'confirmed', 'grace', 'purging', 'purged', 'cancelled')),
      reason text check (reason in ('withdrawn', 'lapsed', 'rejected')),
      requested_at timestamptz not null,
      confirmed_at timestamptz,
      grace_until timestamptz,
      deadline_at timestamptz not null,
      purged_at timestamptz,
      backups_clear_at timestamptz,
      steps jsonb not null default '{}',
      handles text,
      certificate jsonb,
      signature text,
      fence bigint not null default 0,
      lease_until timestamptz,
      check ((state = 'purged') = (purged_at is not null)),
      check (state <> 'cancelled' or reason is not null)
    );
    create index deletions_due on deletions (deadline_at) where state not in ('purged', 'cancelled');
    create index deletions_org on deletions (org_id, requested_at desc);
    -- One at a time for each subject: who asks again is told of the one there is.
    create unique index deletions_running on deletions (subject_id) where state not in ('purged', 'cancelled');

    create table deletion_events (
      id uuid primary key,
      deletion_id uuid not null references deletions on delete cascade,
      at timestamptz not null,
      state text not null,
      actor_kind text not null check (actor_kind in ('user', 'api_key', 'system', 'operator', 'subject'))
    );
    create index deletion_events_deletion on deletion_events (deletion_id, at);

    -- Keyed digests of erased identities. What WhatsApp dates before erased_at does not come back.
    create table suppressions (
      org_id uuid not null,
      kind text not null check (kind in ('wa_user_id', 'phone', 'phone_match', 'username', 'number')),
      digest bytea not null,
      erased_at timestamptz not null,
      expires_at timestamptz not null,
      primary key (org_id, kind, digest)
    );
    create index suppressions_expires on suppressions (expires_at);
    -- A body on the shared callback names a number and no organization.
    create index suppressions_number on suppressions (digest) where kind = 'number';

    -- What a person wrote is found when their account goes, without reading every message.
    create index messages_author on messages (org_id, author_id) where author_id is not null;

    select protect_system(t) from unnest(array['deletions', 'deletion_events', 'suppressions']::regclass[]) t;
    revoke update on deletion_events from cf_system;
    -- An organization sees its own and writes none.
    select protect(t) from unnest(array['deletions', 'suppressions']::regclass[]) t;
    revoke insert, update, delete on deletions, suppressions from cf_app;
    reset role;
  `)
}

export async function down(db: Knex): Promise<void> {
  await db.raw(`
    drop index app.messages_author;
    drop table app.suppressions, app.deletion_events, app.deletions;
  `)
}
