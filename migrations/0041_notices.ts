import type { Knex } from 'knex'

/** What Meta reports of accounts, numbers and templates, and where a template stands. */
export async function up(db: Knex): Promise<void> {
  await db.raw(`
    set local role cf_owner;
    set local search_path = app, public;

    create table notices (
      org_id uuid not null references organizations,
      id uuid not null,
      -- Null where it is about the whole business account.
      connection_id uuid,
      waba_id text,
      field text not null check (field ~ '^[a-z_]{1,60}$'),
      event text not null check (event ~ '^[A-Za-z0-9_.-]{1,80}$'),
      payload jsonb not null default '{}',
      -- Digest of the content: what comes again is known.
      key bytea not null,
      at timestamptz not null,
      received_at timestamptz not null default now(),
      primary key (org_id, id),
      unique (org_id, key),
      foreign key (org_id, connection_id) references connections
    );
    create index notices_connection on notices (org_id, connection_id, at desc, id desc);
    create index notices_account on notices (org_id, waba_id, at desc, id desc);
    create index notices_retention on notices (org_id, received_at);

    -- What our fields do not cover, sealed. It may name customers, so it goes long before the notice.
    create table notice_originals (
      org_id uuid not null,
      notice_id uuid not null,
      raw text not null,
      received_at timestamptz not null default now(),
      primary key (org_id, notice_id),
      foreign key (org_id, notice_id) references notices on delete cascade
    );
    create index notice_originals_retention on notice_originals (org_id, received_at);

    -- A template belongs to the business account; each word about it has its own time, so that order does not matter.
    create table templates (
      org_id uuid not null references organizations,
      id uuid not null,
      waba_id text not null,
      graph_id text,
      name text not null,
      language text not null,
      status text,
      status_at timestamptz,
      reason text,
      category text,
      category_at timestamptz,
      next_category text,
      next_category_at timestamptz,
      quality text,
      quality_at timestamptz,
      -- Its content was edited at Meta: what a sync read before is old.
      changed_at timestamptz,
      created_at timestamptz not null default now(),
      primary key (org_id, id),
      unique (org_id, waba_id, name, language)
    );

    select protect(t) from unnest(array['notices', 'notice_originals', 'templates']::regclass[]) t;
    reset role;
  `)
}

export async function down(db: Knex): Promise<void> {
  await db.raw('drop table app.templates, app.notice_originals, app.notices')
}
