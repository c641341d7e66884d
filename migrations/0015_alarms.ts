import type { Knex } from 'knex'

/** What somebody was told to look at, once for each stage of it. */
export async function up(db: Knex): Promise<void> {
  await db.raw(`
    set local role cf_owner;
    set local search_path = app, public;
    create table alarms (
      id uuid primary key,
      kind text not null check (kind ~ '^[a-z_]{1,40}$'),
      ref text not null,
      stage text not null check (stage ~ '^[a-z_]{1,40}$'),
      raised_at timestamptz not null,
      cleared_at timestamptz,
      unique (kind, ref, stage)
    );
    create index alarms_open on alarms (kind, raised_at) where cleared_at is null;
    create index alarms_raised on alarms (raised_at);
    select protect_system('alarms');
    reset role;
  `)
}

export async function down(db: Knex): Promise<void> {
  await db.raw('drop table app.alarms')
}
