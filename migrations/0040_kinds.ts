import type { Knex } from 'knex'

/** Every kind of message: from the phone app and its history, edited, taken back; and what people are known by. */
export async function up(db: Knex): Promise<void> {
  await db.raw(`
    set local role cf_owner;
    set local search_path = app, public;

    -- Null: through the API itself. Otherwise the road it came by.
    alter table messages
      add column via text check (via in ('phone', 'partner', 'history', 'standby')),
      add column revoked_at timestamptz;
    -- What is said of another message or call, whichever of them came first.
    drop index messages_refs;
    create index messages_refs on messages (org_id, context_wamid)
      where kind in ('reaction', 'edit', 'revoke', 'call_end', 'call_status', 'payment');

    -- One member's receipt is not the group's: it moves nothing, and no name is kept with it.
    alter table message_events drop constraint message_events_status_check;
    alter table message_events add constraint message_events_status_check check
      (status in ('sent', 'delivered', 'read', 'failed', 'deleted', 'warning', 'member_delivered', 'member_read'));

    alter table contact_identities drop constraint contact_identities_kind_check;
    alter table contact_identities add constraint contact_identities_kind_check
      check (kind in ('wa_user_id', 'wa_parent_id', 'phone', 'username', 'phone_match'));
    -- What the phone app's address book calls the person, and when it last said so.
    alter table contacts add column book_name text, add column book_at timestamptz;

    -- What a person told WhatsApp itself; the newest word on a category counts, whatever order they come in.
    create table contact_preferences (
      org_id uuid not null,
      contact_id uuid not null,
      category text not null check (category ~ '^[a-z_]{1,60}$'),
      value text not null check (value in ('stop', 'resume')),
      at timestamptz not null,
      primary key (org_id, contact_id, category),
      foreign key (org_id, contact_id) references contacts on delete cascade
    );

    -- Two contacts, the smaller id first, that may be one person: never joined without somebody's word.
    create table merge_suggestions (
      org_id uuid not null,
      contact_id uuid not null,
      other_id uuid not null,
      reason text not null check (reason in ('same_message', 'changed_number', 'shared_number', 'receipt')),
      at timestamptz not null default now(),
      dismissed_at timestamptz,
      primary key (org_id, contact_id, other_id),
      foreign key (org_id, contact_id) references contacts on delete cascade,
      foreign key (org_id, other_id) references contacts on delete cascade
    );
    create index merge_suggestions_other on merge_suggestions (org_id, other_id);

    select protect(t) from unnest(array['contact_preferences', 'merge_suggestions']::regclass[]) t;
    reset role;
  `)
}

export async function down(db: Knex): Promise<void> {
  await db.raw(`
    drop table app.merge_suggestions, app.contact_preferences;
    alter table app.contacts drop column book_at, drop column book_name;
    alter table app.messages drop column revoked_at, drop column via;
  `)
}
