import type { Knex } from 'knex'

/** What is still to be sent, what changed, what could not be stored, and mail. */
export async function up(db: Knex): Promise<void> {
  await db.raw(`
    set local role cf_owner;
    set local search_path = app, public;

    create table outbox (
      org_id uuid not null,
      message_id uuid not null,
      conversation_id uuid not null,
      connection_id uuid not null,
      ord bigint generated always as identity,
      lane smallint not null default 0 check (lane in (0, 1)),
      state text not null default 'pending' check (state in ('pending', 'retry', 'claimed', 'posting', 'unknown', 'done', 'cancelled')),
      body jsonb not null,
      due_at timestamptz not null default now(),
      hold_until timestamptz,
      attempts int not null default 0,
      fence bigint not null default 0,
      lease_until timestamptz,
      worker text,
      posted_at timestamptz,
      error_class text,
      error_code text,
      created_at timestamptz not null default now(),
      finished_at timestamptz,
      primary key (org_id, message_id),
      foreign key (org_id, message_id) references messages on delete cascade,
      check ((finished_at is null) = (state not in ('done', 'cancelled')))
    ) with (fillfactor = 70);
    create index outbox_claim on outbox (org_id, connection_id, lane, ord) where state in ('pending', 'retry');
    create index outbox_order on outbox (org_id, conversation_id, ord) where finished_at is null;
    -- Two messages of one conversation in flight are impossible, whatever the claim does.
    create unique index outbox_one_in_flight on outbox (org_id, conversation_id) where state in ('claimed', 'posting');
    create index outbox_due on outbox (due_at) where state in ('pending', 'retry');
    create index outbox_lease on outbox (lease_until) where state in ('claimed', 'posting');
    create index outbox_finished on outbox (finished_at) where finished_at is not null;

    create table feed_counters (
      org_id uuid primary key references organizations,
      seq bigint not null default 0
    ) with (fillfactor = 50);
    create table feed (
      org_id uuid not null,
      seq bigint not null,
      kind text not null,
      ref_id uuid not null,
      at timestamptz not null default clock_timestamp(),
      primary key (org_id, seq)
    );
    create index feed_retention on feed (org_id, at);

    create table dead_letters (
      id uuid primary key,
      org_id uuid references organizations,
      queue text not null,
      reason text not null check (reason in ('unknown_number', 'parse', 'data', 'crash', 'refused', 'other')),
      phone_number_id text,
      connection_id uuid,
      body text not null,
      code text,
      attempts int not null default 1,
      crashes int not null default 0,
      version text,
      first_seen_at timestamptz not null default now(),
      last_seen_at timestamptz not null default now(),
      expires_at timestamptz not null
    );
    create index dead_letters_org on dead_letters (org_id, id desc);
    create index dead_letters_number on dead_letters (phone_number_id) where reason = 'unknown_number';
    create index dead_letters_expires on dead_letters (expires_at);

    create table mail_outbox (
      id uuid primary key,
      org_id uuid references organizations,
      user_id uuid references users on delete cascade,
      kind text not null,
      recipient text not null,
      body text not null,
      state text not null default 'pending' check (state in ('pending', 'claimed', 'sent', 'failed', 'kept')),
      due_at timestamptz not null default now(),
      lease_until timestamptz,
      attempts int not null default 0,
      created_at timestamptz not null default now(),
      sent_at timestamptz
    );
    create index mail_outbox_due on mail_outbox (due_at) where state in ('pending', 'claimed');
    create index mail_outbox_org on mail_outbox (org_id);
    create index mail_outbox_user on mail_outbox (user_id);
    create index mail_outbox_created on mail_outbox (created_at);

    select protect(t) from unnest(array['outbox', 'feed_counters', 'feed', 'dead_letters', 'mail_outbox']::regclass[]) t;
    select protect_system(t) from unnest(array['dead_letters', 'mail_outbox']::regclass[]) t;
    reset role;
  `)
}

export async function down(db: Knex): Promise<void> {
  await db.raw(
    'drop table app.mail_outbox, app.dead_letters, app.feed, app.feed_counters, app.outbox',
  )
}
