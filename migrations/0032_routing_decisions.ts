import type { Knex } from 'knex'

/** Who or what asked for each message that goes out. The outbox refuses an entry of which nobody can say. */
export async function up(db: Knex): Promise<void> {
  await db.raw(`
    set local role cf_owner;
    set local search_path = app, public;

    create table routing_decisions (
      org_id uuid not null,
      message_id uuid not null,
      kind text not null check (kind in ('agent', 'template', 'api_key', 'rule')),
      -- The person, while the account exists; the key; the rule, in the version that was followed.
      actor_id uuid,
      cause_id uuid,
      cause_version int,
      because text not null check (length(because) between 1 and 500),
      at timestamptz not null,
      primary key (org_id, message_id),
      foreign key (org_id, message_id) references messages on delete cascade,
      check ((kind = 'rule') = (cause_version is not null)),
      check (kind <> 'rule' or cause_id is not null),
      check (kind in ('agent', 'template') or actor_id is null)
    );
    create index routing_decisions_actor on routing_decisions (org_id, actor_id);

    -- What was queued before reasons were kept: its author is on the message. The owner sees all rows for this one statement.
    alter table messages no force row level security;
    alter table outbox no force row level security;
    insert into routing_decisions (org_id, message_id, kind, actor_id, because, at)
    select m.org_id, m.id, case when m.author_id is null then 'api_key' else 'agent' end, m.author_id,
           case when m.author_id is null then 'A program of the organization asked for it.'
                else 'Somebody of the organization wrote it and pressed Send.' end, m.created_at
      from messages m join outbox o on o.org_id = m.org_id and o.message_id = m.id;
    alter table messages force row level security;
    alter table outbox force row level security;

    alter table outbox add constraint outbox_cause
      foreign key (org_id, message_id) references routing_decisions on delete cascade;
    select protect('routing_decisions');
    -- A reason stands as it was given; only the person in it goes with the account.
    create function decision_stands() returns trigger language plpgsql set search_path = pg_catalog as $$
    begin
      raise exception 'why a message was sent is not rewritten' using errcode = 'check_violation';
    end $$;
    revoke all on function decision_stands() from public;
    create trigger decisions_stand before update of kind, actor_id, cause_id, cause_version, because, at on routing_decisions
      for each row when ((new.kind, new.because, new.at) <> (old.kind, old.because, old.at)
        or new.cause_id is distinct from old.cause_id or new.cause_version is distinct from old.cause_version
        or (new.actor_id is not null and new.actor_id is distinct from old.actor_id))
      execute function decision_stands();
    reset role;
  `)
}

export async function down(db: Knex): Promise<void> {
  await db.raw(`
    alter table app.outbox drop constraint outbox_cause;
    drop table app.routing_decisions;
    drop function app.decision_stands();
  `)
}
