import type { Knex } from 'knex'

/** Since when which host is used here, and which organizations object to a sub-processor. */
export async function up(db: Knex): Promise<void> {
  await db.raw(`
    set local role cf_owner;
    set local search_path = app, public;
    create table processor_hosts (
      processor text not null check (processor ~ '^[a-z_]{1,40}$'),
      host text not null,
      first_at timestamptz not null,
      last_at timestamptz not null,
      primary key (processor, host)
    );
    create table processor_objections (
      org_id uuid not null references organizations,
      processor text not null check (processor ~ '^[a-z_]{1,40}$'),
      objected_by uuid,
      at timestamptz not null,
      primary key (org_id, processor)
    );
    select protect('processor_objections');
    select protect_system(t) from unnest(array['processor_hosts', 'processor_objections']::regclass[]) t;
    reset role;
  `)
}

export async function down(db: Knex): Promise<void> {
  await db.raw('drop table app.processor_objections, app.processor_hosts')
}
