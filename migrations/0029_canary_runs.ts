import type { Knex } from 'knex'

/** Whether the organization that is made only to be deleted was gone afterwards, and how many places were looked at. */
export async function up(db: Knex): Promise<void> {
  await db.raw(`
    set local role cf_owner;
    set local search_path = app, public;
    create table canary_runs (
      id uuid primary key,
      at timestamptz not null,
      ended_at timestamptz,
      planted int not null default 0,
      outcome text check (outcome in ('clean', 'found', 'blind')),
      findings jsonb not null default '[]',
      unsearched jsonb not null default '[]',
      check ((ended_at is null) = (outcome is null))
    );
    create index canary_runs_at on canary_runs (at);
    select protect_system('canary_runs');
    reset role;
  `)
}

export async function down(db: Knex): Promise<void> {
  await db.raw('drop table app.canary_runs')
}
