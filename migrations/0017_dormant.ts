import type { Knex } from 'knex'

/** When an organization was last used, and how far it is on the way to being closed because nobody does. */
export async function up(db: Knex): Promise<void> {
  await db.raw(`
    set local role cf_owner;
    set local search_path = app, public;
    alter table organizations
      add column active_at timestamptz not null default now(),
      add column closes_at timestamptz,
      add column close_notices int not null default 0 check (close_notices between 0 and 3);
    reset role;
  `)
}

export async function down(db: Knex): Promise<void> {
  await db.raw(
    'alter table app.organizations drop column active_at, drop column closes_at, drop column close_notices',
  )
}
