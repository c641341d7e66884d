import type { Knex } from 'knex'

/** Exports that people asked for. A person's own belongs to no organization and is served by cf_system alone. */
export async function up(db: Knex): Promise<void> {
  await db.raw(`
    set local role cf_owner;
    set local search_path = app, public;

    create table exports (
      id uuid primary key,
      org_id uuid references organizations,
      kind text not null check (kind in ('org', 'contact', 'user', 'audit')),
      subject_id uuid,
      requested_by uuid,
      state text not null default 'pending' check (state in ('pending', 'running', 'ready', 'failed', 'expired')),
      location text,
      sha256 bytea,
      records jsonb,
      done int not null default 0,
      total int not null default 0,
      attempts int not null default 0,
      lease_until timestamptz,
      created_at timestamptz not null default now(),
      expires_at timestamptz
    );
    create index exports_org on exports (org_id, created_at desc);
    create index exports_asker on exports (requested_by, created_at desc);
    create index exports_due on exports (expires_at) where state <> 'expired';
    create index exports_waiting on exports (created_at) where state in ('pending', 'running');

    select protect('exports'), protect_system('exports');
    reset role;
  `)
}

export async function down(db: Knex): Promise<void> {
  await db.raw('drop table app.exports')
}
