import type { Knex } from 'knex'

/** The fence of a contact's erasure, what is kept of a colleague who was erased, and exports that an erasure overtook. */
export async function up(db: Knex): Promise<void> {
  await db.raw(`
    set local role cf_owner;
    set local search_path = app, public;

    alter table contacts add column erasing_at timestamptz;
    create index contacts_erasing on contacts (org_id, id) where erasing_at is not null;

    -- In what stays of an erased colleague id stands for them; user_id is what the audit log, which nobody rewrites, has.
    create table former_members (
      org_id uuid not null references organizations,
      id uuid not null,
      user_id uuid not null,
      label text not null check (label ~ '^[0-9A-F]{4}$'),
      at timestamptz not null,
      primary key (org_id, id),
      unique (org_id, user_id),
      unique (org_id, label)
    );
    select protect('former_members');
    create index audit_log_actor on audit_log (org_id, actor_id) where actor_kind = 'user';

    alter table exports drop constraint exports_state_check;
    alter table exports add constraint exports_state_check
      check (state in ('pending', 'running', 'ready', 'failed', 'expired', 'superseded'));
    reset role;
  `)
}

export async function down(db: Knex): Promise<void> {
  await db.raw(`
    drop index app.audit_log_actor;
    drop table app.former_members;
    alter table app.contacts drop column erasing_at;
    alter table app.exports drop constraint exports_state_check;
    update app.exports set state = 'expired' where state = 'superseded';
    alter table app.exports add constraint exports_state_check
      check (state in ('pending', 'running', 'ready', 'failed', 'expired'));
  `)
}
