import type { Knex } from 'knex'

/** How long an organization wants to keep what, what sweeps did, and what people use. */
export async function up(db: Knex): Promise<void> {
  await db.raw(`
    set local role cf_owner;
    set local search_path = app, public;

    create table retention_settings (
      org_id uuid not null references organizations,
      rule text not null check (rule in ('messages', 'media')),
      days int not null check (days between 1 and 3650),
      changed_by uuid,
      changed_at timestamptz not null default now(),
      primary key (org_id, rule)
    );

    -- A row without a start was asked for by a person; one without an end was killed, or runs now.
    create table sweep_runs (
      id uuid primary key,
      now_arg timestamptz not null,
      started_at timestamptz,
      finished_at timestamptz,
      counts jsonb not null default '{}',
      overdue jsonb not null default '[]'
    );
    create index sweep_runs_now on sweep_runs (now_arg desc);

    -- The only way from a usage event to a person; taken away by an objection and with the membership.
    create table usage_refs (
      org_id uuid not null,
      user_id uuid not null,
      ref uuid not null,
      since timestamptz not null,
      primary key (org_id, user_id),
      unique (org_id, ref),
      foreign key (org_id, user_id) references memberships on delete cascade
    );
    create table usage_events (
      org_id uuid not null references organizations,
      id uuid not null,
      page text not null check (page ~ '^/[a-zA-Z:/_-]*$' and length(page) <= 100),
      feature text check (feature ~ '^[a-z_]{1,40}$'),
      at timestamptz not null,
      ref uuid not null,
      primary key (org_id, id)
    );
    create index usage_events_at on usage_events (org_id, at);
    create index usage_events_ref on usage_events (org_id, ref, at desc);

    -- A sweep asks organization by organization: what is due elsewhere must not be read each time.
    drop index outbox_finished;
    create index outbox_finished on outbox (org_id, finished_at) where finished_at is not null;
    create index messages_media on messages (org_id, created_at)
      where kind in ('image', 'video', 'audio', 'voice', 'document', 'sticker');

    select protect(t) from unnest(array['retention_settings', 'usage_refs', 'usage_events']::regclass[]) t;
    select protect_system('sweep_runs');
    reset role;
  `)
}

export async function down(db: Knex): Promise<void> {
  await db.raw(
    'drop table app.usage_events, app.usage_refs, app.sweep_runs, app.retention_settings',
  )
}
