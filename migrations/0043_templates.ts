import type { Knex } from 'knex'

/** What a template says, as Meta gives it when asked, and how far the asking came. */
export async function up(db: Knex): Promise<void> {
  await db.raw(`
    set local role cf_owner;
    set local search_path = app, public;

    alter table templates
      add column parameter_format text,
      -- Null until it was read: a report of Meta names a template without its words.
      add column components jsonb,
      -- Meta's own words on why it was rejected.
      add column said text,
      add column synced_at timestamptz,
      -- A whole list of Meta no longer had it.
      add column gone_at timestamptz;

    -- One row for each business account. It says whether its list is wanted, who reads it now, and how that ended.
    create table template_syncs (
      org_id uuid not null references organizations,
      waba_id text not null,
      asked_at timestamptz,
      began_at timestamptz,
      lease_until timestamptz,
      fence bigint not null default 0,
      found int not null default 0,
      ended_at timestamptz,
      outcome text check (outcome in ('ok', 'refused', 'unreachable')),
      code text,
      said text,
      -- When the list was last read whole.
      ok_at timestamptz,
      primary key (org_id, waba_id)
    );
    select protect('template_syncs'::regclass);
    create index template_syncs_asked on template_syncs (asked_at) where asked_at is not null;
    grant select (org_id, waba_id, asked_at, lease_until, ended_at, outcome) on template_syncs to cf_lookup;
    grant select (created_at) on connections to cf_lookup;
    create policy lookup on template_syncs for select to cf_lookup using (true);
    reset role;
    grant create on schema app to cf_lookup;

    set local role cf_lookup;
    -- Accounts whose list somebody waits for, or that was not read for an hour (ten minutes after Meta was out of reach).
    -- A number that was connected a moment ago is asked for when it is connected.
    create function due_syncs(p_limit int) returns table (org_id uuid, waba_id text, asked boolean)
    language sql stable security definer set search_path = pg_catalog as $$
      (select s.org_id, s.waba_id, true from app.template_syncs s
        where s.asked_at is not null and (s.lease_until is null or s.lease_until < now()) order by s.asked_at limit p_limit)
      union all
      (select c.org_id, c.waba_id, false from app.connections c
         left join app.template_syncs s on s.org_id = c.org_id and s.waba_id = c.waba_id
        where c.state in ('active', 'pending') and s.asked_at is null and (s.lease_until is null or s.lease_until < now())
          and coalesce(s.ended_at, c.created_at)
            < now() - case when s.outcome = 'unreachable' then interval '10 minutes' else interval '1 hour' end
        group by 1, 2 limit p_limit) $$;
    revoke all on function due_syncs(int) from public;
    grant execute on function due_syncs(int) to cf_system;
    reset role;
    revoke create on schema app from cf_lookup;
  `)
}

export async function down(db: Knex): Promise<void> {
  await db.raw(`
    drop function app.due_syncs(int);
    drop table app.template_syncs;
    revoke select (created_at) on app.connections from cf_lookup;
    alter table app.templates drop column parameter_format, drop column components, drop column said,
      drop column synced_at, drop column gone_at;
  `)
}
