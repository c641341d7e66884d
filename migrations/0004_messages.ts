import type { Knex } from 'knex'

/** Conversations, what was said in them, and what WhatsApp reported of it. */
export async function up(db: Knex): Promise<void> {
  await db.raw(`
    set local role cf_owner;
    set local search_path = app, public;

    create table conversations (
      org_id uuid not null,
      id uuid not null,
      contact_id uuid not null,
      connection_id uuid not null,
      status text not null default 'open' check (status in ('open', 'snoozed', 'resolved')),
      snoozed_until timestamptz,
      assignee_id uuid,
      unread int not null default 0 check (unread >= 0),
      read_at timestamptz,
      last_message_id uuid,
      last_message_at timestamptz not null,
      last_message_preview text,
      last_message_direction text check (last_message_direction in ('in', 'out')),
      window_expires_at timestamptz,
      created_at timestamptz not null default now(),
      primary key (org_id, id),
      unique (org_id, connection_id, contact_id),
      foreign key (org_id, contact_id) references contacts on delete cascade,
      foreign key (org_id, connection_id) references connections,
      foreign key (org_id, assignee_id) references memberships (org_id, user_id) on delete set null (assignee_id)
    ) with (fillfactor = 85);
    create index conversations_list on conversations (org_id, status, last_message_at desc, id desc);
    create index conversations_mine on conversations (org_id, assignee_id, status, last_message_at desc, id desc);
    create index conversations_by_connection on conversations (org_id, connection_id, status, last_message_at desc, id desc);
    create index conversations_contact on conversations (org_id, contact_id);
    create index conversations_unread on conversations (org_id, assignee_id) where unread > 0;

    create table messages (
      org_id uuid not null,
      id uuid not null,
      conversation_id uuid not null,
      direction text not null check (direction in ('in', 'out')),
      kind text not null,
      text text,
      payload jsonb not null default '{}',
      raw text,
      wamid text,
      status text not null check (status in ('received', 'queued', 'sending', 'unknown', 'accepted', 'sent', 'failed',
                                             'delivered', 'read', 'cancelled')),
      rank smallint,
      context_wamid text,
      author_id uuid,
      client_token text,
      error_code text,
      error_title text,
      created_at timestamptz not null,
      received_at timestamptz not null default now(),
      sent_at timestamptz,
      delivered_at timestamptz,
      read_at timestamptz,
      failed_at timestamptz,
      resent_as uuid,
      deleted_at timestamptz,
      primary key (org_id, id),
      -- The truth: nothing twice, in either direction.
      unique (org_id, wamid),
      foreign key (org_id, conversation_id) references conversations on delete cascade,
      check ((direction = 'in') = (status = 'received')),
      check ((direction = 'out') = (rank is not null))
    );
    create index messages_thread on messages (org_id, conversation_id, created_at desc, id desc);
    create unique index messages_token on messages (org_id, client_token) where client_token is not null;
    create index messages_refs on messages (org_id, context_wamid) where kind in ('reaction', 'edit', 'revoke');
    create index messages_retention on messages (org_id, created_at);

    -- Every status WhatsApp reports; parked while its message is unknown. No foreign key: it may come first.
    create table message_events (
      org_id uuid not null,
      wamid text not null,
      status text not null check (status in ('sent', 'delivered', 'read', 'failed', 'deleted')),
      rank smallint not null,
      at timestamptz not null,
      connection_id uuid not null,
      ref uuid,
      error jsonb,
      billing jsonb,
      applied_at timestamptz,
      received_at timestamptz not null default now(),
      primary key (org_id, wamid, status),
      foreign key (org_id, connection_id) references connections
    );
    create index message_events_parked on message_events (received_at) where applied_at is null;
    create index message_events_retention on message_events (org_id, received_at);
    create index message_events_connection on message_events (org_id, connection_id);

    create table drafts (
      org_id uuid not null,
      conversation_id uuid not null,
      user_id uuid not null,
      text text not null,
      updated_at timestamptz not null default now(),
      primary key (org_id, conversation_id, user_id),
      foreign key (org_id, conversation_id) references conversations on delete cascade,
      foreign key (org_id, user_id) references memberships on delete cascade
    );
    create index drafts_user on drafts (org_id, user_id);

    select protect(t) from unnest(array['conversations', 'messages', 'message_events', 'drafts']::regclass[]) t;
    reset role;
  `)
}

export async function down(db: Knex): Promise<void> {
  await db.raw('drop table app.drafts, app.message_events, app.messages, app.conversations')
}
