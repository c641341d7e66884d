import type { Knex } from 'knex'

/** Deletions that wait for whoever was mailed a link, and the order of states kept by the database itself. */
export async function up(db: Knex): Promise<void> {
  await db.raw(`
    set local role cf_owner;
    set local search_path = app, public;
    alter table deletions
      add column confirm_digest bytea unique,
      add column confirm_until timestamptz,
      add column reminders smallint not null default 0,
      add constraint deletions_confirm check (state = 'requested' or confirm_digest is null),
      add constraint deletions_confirm_until check ((confirm_digest is null) = (confirm_until is null));

    create function deletion_order() returns trigger language plpgsql set search_path = pg_catalog as $$
    begin
      if (old.state, new.state) not in (('requested', 'confirmed'), ('requested', 'grace'), ('requested', 'cancelled'),
          ('confirmed', 'grace'), ('confirmed', 'cancelled'), ('grace', 'purging'), ('grace', 'cancelled'),
          ('purging', 'purged')) then
        raise exception 'a deletion does not go from % to %', old.state, new.state using errcode = 'check_violation';
      end if;
      return new;
    end $$;
    create trigger deletions_order before update of state on deletions
      for each row when (old.state is distinct from new.state) execute function deletion_order();

    -- What was promised to whoever asked does not move.
    create function deletion_clock() returns trigger language plpgsql set search_path = pg_catalog as $$
    begin
      raise exception 'the clock of a deletion is set once' using errcode = 'check_violation';
    end $$;
    create trigger deletions_clock before update of requested_at, deadline_at on deletions
      for each row when (old.requested_at <> new.requested_at or old.deadline_at <> new.deadline_at)
      execute function deletion_clock();
    revoke all on function deletion_order(), deletion_clock() from public;
    reset role;
  `)
}

export async function down(db: Knex): Promise<void> {
  await db.raw(`
    drop trigger deletions_clock on app.deletions;
    drop trigger deletions_order on app.deletions;
    drop function app.deletion_clock();
    drop function app.deletion_order();
    alter table app.deletions drop column reminders, drop column confirm_until, drop column confirm_digest;
  `)
}
