import type { Knex } from 'knex'

/** Who asked that their data be restricted or not used for something, and what arrived from them meanwhile. */
export async function up(db: Knex): Promise<void> {
  await db.raw(`
    set local role cf_owner;
    set local search_path = app, public;

    -- Start, ground, end and history: a row is never taken back, it ends.
    create table restrictions (
      org_id uuid not null,
      id uuid not null,
      contact_id uuid not null,
      kind text not null check (kind in ('restricted', 'no_marketing', 'no_personalisation', 'no_usage', 'no_automation')),
      ground text not null check (ground in ('accuracy', 'unlawful', 'claim', 'objection', 'wish')),
      road text not null check (road in ('agent', 'chat', 'form', 'api', 'operator')),
      set_by uuid,
      request_id uuid,
      since timestamptz not null,
      -- When the admins were last told that the person wrote meanwhile.
      noticed_at timestamptz,
      lifted_at timestamptz check (lifted_at >= since),
      lifted_by uuid,
      primary key (org_id, id),
      foreign key (org_id, contact_id) references contacts on delete cascade
    );
    create unique index restrictions_active on restrictions (org_id, contact_id, kind) where lifted_at is null;
    create index restrictions_contact on restrictions (org_id, contact_id);

    create table restriction_notices (
      org_id uuid not null,
      id uuid not null,
      restriction_id uuid not null,
      road text not null check (road in ('whatsapp', 'email', 'phone', 'letter', 'in_person')),
      told_by uuid,
      told_at timestamptz not null,
      primary key (org_id, id),
      foreign key (org_id, restriction_id) references restrictions on delete cascade
    );
    create index restriction_notices_restriction on restriction_notices (org_id, restriction_id);

    -- The person is told before a restriction of processing is lifted: GDPR Art. 18(3).
    create function restriction_told() returns trigger language plpgsql set search_path = pg_catalog as $$
    begin
      if new.kind = 'restricted' and not exists (
        select from app.restriction_notices n where n.org_id = new.org_id and n.restriction_id = new.id
           and n.told_at <= new.lifted_at) then
        raise exception 'a restriction is not lifted before the person was told'
          using errcode = 'check_violation', constraint = 'restrictions_told';
      end if;
      return new;
    end $$;
    revoke all on function restriction_told() from public;
    create trigger restrictions_told before update of lifted_at on restrictions
      for each row when (old.lifted_at is null and new.lifted_at is not null) execute function restriction_told();

    -- What a restricted person wrote: sealed, outside every list, until the restriction is lifted.
    create table withheld_messages (
      org_id uuid not null,
      id uuid not null,
      contact_id uuid not null,
      connection_id uuid not null,
      wamid text not null,
      body text not null,
      at timestamptz not null,
      received_at timestamptz not null default now(),
      primary key (org_id, id),
      unique (org_id, wamid),
      foreign key (org_id, contact_id) references contacts on delete cascade,
      foreign key (org_id, connection_id) references connections
    );
    create index withheld_messages_contact on withheld_messages (org_id, contact_id, at, id);
    create index withheld_messages_connection on withheld_messages (org_id, connection_id);

    -- Every yes and no, of a contact, of a member, or of the organization for all its members (neither named).
    create table consents (
      org_id uuid not null references organizations,
      id uuid not null,
      contact_id uuid,
      user_id uuid,
      purpose text not null check (purpose in ('marketing', 'personalisation', 'usage', 'automation', 'optional_mail')),
      state text not null check (state in ('given', 'withdrawn')),
      road text not null check (road in ('settings', 'link', 'agent', 'chat', 'form', 'api', 'operator')),
      actor_id uuid,
      at timestamptz not null,
      primary key (org_id, id),
      foreign key (org_id, contact_id) references contacts on delete cascade,
      foreign key (org_id, user_id) references memberships on delete cascade
    );
    create index consents_contact on consents (org_id, contact_id, purpose, at desc) where contact_id is not null;
    create index consents_user on consents (org_id, user_id, purpose, at desc) where user_id is not null;

    select protect(t) from unnest(array['restrictions', 'restriction_notices', 'withheld_messages', 'consents']::regclass[]) t;
    -- A consent is of one person, and its log is not rewritten; only whoever acted may be forgotten. Both are looked at
    -- after the foreign keys.
    create function consent_stays() returns trigger language plpgsql set search_path = pg_catalog as $$
    begin
      raise exception 'a consent is of one person, and is not rewritten' using errcode = 'check_violation';
    end $$;
    revoke all on function consent_stays() from public;
    create trigger consents_stay after update on consents for each row
      when ((old.id, old.contact_id, old.user_id, old.purpose, old.state, old.road, old.at)
            is distinct from (new.id, new.contact_id, new.user_id, new.purpose, new.state, new.road, new.at))
      execute function consent_stays();
    create trigger consents_one after insert or update on consents for each row
      when (num_nonnulls(new.contact_id, new.user_id) > 1) execute function consent_stays();

    alter table sweep_runs add column held jsonb not null default '{}';
    reset role;
  `)
}

export async function down(db: Knex): Promise<void> {
  await db.raw(`
    alter table app.sweep_runs drop column held;
    drop table app.consents, app.withheld_messages, app.restriction_notices, app.restrictions;
    drop function app.restriction_told(), app.consent_stays();
  `)
}
