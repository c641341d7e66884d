import type { Knex } from 'knex'

/** Preservation orders: what of one contact a deletion leaves until the order ends, and nothing else. */
export async function up(db: Knex): Promise<void> {
  await db.raw(`
    set local role cf_owner;
    set local search_path = app, public;

    alter table disclosures
      add column asks text not null default 'handing_over' check (asks in ('handing_over', 'preservation')),
      drop constraint disclosures_decision_check,
      add constraint disclosures_decision_check check (decision in ('disclosed', 'partly', 'preserved', 'refused', 'nothing_held')),
      -- What is only to be preserved is not handed over, and what is preserved two people stand for.
      add constraint disclosures_preserved check (asks = 'handing_over' or disclosed_at is null),
      add constraint disclosures_held check (decision is distinct from 'preserved'
        or (asks = 'preservation' and cardinality(approved_by) >= 2 and approved_by[1] <> approved_by[2]));

    -- A hold ends by itself: an order that goes on is placed anew.
    alter table legal_holds add column ends_at timestamptz not null default 'infinity',
      add column placed_by uuid, add column released_by uuid,
      add constraint legal_holds_span check (from_at < until_at),
      add constraint legal_holds_end check (ends_at > placed_at);
    alter table legal_holds alter column ends_at drop default;
    create index legal_holds_active on legal_holds (org_id, contact_id) where released_at is null;
    create index legal_holds_ends on legal_holds (ends_at) where released_at is null;

    -- Since when a deletion rests because of a hold, and how many rows of each table it left.
    alter table deletions add column retained_at timestamptz, add column retained jsonb,
      add constraint deletions_retained check (retained_at is null or (state = 'purging' and retained is not null));

    create policy held on legal_holds for select to cf_owner using (released_at is null);
    create policy held on connections to cf_owner
      using (exists (select from app.legal_holds h where h.org_id = connections.org_id));
    create policy held on conversations to cf_owner
      using (exists (select from app.legal_holds h where h.org_id = conversations.org_id and h.contact_id = conversations.contact_id));
    create policy held on org_keys to cf_owner
      using (exists (select from app.legal_holds h where h.org_id = org_keys.org_id));

    -- What rows under a hold must point to stays as an empty shell. The write fence lets nobody else change them.
    create function hold_strip(p_org uuid) returns void
    language plpgsql security definer set search_path = pg_catalog as $$
    begin
      if not exists (select from app.organizations where org_id = p_org and status = 'purging') then
        raise exception 'no purge is running for this organization' using errcode = '42501';
      end if;
      update app.connections set name = '', display_phone = null, state_reason = null, access_token = null, app_secret = null,
        verify_token = null, settings = '{}' where org_id = p_org;
      update app.conversations set last_message_preview = null where org_id = p_org;
    end $$;
    -- A key that opens held rows outlives the master key that it was wrapped by.
    create function hold_rewrap(p_org uuid, p_kid text, p_wrapped text, p_by text) returns void
    language sql security definer set search_path = pg_catalog as $$
      update app.org_keys set wrapped = p_wrapped, wrapped_by = p_by where org_id = p_org and kid = p_kid $$;
    revoke all on function hold_strip(uuid), hold_rewrap(uuid, text, text, text) from public;
    grant execute on function hold_strip(uuid), hold_rewrap(uuid, text, text, text) to cf_system;
    reset role;
  `)
}

export async function down(db: Knex): Promise<void> {
  await db.raw(`
    drop function app.hold_strip(uuid), app.hold_rewrap(uuid, text, text, text);
    drop policy held on app.org_keys;
    drop policy held on app.conversations;
    drop policy held on app.connections;
    drop policy held on app.legal_holds;
    alter table app.deletions drop column retained_at, drop column retained;
    drop index app.legal_holds_active, app.legal_holds_ends;
    alter table app.legal_holds drop constraint legal_holds_span, drop column ends_at, drop column placed_by, drop column released_by;
    alter table app.disclosures drop constraint disclosures_held, drop constraint disclosures_preserved, drop column asks;
  `)
}
