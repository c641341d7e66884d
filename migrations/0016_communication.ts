import type { Knex } from 'knex'

/** Which version of the privacy policy was shown to whom, and on which road. */
export async function up(db: Knex): Promise<void> {
  await db.raw(`
    set local role cf_owner;
    set local search_path = app, public;
    create table policy_acceptances (
      user_id uuid not null references users on delete cascade,
      version text not null check (version ~ '^[0-9-]{10,13}$'),
      road text not null check (road in ('sign_up', 'invitation')),
      at timestamptz not null,
      primary key (user_id, version)
    );
    select protect_system('policy_acceptances');
    reset role;
  `)
}

export async function down(db: Knex): Promise<void> {
  await db.raw('drop table app.policy_acceptances')
}
