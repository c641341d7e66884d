import type { Knex } from 'knex'

/** What looked like abuse, in a sentence its subject can read, with what was done about it and until when. */
export async function up(db: Knex): Promise<void> {
  await db.raw(`
    set local role cf_owner;
    set local search_path = app, public;
    create table abuse_findings (
      id uuid primary key,
      org_id uuid not null references organizations,
      user_id uuid references users on delete cascade,
      rule text not null check (rule in ('sign_in_tries', 'first_messages')),
      because text not null,
      counts jsonb not null default '{}',
      action text not null check (action in ('slow', 'pause')),
      at timestamptz not null,
      expires_at timestamptz not null check (expires_at > at),
      appealed_at timestamptz,
      decided_at timestamptz,
      outcome text check (outcome in ('lifted', 'kept')),
      check ((decided_at is null) = (outcome is null))
    );
    create index abuse_findings_org on abuse_findings (org_id, at desc);
    create index abuse_findings_user on abuse_findings (user_id);
    create index abuse_findings_expires on abuse_findings (expires_at);
    select protect('abuse_findings');
    select protect_system('abuse_findings');
    -- An organization reads what was found about it; only the rules and a person's decision write.
    revoke insert, update, delete on abuse_findings from cf_app;
    reset role;
  `)
}

export async function down(db: Knex): Promise<void> {
  await db.raw('drop table app.abuse_findings')
}
