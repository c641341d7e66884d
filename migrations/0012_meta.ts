import type { Knex } from 'knex'

/** By which Meta app a number is connected and whose grant its token is, so that Meta's callbacks find it. */
export async function up(db: Knex): Promise<void> {
  await db.raw(`
    set local role cf_owner;
    set local search_path = app, public;
    alter table connections
      add column app_id text check (app_id ~ '^[0-9]{1,32}$'),
      add column granted_by text check (granted_by ~ '^[0-9]{1,32}$');
    create index connections_app on connections (app_id) where app_id is not null;
    alter table deletions drop constraint deletions_kind_check;
    alter table deletions add constraint deletions_kind_check check (kind in ('org', 'contact', 'user', 'meta_user'));
    grant select (app_id, granted_by) on connections to cf_lookup;
    reset role;
    grant create on schema app to cf_lookup;

    set local role cf_lookup;
    -- Meta's callbacks name an app and no organization.
    create function app_connections(p_app text) returns table (org_id uuid, id uuid, granted_by text)
    language sql stable security definer set search_path = pg_catalog as $$
      select c.org_id, c.id, c.granted_by from app.connections c where c.app_id = p_app order by c.id $$;
    revoke all on function app_connections(text) from public;
    grant execute on function app_connections(text) to cf_system;
    reset role;
    revoke create on schema app from cf_lookup;
  `)
}

export async function down(db: Knex): Promise<void> {
  await db.raw(`
    drop function app.app_connections(text);
    delete from app.deletions where kind = 'meta_user';
    alter table app.deletions drop constraint deletions_kind_check;
    alter table app.deletions add constraint deletions_kind_check check (kind in ('org', 'contact', 'user'));
    alter table app.connections drop column granted_by, drop column app_id;
  `)
}
